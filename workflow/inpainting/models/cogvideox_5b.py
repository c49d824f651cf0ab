"""CogVideoX-5b: rotary positions, which are passed to the transformer at each call; otherwise as CogVideoX-2b."""

from inpainting.models.family import Family


class CogVideoX5B(Family):
    """See `Family`."""

    name = "CogVideoX-5b"
    features = "rotary positions"
    trained_in = ("bfloat16",)
    rotary = True


COGVIDEOX_5B = CogVideoX5B()
