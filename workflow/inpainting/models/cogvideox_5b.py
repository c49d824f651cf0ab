"""CogVideoX-5b: rotary positions, which are passed to the transformer at each call; otherwise as CogVideoX-2b."""

from inpainting.models.cogvideox import CogVideoX


class CogVideoX5B(CogVideoX):
    """See `Family`."""

    name = "CogVideoX-5b"
    features = "rotary positions"
    trained_in = ("bfloat16",)
    rotary = True


COGVIDEOX_5B = CogVideoX5B()
