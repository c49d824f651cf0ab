"""Larger holes for training than the dataset has: grown, and with moving shapes added to them.

Masks alone are changed; no window is encoded anew. The conditioning has to hold for any hole. `concat_rgb` shows the
input under all of it anyway, and `replace` throws away what is known of the cells that the larger hole covers. (Those
beside it were encoded with its pixels in sight: with models/nano they are off by 9 % of the latents' spread, and by 3 %
from four cells on.) `concat` is refused: what lies under the hole was painted over before the VAE, so its condition
would show what its mask says is hidden.
"""

import numpy as np

from inpainting.core import seeds
from inpainting.stages.training.settings import AugmentationSettings
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.outlines import moving_hole

SHAPE_SHARE = (0.01, 0.06)
"""Share of a frame that a shape covers, least and most, before it leaves the frame in part."""


def enlarged(hole: Hole, settings: AugmentationSettings, seed: int, sample: int) -> Hole:
    """The hole that sample number `sample`, counted from the start of training, is trained with.

    hole: bool [frames, height, width], not yet dilated as inference does; all of it stays hole. What is added depends
    on the seed and the sample alone.
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
