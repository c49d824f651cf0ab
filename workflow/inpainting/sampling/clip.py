"""One clip of `inpaint run`: inpainted as a stream, so that its length takes no memory, and written with its story."""

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
from inpainting.sampling.preview import draw_preview
from inpainting.sampling.region import Region
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.seam import SeamMeter
from inpainting.sampling.source import Source, look_through
from inpainting.sampling.window_schedule import WindowSchedule
from inpainting.video import masks, sequence, writer
from inpainting.video.reader import FrameReader, Picture
from inpainting.video.settings import MaskSettings
from inpainting.video.writer import VideoHeader

log = logging.getLogger(__name__)


def inpaint_clip(model: RunModel, input: Path, mask: Path, output: Path) -> None:
    """Inpaint `input` where `mask` says so, and write `output` and what `story` tells of it.

    Raises InputError where a file can't be read or frames and masks do not fit together.
    """
    settings = model.settings
    source = look_through(
        FrameReader(input, settings.frames),
        FrameReader(mask, settings.frames, sequence.MASK),
        settings.section(MaskSettings),
    )
    width, height = source.size
    log.info("%d frames of %dx%d, %.3g %% of them to inpaint", source.frames, width, height, 100 * source.coverage)
    told = story(model, input, mask)
    shape = VideoHeader(source.frames, source.size, source.timing.rate, source.timing.pixel_aspect)
    sound = input if source.reel.is_video else None
    seam = None
    if source.box is None:
        log.info("the mask is empty: there is nothing to inpaint, and the output's frames are the input's")
        writer.write_frames(output, source.reel, shape, sound)
    else:
        region = _region(model, source, source.box)
        if settings.vae_tiling:
            model.check_tiling(region.size)
        schedule = model.pipeline.plan(source.frames, settings.window, settings.window_overlap, settings.blend)
        if settings.preview:
            draw_preview(model, source, region, schedule, output.with_name(output.name + ".preview.png"))
        meter = SeamMeter(schedule)
        start = time.monotonic()
        frames = _frames(model, source, region, schedule)
        writer.write_frames(output, _measured(frames, source, meter), shape, sound)
        log.info("inpainted in %.3g seconds per frame", (time.monotonic() - start) / source.frames)
        seam = _say_seam(meter)
    method = "adapter" if settings.adapter is not None else "latent replacement with the untouched base"
    told["output"] = {
        "method": method if source.box is not None else "none, since the mask is empty",
        "frames": source.frames,
        "size": f"{width}x{height}",
        "rate": None if shape.rate is None else str(shape.rate),
        "mask_coverage": source.coverage,
        "seam": seam,
    }
    write_json(story_path(output), told)
    log.info("written: %s, and beside it %s.json", output, output.name)


def _region(model: RunModel, source: Source, box: Region) -> Region:
    if not model.settings.crop:
        return Region.whole(source.size)
    base = model.settings.base
    (native, _), grid = bases.made_for(base), bases.family(base).geometry.grid
    region = box.with_surroundings(native, source.size, grid)
    log.info("of the frames, %dx%d at column %d, row %d is inpainted", *region.size, region.left, region.top)
    return region


def _frames(model: RunModel, source: Source, region: Region, schedule: WindowSchedule) -> Iterator[Picture]:
    """The output's frames, one by one, while the phases tell how far they are."""
    count, steps, raw = len(schedule.starts), model.settings.steps or 0, model.settings.raw
    phases = _Phases(
        ("fill", "frames", source.frames),
        ("encode", "windows", count),
        ("denoise", f"steps of {count} windows", count * steps),
        ("decode", "windows", count),
    )
    filled, hole = source.fill(region, model.condition_source, phases.step)
    made = model.inpaint(filled, hole, "stream", False, phases.step, filled=True)
    for part, rgb, inside in zip(made, source.reel, source.dilated(), strict=True):
        pasted = region.paste(part, rgb)
        yield pasted if raw else masks.composite(pasted, rgb, inside)


class _Phases:
    """Progress of one phase after the other, each timed from the end of the one before."""

    def __init__(self, *phases: tuple[str, str, int]) -> None:
        self._waiting = list(phases)
        self._progress = Progress(*self._waiting.pop(0))

    def step(self, count: int = 1) -> None:
        """Count `count` more as done in the present phase."""
        self._progress.step(count)
        if self._progress.done == self._progress.total and self._waiting:
            self._progress = Progress(*self._waiting.pop(0))


def _measured(frames: Iterable[Picture], source: Source, meter: SeamMeter) -> Iterator[Picture]:
    for frame, hole in zip(frames, source.dilated(), strict=True):
        meter.add(frame, hole)
        yield frame


def _say_seam(meter: SeamMeter) -> dict[str, float] | None:
    seam = meter.result()
    if seam is not None:
        log.info(
            "seams: where windows meet, the hole changes %.3g times as much from frame to frame as elsewhere, the rest "
            "of the frames %.3g times",
            seam["hole_ratio"],
            seam.get("known_ratio", float("nan")),
        )
    return seam


def story_path(output: Path) -> Path:
    """The file that says how an output was made."""
    return output.with_name(output.name + ".json")


def is_done(model: RunModel, input: Path, mask: Path, output: Path) -> bool:
    """Whether the output is there, made of the same inputs by the same settings and versions."""
    if not (output.exists() and story_path(output).is_file()):
        return False
    try:
        told = read_json(story_path(output))
    except ValueError:
        return False
    return all(told.get(name) == value for name, value in story(model, input, mask).items())


def story(model: RunModel, input: Path, mask: Path) -> dict[str, Any]:
    """How an output is made, and of what; never when, so that it is the same each time."""
    settings = model.settings
    inputs = {
        "input": _digest(input),
        "mask": _digest(mask),
        "transformer": loading.part_digest(settings.base, "transformer"),
        "vae": loading.part_digest(settings.base, "vae"),
    }
    if settings.adapter is not None:
        inputs["adapter"] = adapter_digest(settings.adapter)
    told = provenance.describe(settings.shaping(), inputs)
    del told["settings"]["fill"]  # in its place, what the model is shown: an adapter brings its own
    told["settings"]["condition"] = model.condition_source
    told["versions"]["av"] = av.__version__
    return told


def _digest(path: Path) -> str:
    return folder_digest(path) if path.is_dir() else file_digest(path)
