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


def _without_transformer(settings: "EvaluateCommand", fill: Callable[[SequenceClip, Hole], Frames]) -> Method:
    """A method with the command's own mask settings; fill: takes a clip and its dilated hole."""
    hole = partial(masks.inpainted, settings=settings)
    return Method(hole, lambda clip: fill(clip, hole(clip.mask)))


def _classical(settings: "EvaluateCommand", baseline: Baseline) -> Method:
    return _without_transformer(settings, lambda clip, hole: baseline.fill(clip.rgb, hole))


def _external(settings: "EvaluateCommand") -> Method:
    assert settings.outputs is not None
    read = partial(read_output, settings.outputs, settings.dataset, folders=settings.folders)
    return _without_transformer(settings, lambda clip, hole: read(clip))


def _inpainting(
    settings: "EvaluateCommand", damage: Callable[[Hole, np.random.Generator], Hole] | None = None
) -> Method:
    """The model, with an adapter if one is given; damage: of the hole that it is shown, not of the one scored."""
    from inpainting.sampling.loading import load_pipeline, noise_generator

    pipeline = load_pipeline(settings.section(InferenceSettings), settings.adapter)
    mask_settings = settings.section(MaskSettings) if pipeline.adapter is None else pipeline.adapter.masks

    def fill(clip: SequenceClip) -> Frames:
        hole = masks.to_hole(clip.mask, mask_settings)
        if damage is not None:
            hole = damage(hole, np.random.default_rng(derive(settings.seed, "evaluation.degraded", clip.sequence)))
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

    return Method(partial(masks.inpainted, settings=mask_settings), fill)


def _ceiling(settings: "EvaluateCommand") -> Method:
    """The VAE alone; the transformer is not loaded."""
    from inpainting.models import bases, loading
    from inpainting.sampling.vae_windows import reconstruct

    device = loading.resolve_device(settings.device)
    vae = loading.load_vae(settings.base, loading.vae_dtype(settings, device), device)
    geometry, window, overlap = bases.family(settings.base).geometry, settings.window, settings.window_overlap
    return _without_transformer(settings, lambda clip, _: reconstruct(vae, geometry, clip.truth, window, overlap))


METHODS: dict[str, MethodEntry] = {
    "ceiling": MethodEntry(CEILING, "the ground truth, encoded and decoded by the VAE", _ceiling, learned=True),
    "base": MethodEntry(
        BASE,
        "the base model without fine-tuning; the known latents are replaced at every step",
        _inpainting,
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
        _inpainting,
        takes_adapter=True,
        learned=True,
        compared=False,
    ),
    "degraded_masks": MethodEntry(
        DEGRADED,
        "the fine-tuned model, shown masks of which a quarter is empty and a quarter eroded; scored and composited in "
        "the whole masks",
        partial(_inpainting, damage=mask_damage.half_damaged),
        takes_adapter=True,
        learned=True,
        compared=False,
    ),
    "external": MethodEntry(EXTERNAL, "another tool's frames, scored as they are", _external, compared=False),
}
"""All methods by name, in the order of the default of `evaluation.methods`."""
