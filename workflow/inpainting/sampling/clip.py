"""Inpaint one clip of `inpaint run`, frame by frame, so that memory does not grow with its length."""

import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av

from inpainting.core import provenance
from inpainting.core.files import file_digest, folder_digest, read_json, write_json
from inpainting.core.progress import Progress
from inpainting.models import bases, loading
from inpainting.models.adapter_files import adapter_digest
from inpainting.sampling import on_disk
from inpainting.sampling.joints import JointMeter
from inpainting.sampling.masked_clip import MaskedClip, scan_clip
from inpainting.sampling.preview import draw_preview
from inpainting.sampling.region import Region
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.window_schedule import WindowSchedule
from inpainting.video import masks, writer
from inpainting.video.images import Picture
from inpainting.video.reader import FrameReader
from inpainting.video.settings import MaskSettings
from inpainting.video.writer import VideoHeader

MOSTLY_HOLE = 0.5
"""Share of all pixels. Masks that cover more are often inverted."""

log = logging.getLogger(__name__)


def inpaint_clip(model: RunModel, input: Path, mask: Path, output: Path) -> None:
    """Inpaint `input` where `mask` is set; write `output` and its metadata, <output>.json.

    Raises InputError if a file can't be read, if frames and masks do not match, or if the disk is full.
    """
    with on_disk.full_disk_reported(output):
        _inpaint_clip(model, input, mask, output)


def _inpaint_clip(model: RunModel, input: Path, mask: Path, output: Path) -> None:
    settings = model.settings
    clip = scan_clip(
        FrameReader(input, settings.frames, settings.rgb_folder),
        FrameReader(mask, settings.frames, settings.mask_folder),
        settings.section(MaskSettings),
        settings.missing_masks,
    )
    width, height = clip.size
    log.info("%d frames of %dx%d, %.3g %% of them to inpaint", clip.frames, width, height, 100 * clip.coverage)
    if clip.coverage > MOSTLY_HOLE:
        log.warning(
            "the mask covers %.0f %% of the clip, and all of that is made anew; if it is white where pixels are known, "
            "invert it",
            100 * clip.coverage,
        )
    metadata = run_metadata(model, input, mask)
    shape = VideoHeader(clip.frames, clip.size, clip.timing.rate, clip.timing.pixel_aspect)
    sound = input if clip.reel.is_video else None
    changes = None
    if clip.box is None:
        log.info("the mask is empty: nothing is inpainted, and the output has the input's frames")
        writer.write_frames(output, clip.reel, shape, sound)
    else:
        region = _region(model, clip, clip.box)
        if settings.vae_tiling:
            model.check_tiling(region.size)
        schedule = model.pipeline.plan(clip.frames, settings.window, settings.window_overlap, settings.blend)
        if settings.preview:
            draw_preview(model, clip, region, schedule, output.with_name(output.name + ".preview.png"))
        meter = JointMeter(schedule)
        start = time.monotonic()
        frames = _frames(model, clip, region, schedule)
        writer.write_frames(output, _measured(frames, clip, meter), shape, sound)
        log.info("inpainted in %.3g seconds per frame", (time.monotonic() - start) / clip.frames)
        changes = _log_changes(meter)
    method = "adapter" if settings.adapter is not None else "latent replacement with the untouched base"
    metadata["output"] = {
        "method": method if clip.box is not None else "none, since the mask is empty",
        "frames": clip.frames,
        "size": f"{width}x{height}",
        "rate": None if shape.rate is None else str(shape.rate),
        "mask_coverage": clip.coverage,
        "joints": changes,
    }
    write_json(metadata_path(output), metadata)
    log.info("written: %s and %s.json", output, output.name)


def _region(model: RunModel, clip: MaskedClip, box: Region) -> Region:
    if not model.settings.crop:
        return Region.whole(clip.size)
    base = model.settings.base
    (native, _), grid = bases.native_size(base), bases.family(base).geometry.grid
    region = box.enlarged(native, clip.size, grid)
    log.info("the region that is inpainted is %dx%d at column %d, row %d", *region.size, region.left, region.top)
    return region


def _frames(model: RunModel, clip: MaskedClip, region: Region, schedule: WindowSchedule) -> Iterator[Picture]:
    """Generate the output's frames one by one, and log the progress of each phase."""
    count, steps, raw = len(schedule.starts), model.settings.steps or 0, model.settings.raw
    phases = _Phases(
        ("fill", "frames", clip.frames),
        ("encode", "windows", count),
        ("denoise", f"steps of {count} windows", count * steps),
        ("decode", "windows", count),
    )
    filled, hole = clip.fill(region, model.condition_source, phases.step)
    inpainted = model.inpaint(filled, hole, "stream", False, phases.step, filled=True)
    for part, rgb, inside in zip(inpainted, clip.reel, clip.dilated(), strict=True):
        pasted = region.paste(part, rgb)
        yield pasted if raw else masks.composite(pasted, rgb, inside)


class _Phases:
    """Logs the progress of consecutive phases; each is timed from the end of the one before."""

    def __init__(self, *phases: tuple[str, str, int]) -> None:
        self._waiting = list(phases)
        self._progress = Progress(*self._waiting.pop(0))

    def step(self, count: int = 1) -> None:
        """Count `count` more units of the current phase as done."""
        self._progress.step(count)
        if self._progress.done == self._progress.total and self._waiting:
            self._progress = Progress(*self._waiting.pop(0))


def _measured(frames: Iterable[Picture], clip: MaskedClip, meter: JointMeter) -> Iterator[Picture]:
    for frame, hole in zip(frames, clip.dilated(), strict=True):
        meter.add(frame, hole)
        yield frame


def _log_changes(meter: JointMeter) -> dict[str, float] | None:
    changes = meter.result()
    if changes is not None:
        log.info(
            "joints: where windows overlap or meet, the change from frame to frame is %.3g times that elsewhere in the "
            "hole, and %.3g times outside it",
            changes["hole_ratio"],
            changes.get("known_ratio", float("nan")),
        )
    return changes


def metadata_path(output: Path) -> Path:
    """Path of an output's metadata."""
    return output.with_name(output.name + ".json")


def is_done(model: RunModel, input: Path, mask: Path, output: Path) -> bool:
    """Whether the output exists and its metadata has the same inputs, settings and versions."""
    if not (output.exists() and metadata_path(output).is_file()):
        return False
    try:
        metadata = read_json(metadata_path(output))
    except ValueError:
        return False
    return all(metadata.get(name) == value for name, value in run_metadata(model, input, mask).items())


def run_metadata(model: RunModel, input: Path, mask: Path) -> dict[str, Any]:
    """Settings, versions and digests of the inputs of an output; without a time, so that repeated runs are equal."""
    settings = model.settings
    inputs = {
        "input": _digest(input),
        "mask": _digest(mask),
        "transformer": loading.part_digest(settings.base, "transformer"),
        "vae": loading.part_digest(settings.base, "vae"),
    } | bases.provenance(settings.base)
    if settings.adapter is not None:
        inputs["adapter"] = adapter_digest(settings.adapter)
    metadata = provenance.describe(settings.shaping(), inputs)
    del metadata["settings"]["fill"]  # an adapter brings its own; the condition below says which holds
    metadata["settings"]["condition"] = model.condition_source
    metadata["versions"]["av"] = av.__version__
    return metadata


def _digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files except hidden ones, which are not read as frames either."""
    if not path.is_dir():
        return file_digest(path)
    names = [file.relative_to(path) for file in path.rglob("*")]
    return folder_digest(path, [str(name) for name in names if not any(part.startswith(".") for part in name.parts)])
