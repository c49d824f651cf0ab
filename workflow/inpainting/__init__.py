"""Fine-tune CogVideoX to inpaint image sequences."""
