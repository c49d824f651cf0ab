"""The methods that are compared, by name: what each makes of a clip, and what kind of method it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.clips import Clip
from inpainting.core.seeds import derive
from inpainting.models.settings import ModelSettings
from inpainting.stages.evaluation.baselines import BASELINES
from inpainting.stages.evaluation.external import read_output
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

if TYPE_CHECKING:
    from inpainting.sampling.inpainter import Inpainter

LEARNED = {
    "base": "the untouched base model, its known latents replaced at every step",
    "ceiling": "the truth through the VAE and back",
    "adapter": "the fine-tuned model",
}
"""Methods that need a model, and what the tables' readers are told about them."""


@dataclass(frozen=True)
class Method:
    """A method, ready to be used.

    hole: from masks as stored, uint8 [frames, height, width], the dilated hole that is filled and composited, bool of
    the same shape. fill: the method's own frames for a clip, uint8 [frames, height, width, 3], not composited.
    """

    hole: Callable[[NDArray[np.uint8]], Hole]
    fill: Callable[[Clip], NDArray[np.uint8]]


def kind_of(method: str) -> str:
    """What a method is in a comparison: adapter, base, classical, external, ceiling or floor."""
    if method in LEARNED:
        return method
    if method == "external":
        return method
    return "floor" if method == "masked_input" else "classical"


def description_of(method: str) -> str:
    """One line on what a method does."""
    if method == "external":
        return "another tool's frames, scored as they were given"
    return LEARNED[method] if method in LEARNED else BASELINES[method].description


def load_method(settings: EvaluateCommand) -> Method:
    """The method that the settings name. Models are loaded when a first mask or clip is given."""
    return _learned(settings) if settings.method in LEARNED else _classical(settings)


def _classical(settings: EvaluateCommand) -> Method:
    def hole(mask: NDArray[np.uint8]) -> Hole:
        return masks.dilate(masks.to_hole(mask, settings), settings.mask_dilation)

    def fill(clip: Clip) -> NDArray[np.uint8]:
        if settings.outputs is not None:
            return read_output(settings.outputs, settings.dataset, clip)
        return BASELINES[settings.method].fill(clip.rgb, hole(clip.mask))

    return Method(hole, fill)


def _learned(settings: EvaluateCommand) -> Method:
    from inpainting.sampling.inpainter import load_inpainter

    model, mask_settings = settings.section(ModelSettings), settings.section(MaskSettings)
    window_settings = settings.section(WindowSettings)

    @cache
    def inpainter(size: tuple[int, int]) -> "Inpainter":
        return load_inpainter(model, settings.adapter, size, mask_settings, window_settings, fill=settings.fill)

    def hole(mask: NDArray[np.uint8]) -> Hole:
        return inpainter((mask.shape[2], mask.shape[1])).hole(mask)

    def fill(clip: Clip) -> NDArray[np.uint8]:
        if settings.method == "ceiling":
            return inpainter(clip.size).reconstruct(clip.truth)
        seed = derive(settings.seed, "evaluation.noise", clip.sequence)
        return inpainter(clip.size).inpaint(clip.rgb, clip.mask, settings.steps, seed)

    return Method(hole, fill)
