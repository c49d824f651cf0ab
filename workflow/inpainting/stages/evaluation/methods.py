"""Registry of the methods that are compared: how each fills a clip, and of which kind it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.method_kinds import ADAPTER, BASE, CEILING, DEGRADED, EXTERNAL, Kind
from inpainting.baselines.baseline import Baseline
from inpainting.baselines.registry import BASELINES
from inpainting.core.seeds import derive
from inpainting.models.settings import InferenceSettings
from inpainting.stages.evaluation.external import read_output
from inpainting.video import mask_damage, masks
from inpainting.video.clip import Frames, SequenceClip
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings

if TYPE_CHECKING:
    from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
    from inpainting.stages.evaluation.settings import EvaluateCommand


@dataclass(frozen=True)
class Method:
    """A method, loaded.

    hole: takes masks as stored, uint8 [frames, height, width], and returns the dilated hole that is filled and
    composited, bool of the same shape. fill: takes a clip and returns the method's frames, uint8
    [frames, height, width, 3], not composited.
    """

    hole: Callable[[NDArray[np.uint8]], Hole]
    fill: Callable[[SequenceClip], Frames]


@dataclass(frozen=True)
class MethodEntry:
    """An entry of METHODS: the description for tables and help texts, and the function that loads the method."""

    kind: Kind
    description: str
    """What it does, for table captions and help texts."""
    load: Callable[["EvaluateCommand"], Method]
    """Loads the method and its model."""
    takes_adapter: bool = False
    """Whether it needs an adapter's folder; other methods take none."""
    learned: bool = False
    """Whether it needs a model, and therefore asks for a GPU."""
    compared: bool = True
    """Whether it is in the default of `evaluation.methods`."""


def load_method(settings: "EvaluateCommand") -> Method:
    """Load the method that the settings name."""
    return METHODS[settings.method].load(settings)


def _without_model(settings: "EvaluateCommand", fill: Callable[[SequenceClip, Hole], Frames]) -> Method:
    """A method that needs no model; fill: takes a clip and its dilated hole."""

    def hole(mask: NDArray[np.uint8]) -> Hole:
        return masks.inpainted(mask, settings)

    return Method(hole, lambda clip: fill(clip, hole(clip.mask)))


def _classical(settings: "EvaluateCommand", baseline: Baseline) -> Method:
    return _without_model(settings, lambda clip, hole: baseline.fill(clip.rgb, hole))


def _external(settings: "EvaluateCommand") -> Method:
    assert settings.outputs is not None
    read = partial(read_output, settings.outputs, settings.dataset, folders=settings.folders)
    return _without_model(settings, lambda clip, hole: read(clip))


def _learned(
    settings: "EvaluateCommand", fill: Callable[["EvaluateCommand", "CogVideoXInpaintPipeline", SequenceClip], Frames]
) -> Method:
    """A method that needs the model; fill: takes the settings, the loaded pipeline and a clip."""
    from inpainting.sampling.loading import load_pipeline

    pipeline = load_pipeline(settings.section(InferenceSettings), settings.adapter)
    mask_settings = _mask_settings(settings)

    def hole(mask: NDArray[np.uint8]) -> Hole:
        return masks.inpainted(mask, mask_settings)

    return Method(hole, lambda clip: fill(settings, pipeline, clip))


def _mask_settings(settings: "EvaluateCommand") -> MaskSettings:
    """The mask settings of the adapter, or those of the command without one."""
    from inpainting.conditioning.adapter import read_adapter_config

    return settings.section(MaskSettings) if settings.adapter is None else read_adapter_config(settings.adapter).masks


def _inpaint(settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip) -> Frames:
    return _inpaint_hole(settings, pipeline, clip, masks.to_hole(clip.mask, _mask_settings(settings)))


def _inpaint_degraded(settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip) -> Frames:
    rng = np.random.default_rng(derive(settings.seed, "evaluation.degraded", clip.sequence))
    hole = masks.to_hole(clip.mask, _mask_settings(settings))
    return _inpaint_hole(settings, pipeline, clip, mask_damage.half_damaged(hole, rng))


def _inpaint_hole(
    settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip, hole: Hole
) -> Frames:
    from inpainting.sampling.loading import noise_generator

    mask_settings = _mask_settings(settings)
    frames: Frames = pipeline(
        clip.rgb,
        hole,
        num_inference_steps=settings.steps,
        generator=noise_generator(derive(settings.seed, "evaluation.noise", clip.sequence)),
        mask_settings=mask_settings,
        window=settings.window,
        window_overlap=settings.window_overlap,
        fill=settings.fill,
        composite=False,
    ).frames
    return frames


def _reconstruct(settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip) -> Frames:
    return pipeline.reconstruct(clip.truth, settings.window, settings.window_overlap)


METHODS: dict[str, MethodEntry] = {
    "ceiling": MethodEntry(
        CEILING, "the ground truth, encoded and decoded by the VAE", partial(_learned, fill=_reconstruct), learned=True
    ),
    "base": MethodEntry(
        BASE,
        "the base model without fine-tuning; the known latents are replaced at every step",
        partial(_learned, fill=_inpaint),
        learned=True,
    ),
    **{
        name: MethodEntry(
            baseline.kind, baseline.description, partial(_classical, baseline=baseline), compared=baseline.compared
        )
        for name, baseline in BASELINES.items()
    },
    "adapter": MethodEntry(
        ADAPTER,
        "the fine-tuned model",
        partial(_learned, fill=_inpaint),
        takes_adapter=True,
        learned=True,
        compared=False,
    ),
    "degraded_masks": MethodEntry(
        DEGRADED,
        "the fine-tuned model, shown masks of which a quarter is empty and a quarter eroded; scored and composited in "
        "the whole masks",
        partial(_learned, fill=_inpaint_degraded),
        takes_adapter=True,
        learned=True,
        compared=False,
    ),
    "external": MethodEntry(EXTERNAL, "another tool's frames, scored as they are", _external, compared=False),
}
"""All methods by name, in the order of the default of `evaluation.methods`."""
