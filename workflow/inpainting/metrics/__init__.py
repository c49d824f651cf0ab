"""How well a clip was inpainted: scores of frames, and what they amount to over sequences."""
