"""Inpainting clips of any length and size with a base model and, where there is one, its adapter."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from numpy.typing import NDArray
from torch import Tensor

from inpainting import seeds
from inpainting.errors import InputError
from inpainting.filling.fills import fill as fill_hole
from inpainting.filling.settings import Fill, Signal
from inpainting.inference import conditioning
from inpainting.inference.conditioning import Frame
from inpainting.models import adapter as adapters
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.models.settings import ModelSettings
from inpainting.video import masks, windows
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

Clip = NDArray[np.uint8]
"""uint8 [frames, height, width, 3]."""

OverWindows = Callable[[list[Clip], list[Hole], list[int]], list[Clip]]
"""From windows, their holes and their first frames to the windows' new frames."""

WINDOWS_AT_ONCE = 2
"""Windows in a batch on the CPU, which is no slower on two than on one; a GPU takes them one by one, for its memory."""


@dataclass
class Inpainter:
    """A loaded model that inpaints. Without an adapter it is the untouched base with its known latents replaced."""

    vae: AutoencoderKLCogVideoX
    transformer: CogVideoXTransformer3DModel
    scheduler: CogVideoXDDIMScheduler
    prompt: Tensor
    masks: MaskSettings
    windows: WindowSettings
    signal: Signal
    dtype: torch.dtype
    adapted: bool

    def inpaint(
        self,
        rgb: Clip,
        mask: NDArray[np.uint8],
        steps: int,
        seed: int,
        stepped: Callable[[int], None] = lambda windows: None,
    ) -> Clip:
        """The model's own frames everywhere; `masks.composite` puts the known pixels back.

        rgb: uint8 [frames, height, width, 3]; mask as stored: uint8 [frames, height, width]. The same seed, machine and
        input give the same bytes. `stepped` is called after each denoising step, with the windows that took it.
        Raises InputError when the clip and its mask differ in frames or size.
        """
        if rgb.shape[:3] != mask.shape:
            raise InputError(f"the frames are {_shape(rgb)} and the masks {_shape(mask)}; they must agree")
        hole = masks.to_hole(mask, self.masks)
        filled = fill_hole(rgb, self.hole(mask), self.signal)

        def inpaint_windows(frames: list[Clip], parts: list[Hole], starts: list[int]) -> list[Clip]:
            generators = [torch.Generator().manual_seed(seeds.derive(seed, "inference.noise", at)) for at in starts]
            timesteps = self._timesteps(steps, lambda: stepped(len(starts)))
            return self._inpaint_windows(frames, parts, timesteps, generators)

        return self._over_windows(filled, hole, inpaint_windows)

    def reconstruct(self, clip: Clip) -> Clip:
        """The clip through the VAE and back: what no inpainting with this VAE can surpass on average."""
        nothing = np.zeros(clip.shape[:3], bool)

        def through(frames: list[Clip], _: list[Hole], __: list[int]) -> list[Clip]:
            signals = torch.stack([vae_latents.to_signal(window) for window in frames])
            return self._decode(vae_latents.encode(self.vae, signals)[0])

        return self._over_windows(clip, nothing, through)

    def hole(self, mask: NDArray[np.uint8]) -> Hole:
        """The dilated hole that is greyed out and inpainted: bool [frames, height, width]."""
        return masks.dilate(masks.to_hole(mask, self.masks), self.masks.mask_dilation)

    def _over_windows(self, clip: Clip, hole: Hole, inpaint_windows: OverWindows) -> Clip:
        """Apply a function to the windows of a clip and fade the results into each other where they overlap."""
        frames, height, width, _ = clip.shape
        frame = Frame(height, width)
        starts = windows.plan(frames, self.windows.window, self.windows.window_overlap)
        length = windows.padded_length(frames, self.windows.window)
        at_once = WINDOWS_AT_ONCE if self.vae.device.type == "cpu" else 1

        def results() -> Iterator[Clip]:
            for first in range(0, len(starts), at_once):
                batch = starts[first : first + at_once]
                clips = [frame.pad(windows.pad(clip[start : start + length], length)) for start in batch]
                holes = [frame.pad(windows.pad(hole[start : start + length], length)) for start in batch]
                yield from map(frame.crop, inpaint_windows(clips, holes, batch))

        return windows.join(results(), starts, length, frames)

    def _decode(self, latents: Tensor) -> list[Clip]:
        return [vae_latents.to_pixels(signal) for signal in vae_latents.decode(self.vae, latents)]

    def _timesteps(self, steps: int, stepped: Callable[[], None]) -> Iterator[Tensor]:
        self.scheduler.set_timesteps(steps)
        for timestep in self.scheduler.timesteps:
            yield timestep
            stepped()

    def _inpaint_windows(
        self, filled: list[Clip], holes: list[Hole], timesteps: Iterable[Tensor], generators: list[torch.Generator]
    ) -> list[Clip]:
        """Windows padded to the grid, as one batch; the holes are dilated after padding, as for training."""
        holes = [masks.dilate(hole, self.masks.mask_dilation) for hole in holes]
        pairs = zip(filled, holes, strict=True)
        signals = [conditioning.condition_signal(window, hole, self.signal) for window, hole in pairs]
        condition = conditioning.encode_condition(self.vae, torch.stack(signals))
        if self.adapted:
            mask = torch.stack([conditioning.mask_channel(hole) for hole in holes])
            latents = self._denoise(condition, mask, timesteps, generators)
        else:
            keep = 1 - torch.stack([torch.from_numpy(masks.latent_any(hole))[:, None] for hole in holes])
            latents = self._denoise_replacing(condition, keep.to(condition), timesteps, generators)
        return self._decode(latents)

    def _denoise(
        self, condition: Tensor, mask: Tensor, timesteps: Iterable[Tensor], generators: list[torch.Generator]
    ) -> Tensor:
        """DDIM from pure noise, the condition and the mask beside the noisy latents."""
        latents = _noise_like(condition, generators)
        for timestep in timesteps:
            model_input = conditioning.model_input(latents, condition, mask)
            latents = self.scheduler.step(self._velocity(model_input, timestep), timestep, latents).prev_sample
        return latents

    def _denoise_replacing(
        self, known: Tensor, keep: Tensor, timesteps: Iterable[Tensor], generators: list[torch.Generator]
    ) -> Tensor:
        """DDIM on the base model; before each step, latents outside the hole become the known, noised."""
        latents = _noise_like(known, generators)
        for timestep in timesteps:
            noise = _noise_like(known, generators)
            noised = self.scheduler.add_noise(known, noise, timestep[None])
            latents = torch.lerp(latents, noised, keep)
            latents = self.scheduler.step(self._velocity(latents, timestep), timestep, latents).prev_sample
        return torch.lerp(latents, known, keep)

    @torch.no_grad()
    def _velocity(self, model_input: Tensor, timestep: Tensor) -> Tensor:
        batch = len(model_input)
        prompt = self.prompt.to(model_input).expand(batch, -1, -1)
        with autocast(model_input.device, self.dtype):
            velocity = self.transformer(
                model_input, prompt, timestep.expand(batch).to(model_input.device), return_dict=False
            )[0]
        return velocity.float()


def _noise_like(latents: Tensor, generators: list[torch.Generator]) -> Tensor:
    """Normal noise for a batch, each clip's drawn from its own generator on the CPU, whatever the device."""
    return torch.stack([torch.randn(latents.shape[1:], generator=one) for one in generators]).to(latents)


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[None]:
    """Autocast to the base weights' precision, so that they meet the float32 adapter; nothing for float32."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype)


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
    random_base = None
    signal: Signal = fill
    if adapter is not None:
        config = adapters.read_adapter_config(adapter)
        mask_settings, window_settings, signal = config.masks, config.windows, config.condition.signal
        random_base = config.random_base
        for part, digest in (("transformer", config.transformer_digest), ("vae", config.vae_digest)):
            if digest != loading.part_digest(model.base, part):
                raise InputError(f"{adapter} was trained on another {part} ({config.base}) than {model.base} holds")
    latent_size = Frame(size[1], size[0]).latent_size
    transformer = loading.load_transformer(model.base, dtype, device, latent_size, window_settings.window, random_base)
    if adapter is not None:
        adapters.load_adapter(transformer, adapter)
    if adapter is not None and prompt is None:
        embedding = loading.read_prompt(adapter / adapters.PROMPT_FILE)
    else:
        embedding = loading.encode_prompt(model.base, prompt or "", device)
    return Inpainter(
        vae=loading.load_vae(model.base, dtype, device),
        transformer=transformer.eval(),
        scheduler=loading.load_scheduler(model.base),
        prompt=embedding,
        masks=mask_settings,
        windows=window_settings,
        signal=signal,
        dtype=dtype,
        adapted=adapter is not None,
    )


def _shape(clip: NDArray[np.uint8]) -> str:
    return f"{clip.shape[0]} of {clip.shape[2]}x{clip.shape[1]}"
