"""A base model and, where there is one, its adapter, ready to inpaint: what validation, evaluation and users call."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainting.baselines.settings import ConditionSource, Fill
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core import seeds
from inpainting.core.errors import InputError
from inpainting.models import bases, loading
from inpainting.models.settings import ModelSettings
from inpainting.sampling import sampler
from inpainting.sampling.conditioned_clip import Clip, ConditionedClip, condition_clip
from inpainting.sampling.pipeline import UNTRAINED, CogVideoXInpaintPipeline, shape_of
from inpainting.sampling.sampler import Denoising, Told
from inpainting.sampling.window_schedule import Blend, Timeline
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings


@dataclass
class Inpainter:
    """A loaded pipeline with the settings that clips are inpainted by, its randomness from seeds.

    negative: the embedding that guidance over 1 leads away from; at_once: windows in a batch.
    """

    pipeline: CogVideoXInpaintPipeline
    masks: MaskSettings
    windows: WindowSettings
    blend: Blend = "latents"
    guidance: float = 1.0
    negative: Tensor | None = None
    at_once: int | None = None

    def inpaint(
        self,
        rgb: Clip,
        mask: NDArray[np.uint8],
        steps: int,
        seed: int,
        stepped: Told = lambda windows: None,
    ) -> Clip:
        """The model's own frames everywhere; `masks.composite` puts the known pixels back.

        rgb: uint8 [frames, height, width, 3]; mask as stored: uint8 [frames, height, width]. The same seed, machine and
        input give the same bytes. `stepped` is called after each denoising step, with the windows that took it.
        Raises InputError when the clip and its mask differ in frames or size.
        """
        if rgb.shape[:3] != mask.shape:
            raise InputError(f"the frames are {shape_of(rgb)} and the masks {shape_of(mask)}; they must agree")
        return self.inpaint_hole(rgb, masks.to_hole(mask, self.masks), steps, seed, stepped)

    def inpaint_hole(self, rgb: Clip, hole: Hole, steps: int, seed: int, stepped: Told = lambda windows: None) -> Clip:
        """As `inpaint`, where the hole is known, not dilated: bool [frames, height, width]."""
        return self.inpaint_conditioned(self.condition(rgb, hole), steps, seed, stepped)

    def condition(self, rgb: Clip, hole: Hole) -> ConditionedClip:
        """A whole clip as the model is shown it; hole: not dilated, bool [frames, height, width]."""
        return condition_clip(rgb, hole, self.masks.mask_dilation, self.condition_source)

    def inpaint_conditioned(
        self, clip: ConditionedClip, steps: int, seed: int, stepped: Told = lambda windows: None
    ) -> Clip:
        """As `inpaint`, of what `condition` gave."""
        timeline = self.timeline(len(clip.hole))
        made = self.inpaint_windows(clip, timeline, steps, seed, stepped=stepped)
        return windows.join(made, timeline.starts, timeline.length, timeline.frames)

    def inpaint_windows(
        self,
        clip: ConditionedClip,
        timeline: Timeline,
        steps: int,
        seed: int,
        encoded: Told = lambda windows: None,
        stepped: Told = lambda windows: None,
    ) -> Iterator[Clip]:
        """The model's own frames for each window of a timeline, in order; see `sampler.inpaint_windows`."""
        how = Denoising(
            steps=steps,
            prompt=self.pipeline.embedding(None),
            generator=torch.Generator().manual_seed(seeds.derive(seed, "inference.noise")),
            guidance=self.guidance,
            negative=self.negative,
            at_once=self.at_once or self.pipeline.windows_at_once,
            encoded=encoded,
            stepped=stepped,
        )
        dilation = self.masks.mask_dilation
        return sampler.inpaint_windows(self.pipeline.models, clip, timeline, dilation, how)

    def reconstruct(self, clip: Clip) -> Clip:
        """The clip through the VAE and back: what no inpainting with this VAE can surpass on average."""
        timeline = self.timeline(len(clip))
        parts = windows.cut(clip, timeline.starts, timeline.length)
        made = sampler.reconstruct_windows(self.pipeline.models, parts, self.pipeline.windows_at_once)
        return windows.join(made, timeline.starts, timeline.length, len(clip))

    def hole(self, mask: NDArray[np.uint8]) -> Hole:
        """The dilated hole that is greyed out and inpainted: bool [frames, height, width]."""
        return masks.dilate(masks.to_hole(mask, self.masks), self.masks.mask_dilation)

    @property
    def condition_source(self) -> ConditionSource:
        """What the VAE encodes as the condition."""
        return self.pipeline.condition.condition_source

    def timeline(self, frames: int) -> Timeline:
        """The windows that a clip is cut into."""
        geometry = self.pipeline.family.geometry
        return Timeline.plan(frames, self.windows.window, self.windows.window_overlap, geometry, self.blend)


def load_inpainter(
    model: ModelSettings,
    adapter: Path | None,
    size: tuple[int, int],
    mask_settings: MaskSettings,
    window_settings: WindowSettings,
    prompt: str | None = None,
    fill: Fill = "grey",
) -> Inpainter:
    """Load the base model and, where given, an adapter, whose own masks, windows and fill then replace those given.

    `size` is (width, height) of the frames in pixels; `prompt` None means the adapter's, or the empty one.
    Raises InputError when the adapter was trained on another base model.
    """
    device, dtype = loading.resolve_device(model.device), loading.DTYPES[model.dtype]
    if adapter is not None:
        config = adapters.read_adapter_config(adapter)
        mask_settings, window_settings = config.masks, config.windows
    latent_size = bases.family(model.base).geometry.latent_size(size[1], size[0])
    pipeline = CogVideoXInpaintPipeline(
        tokenizer=None,
        text_encoder=None,
        vae=loading.load_vae(model.base, loading.vae_dtype(model, device), device),
        transformer=loading.load_transformer(model.base, dtype, device, latent_size, window_settings.window),
        scheduler=loading.load_scheduler(model.base),
    )
    pipeline.condition = ConditionSettings(conditioning=UNTRAINED.conditioning, fill=fill)
    if adapter is not None:
        pipeline.load_adapter(adapter, model.base)
    if adapter is None or prompt is not None:
        pipeline.prompt = loading.encode_prompt(model.base, prompt or "", device)
    return Inpainter(pipeline, mask_settings, window_settings)
