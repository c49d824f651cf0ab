"""The methods that are compared, by name: what each makes of a clip, and what kind of method it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inpainting.artifacts.method_kinds import ADAPTER, BASE, CEILING, EXTERNAL, Kind
from inpainting.baselines.baseline import Baseline
from inpainting.baselines.registry import BASELINES
from inpainting.core.seeds import derive
from inpainting.models.settings import ModelSettings
from inpainting.stages.evaluation.external import read_output
from inpainting.video import masks
from inpainting.video.clip import SequenceClip
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings

if TYPE_CHECKING:
    from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
    from inpainting.stages.evaluation.settings import EvaluateCommand

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Method:
    """A method, ready to be used.

    hole: from masks as stored, uint8 [frames, height, width], the dilated hole that is filled and composited, bool of
    the same shape. fill: the method's own frames for a clip, uint8 [frames, height, width, 3], not composited.
    """

    hole: Callable[[Frames], Hole]
    fill: Callable[[SequenceClip], Frames]


@dataclass(frozen=True)
class MethodEntry:
    """What the tables and the settings know of a method, and how it is made ready."""

    kind: Kind
    description: str
    """What it does, for the tables' readers."""
    load: Callable[["EvaluateCommand"], Method]
    """The method, ready to be used, its model loaded."""
    learned: bool = False
    """Whether it needs a model, and so a GPU where there is one."""
    compared: bool = True
    """Whether the pipeline compares it with the experiments unless the configuration says otherwise."""


def load_method(settings: "EvaluateCommand") -> Method:
    """The method that the settings name."""
    return METHODS[settings.method].load(settings)


def _without_model(settings: "EvaluateCommand", fill: Callable[[SequenceClip, Hole], Frames]) -> Method:
    """A method from its function of a clip and the hole to fill."""

    def hole(mask: Frames) -> Hole:
        return masks.dilate(masks.to_hole(mask, settings), settings.mask_dilation)

    return Method(hole, lambda clip: fill(clip, hole(clip.mask)))


def _classical(settings: "EvaluateCommand", baseline: Baseline) -> Method:
    return _without_model(settings, lambda clip, hole: baseline.fill(clip.rgb, hole))


def _external(settings: "EvaluateCommand") -> Method:
    assert settings.outputs is not None
    read = partial(read_output, settings.outputs, settings.dataset)
    return _without_model(settings, lambda clip, hole: read(clip))


def _learned(
    settings: "EvaluateCommand", fill: Callable[["EvaluateCommand", "CogVideoXInpaintPipeline", SequenceClip], Frames]
) -> Method:
    """A method from its function of a pipeline, which is loaded, and a clip."""
    from inpainting.sampling.loading import load_pipeline

    pipeline, mask_settings = load_pipeline(settings.section(ModelSettings), settings.adapter), _mask_settings(settings)

    def hole(mask: Frames) -> Hole:
        return masks.dilate(masks.to_hole(mask, mask_settings), mask_settings.mask_dilation)

    return Method(hole, lambda clip: fill(settings, pipeline, clip))


def _mask_settings(settings: "EvaluateCommand") -> MaskSettings:
    """The adapter's, where there is one."""
    from inpainting.conditioning.adapter import read_adapter_config

    return settings.section(MaskSettings) if settings.adapter is None else read_adapter_config(settings.adapter).masks


def _inpaint(settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip) -> Frames:
    from inpainting.sampling.loading import noise_generator

    mask_settings = _mask_settings(settings)
    frames: Frames = pipeline(
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


def _reconstruct(settings: "EvaluateCommand", pipeline: "CogVideoXInpaintPipeline", clip: SequenceClip) -> Frames:
    return pipeline.reconstruct(clip.truth, settings.window, settings.window_overlap)


METHODS: dict[str, MethodEntry] = {
    "ceiling": MethodEntry(
        CEILING, "the truth through the VAE and back", partial(_learned, fill=_reconstruct), learned=True
    ),
    "base": MethodEntry(
        BASE,
        "the untouched base model, its known latents replaced at every step",
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
        ADAPTER, "the fine-tuned model", partial(_learned, fill=_inpaint), learned=True, compared=False
    ),
    "external": MethodEntry(EXTERNAL, "another tool's frames, scored as they were given", _external, compared=False),
}
"""The methods that can be compared, by name, in the order in which the pipeline names them."""
