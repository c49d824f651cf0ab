"""The methods that are compared, by name: what each makes of a clip, and what kind of method it is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.clips import Clip
from inpainting.baselines.settings import FillSettings
from inpainting.core.seeds import derive
from inpainting.models.settings import ModelSettings
from inpainting.stages.evaluation.baselines import BASELINES
from inpainting.stages.evaluation.external import read_output
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

LEARNED = {
    "base": "the untouched base model, its known latents replaced at every step",
    "ceiling": "the truth through the VAE and back",
    "adapter": "the fine-tuned model",
}
"""Methods that need a model, and what the tables' readers are told about them."""

LEARNED_ONLY = {"steps", "seed"}.union(*(kind.model_fields for kind in (ModelSettings, WindowSettings, FillSettings)))
"""Settings that shape nothing of what a classical method makes."""


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
    """The method that the settings name. A model is loaded."""
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
    from inpainting.models.adapter import read_adapter_config
    from inpainting.sampling.loading import load_pipeline, noise_generator

    pipeline = load_pipeline(settings.section(ModelSettings), settings.adapter)
    mask_settings = settings.section(MaskSettings)
    if settings.adapter is not None:
        mask_settings = read_adapter_config(settings.adapter).masks

    def hole(mask: NDArray[np.uint8]) -> Hole:
        return masks.dilate(masks.to_hole(mask, mask_settings), mask_settings.mask_dilation)

    def fill(clip: Clip) -> NDArray[np.uint8]:
        if settings.method == "ceiling":
            return pipeline.reconstruct(clip.truth, settings.window, settings.window_overlap)
        frames: NDArray[np.uint8] = pipeline(
            clip.rgb,
            masks.to_hole(clip.mask, mask_settings),
            num_inference_steps=settings.steps,
            generator=noise_generator(derive(settings.seed, "evaluation.noise", clip.sequence)),
            mask_settings=mask_settings,
            window=settings.window,
            window_overlap=settings.window_overlap,
            fill=settings.fill,
            composite=False,
        ).frames
        return frames

    return Method(hole, fill)
