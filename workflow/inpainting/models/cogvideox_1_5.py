"""CogVideoX1.5-5b: rotary positions counted from the upper left corner, and tokens of two latent frames.

The VAE's windows have an odd number of latent frames. As in the training of the base (finetune/ of
github.com/zai-org/CogVideo), the first latent frame is repeated before the others, and the prediction for it dropped.
There the copy gets noise of its own; here it has that of the first frame, in training and inference alike.
`invert_scale_latents` of the VAE concerns the image of the image-to-video model alone.
"""

from inpainting.models.family import Family


class CogVideoX15(Family):
    """See `Family`."""

    name = "CogVideoX1.5-5b"
    features = "rotary positions, patches of 2 latent frames"
    trained_in = ("bfloat16",)
    rotary = True
    temporal_patch = 2
    inverted_scale = True


COGVIDEOX_1_5 = CogVideoX15()
