"""`inpaint run`: read a clip and its mask, inpaint it, write it, and write down how it was made."""

import logging
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from diffusers import CogVideoXTransformer3DModel
from numpy.typing import NDArray

from inpainting import provenance
from inpainting.errors import InputError, UsageError
from inpainting.files import file_digest, folder_digest, write_json
from inpainting.filling.settings import FillSettings, Signal
from inpainting.inference.inpainter import Clip, Inpainter, load_inpainter
from inpainting.inference.settings import RunCommand
from inpainting.models import adapter as adapters
from inpainting.models import loading
from inpainting.progress import Progress
from inpainting.settings import existing
from inpainting.video import masks, media, recording, sequence, windows
from inpainting.video.media import Footage
from inpainting.video.settings import MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def run(settings: RunCommand) -> None:
    """Inpaint `settings.input` where `settings.mask` says so.

    Raises UsageError where an option names something that is not there or can't be written, InputError where a file
    can't be read or frames, masks, adapter and base do not fit together.
    """
    mask_path = _check_paths(settings)
    mask_settings, window_settings, signal = _model_settings(settings)
    footage = media.read_footage(settings.input, settings.frames)
    mask = fit_masks(media.read_masks(mask_path, settings.frames), footage)
    hole = masks.to_hole(mask, mask_settings)
    width, height = footage.size
    log.info("%d frames of %dx%d, %.3g %% of them to inpaint", len(mask), width, height, 100 * hole.mean())
    if hole.any():
        inpainter = load_inpainter(
            settings,
            settings.adapter,
            footage.size,
            mask_settings,
            window_settings,
            settings.prompt,
            fill=settings.fill,
        )
        frames = _inpaint(inpainter, footage.frames, mask, settings)
    else:
        log.info("the mask is empty: there is nothing to inpaint, and the output's frames are the input's")
        frames = footage.frames
    written = Footage(frames, footage.rate, footage.pixel_aspect)
    recording.write_footage(settings.output, written, settings.input if footage.rate is not None else None)
    write_json(
        settings.output.with_name(settings.output.name + ".json"),
        _description(settings, mask_path, written, float(hole.mean()), mask_settings, window_settings, signal),
    )
    log.info("written: %s, and beside it %s.json", settings.output, settings.output.name)


def _check_paths(settings: RunCommand) -> Path:
    """The mask's path, after a look at whatever can be told before anything is read."""
    existing(settings.input, "--input", "a video or a folder of frames")
    if settings.mask is None and not (settings.input / sequence.MASK).is_dir():
        raise UsageError(
            f"--mask: a mask is needed, since {settings.input} is not a folder with {sequence.MASK} in it; give a "
            "video, a folder or an image that is white where to inpaint"
        )
    mask = existing(settings.mask or settings.input, "--mask", "a video, a folder of masks or one image")
    if settings.adapter is not None:
        existing(settings.adapter, "--adapter", "a folder that training wrote")
    recording.check_output(settings.output, [settings.input, mask])
    loading.source(settings.base)
    loading.resolve_device(settings.device)
    return mask


def _model_settings(settings: RunCommand) -> tuple[MaskSettings, WindowSettings, Signal]:
    """The adapter's masks, windows and signal, or without one the command line's, and in the log what that means."""
    if settings.adapter is not None:
        config = adapters.read_adapter_config(settings.adapter)
        parts = (config.masks, config.windows, config.condition)
        log.info("the adapter's settings hold: %s", " ".join(part.to_options() for part in parts))
        return config.masks, config.windows, config.condition.signal
    log.info(
        "no --adapter: %s is used as it is, untrained for inpainting, and its known latents are replaced at each step; "
        "expect rough results",
        settings.base,
    )
    window_settings = settings.section(WindowSettings)
    made_for = CogVideoXTransformer3DModel.load_config(**loading.source(settings.base), subfolder="transformer")
    frames = made_for.get("sample_frames", window_settings.window)
    if frames < window_settings.window:
        log.info(
            "%s was made for %d frames at a time; --window %d may give better results", settings.base, frames, frames
        )
    return settings.section(MaskSettings), window_settings, settings.fill


def fit_masks(mask: NDArray[np.uint8], footage: Footage) -> NDArray[np.uint8]:
    """The masks, one for each frame; a single one holds for all of them.

    mask: uint8 [1 or frames, height, width]. Raises InputError when there are more or fewer, or their size differs.
    """
    count, height, width = mask.shape
    if (width, height) != footage.size:
        raise InputError(
            f"the mask is {width}x{height}, but the frames are {footage.size[0]}x{footage.size[1]}; make them agree"
        )
    if count not in (1, len(footage.frames)):
        raise InputError(
            f"there are {count} masks for {len(footage.frames)} frames; give one mask for each frame, or one for all"
        )
    return np.broadcast_to(mask, (len(footage.frames), height, width))


def _inpaint(inpainter: Inpainter, rgb: Clip, mask: NDArray[np.uint8], settings: RunCommand) -> Clip:
    """The model's own frames or, unless --raw, those with the known pixels put back."""
    count = len(windows.plan(len(rgb), inpainter.windows.window, inpainter.windows.window_overlap))
    progress = Progress("denoise", f"steps of {count} windows", count * settings.steps)
    start = time.monotonic()
    raw = inpainter.inpaint(rgb, mask, settings.steps, settings.seed, progress.step)
    log.info("inpainted in %.3g seconds per frame", (time.monotonic() - start) / len(rgb))
    return raw if settings.raw else masks.composite(raw, rgb, inpainter.hole(mask))


def _description(
    settings: RunCommand,
    mask_path: Path,
    written: Footage,
    coverage: float,
    mask_settings: MaskSettings,
    window_settings: WindowSettings,
    signal: Signal,
) -> dict[str, Any]:
    """What <output>.json says: how the output was made, and of what; never when, so that it is the same each time."""
    inputs = {
        "input": _digest(settings.input),
        "mask": _digest(mask_path),
        "transformer": loading.part_digest(settings.base, "transformer"),
        "vae": loading.part_digest(settings.base, "vae"),
    }
    if settings.adapter is not None:
        inputs["adapter"] = folder_digest(settings.adapter)
    told = provenance.describe(
        settings,
        inputs,
        leave_out={"output"}.union(*(kind.model_fields for kind in (MaskSettings, WindowSettings, FillSettings))),
    )
    told["settings"] |= mask_settings.model_dump() | window_settings.model_dump() | {"condition": signal}
    told["versions"]["av"] = av.__version__
    method = "adapter" if settings.adapter is not None else "latent replacement with the untouched base"
    width, height = written.size
    told["output"] = {
        "method": method if coverage else "none, since the mask is empty",
        "frames": len(written.frames),
        "size": f"{width}x{height}",
        "rate": None if written.rate is None else str(written.rate),
        "mask_coverage": coverage,
    }
    return told


def _digest(path: Path) -> str:
    return folder_digest(path) if path.is_dir() else file_digest(path)
