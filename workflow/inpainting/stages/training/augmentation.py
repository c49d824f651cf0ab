"""Larger holes for training than the dataset has: grown, and with moving shapes added to them.

Only masks change; no window is encoded again, so the cached latents have to suit any hole. With `concat_rgb` the
condition is the whole input anyway, and `replace` discards the latent cells that the larger hole covers. (Cells beside
it were encoded with its pixels visible: with models/nano their error is 9 % of the latents' standard deviation, and 3 %
from four cells on.) `concat` is refused: before the VAE, its condition was filled only in the dataset's hole, so it
would show what the larger mask hides.
"""

import numpy as np

from inpainting.core import seeds
from inpainting.stages.training.settings import AugmentationSettings
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.outlines import moving_hole

SHAPE_SHARE = (0.01, 0.06)
"""Smallest and largest share of a frame that a shape covers while it is wholly inside."""


def enlarged(hole: Hole, settings: AugmentationSettings, seed: int, sample: int) -> Hole:
    """The hole with which sample number `sample`, counted from the start of training, is trained.

    hole: bool [frames, height, width], before `mask_dilation`; the result contains it. What is added depends only on
    the seed and the sample.
    """
    rng = np.random.default_rng(seeds.derive(seed, "training.augmentation", sample))
    if rng.random() >= settings.augmented_share:
        return hole
    larger = masks.dilate(hole, int(rng.integers(settings.augmented_dilation + 1)))
    frames, height, width = hole.shape
    for _ in range(int(rng.integers(settings.augmented_shapes + 1))):
        radius = float(np.sqrt(rng.uniform(*SHAPE_SHARE) * height * width / np.pi))
        larger |= moving_hole(rng, frames, (width, height), radius)
    return larger
