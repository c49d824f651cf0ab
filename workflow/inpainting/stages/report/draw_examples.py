"""`inpaint draw-examples`: test sequences, and what the methods make of them, as sheets of moments and as clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from inpainting.artifacts import examples
from inpainting.artifacts.comparison import COMPARISON_TABLE
from inpainting.artifacts.examples import COMPOSITED, RAW, Output, write_digests
from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, display_name
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import atomic_path, write_text
from inpainting.core.html import data_uri, render_page
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.metrics.psnr import psnr
from inpainting.stages.report.contact_sheet import labelled, overlay, sheet
from inpainting.stages.report.samples import spread
from inpainting.stages.report.settings import DrawExamplesCommand
from inpainting.video import masks
from inpainting.video.clip import SequenceClip, read_clip
from inpainting.video.reader import Video
from inpainting.video.writer import write_video

SHEET_WIDTH, CLIP_WIDTH = 1320, 1080
"""Pixels that the images of a row share."""

PAGE = """
<p>{{ frames }} frames of {{ size }} pixels, scaled to be seen. What methods made is pasted over the input, as inpaint
run does it; beside their names stands the PSNR inside the mask on this sequence.</p>
<video src="{{ video }}" autoplay loop muted playsinline controls></video>
"""


@dataclass(frozen=True)
class Column:
    """Frames under a caption: uint8 [frames, height, width, 3]."""

    caption: str
    frames: NDArray[np.uint8]


def draw_examples(settings: DrawExamplesCommand) -> None:
    """Write a folder per sequence with a sheet of moments, a clip, and a page that plays the clip; and their table."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    comparison = COMPARISON_TABLE.read(settings.comparison, "--comparison")
    methods = choose_methods(comparison, settings.shown)
    with atomic_path(settings.out) as temporary:
        temporary.mkdir()
        for name in tracked(kept_sequences(settings, list(methods)), "examples", "sequences"):
            (temporary / name).mkdir()
            draw_example(settings, name, methods, temporary / name)
    write_digests(settings.out)


def choose_methods(comparison: pd.DataFrame, wanted: tuple[str, ...]) -> dict[str, str]:
    """The results to show, with the names to show them by: those wanted, or the best of each kind that matters.

    Of a method that several trainings make the first is shown, and named. Raises UsageError for a wanted method that is
    not in the comparison.
    """
    names = {row["method"]: display_name(row["method"], row["kind"]) for row in comparison.to_dict("records")}
    if unknown := [method for method in wanted if method not in names]:
        raise UsageError(f"--shown: {unknown[0]} was given, but the methods compared are {', '.join(names)}")
    best = comparison.drop_duplicates("kind").set_index("kind")["method"]
    chosen = wanted or [str(best[kind]) for kind in (BASE, CLASSICAL, ADAPTER) if kind in best.index]
    members = dict(zip(comparison["method"], comparison["members"].str.split(","), strict=True))
    return {
        members[method][0]: names[method] if len(members[method]) == 1 else f"{names[method]}: {members[method][0]}"
        for method in chosen or names
    }


def kept_sequences(settings: DrawExamplesCommand, methods: list[str]) -> list[str]:
    """Ids of the first sequences whose frames every method's evaluation kept; raises InputError where there is none."""
    kept = [examples.kept_sequences(examples.examples_folder(settings.evaluation, method)) for method in methods]
    names = sorted(set.intersection(*kept))[: settings.examples]
    if not names:
        raise InputError(
            f"{settings.evaluation} holds frames of no sequence by {', '.join(methods)}; "
            "evaluate them with examples of 1 or more"
        )
    return names


def draw_example(settings: DrawExamplesCommand, name: str, methods: dict[str, str], out: Path) -> None:
    """Write moments.png, clip.mp4 and clip.html of one sequence."""
    kept = {
        shown_as: examples.examples_folder(settings.evaluation, method) / name for method, shown_as in methods.items()
    }
    count = min(examples.count_frames(folder) for folder in kept.values())
    clip = read_clip(settings.dataset, name, count)
    hole = masks.to_hole(clip.mask, settings)
    given = given_columns(clip, hole)
    image = moments_sheet([*given[:2], *made_columns(clip, hole, kept, RAW), *given[2:]], settings.moments)
    Image.fromarray(image).save(out / "moments.png", optimize=True)
    frames = clip_frames([*given, *made_columns(clip, hole, kept, COMPOSITED)])
    footage = Video(frames, Fraction(settings.frame_rate))
    write_video(out / "clip.mp4", footage)
    page = render_page(
        f"Sequence {name}",
        PAGE,
        frames=count,
        size=f"{clip.size[0]} x {clip.size[1]}",
        video=data_uri(out / "clip.mp4", "video/mp4"),
    )
    write_text(out / "clip.html", page)


def given_columns(clip: SequenceClip, hole: masks.Hole) -> list[Column]:
    """What the dataset holds: the input, the hole over it, and the truth."""
    tinted = np.stack([overlay(image, frame_hole) for image, frame_hole in zip(clip.rgb, hole, strict=True)])
    return [Column("input", clip.rgb), Column("mask", tinted), Column("truth", clip.truth)]


def made_columns(clip: SequenceClip, hole: masks.Hole, kept: Mapping[str, Path], output: Output) -> list[Column]:
    """What methods made, from the folders of their frames by the names to show them by."""
    frames = {name: examples.read_example(folder, output, len(clip.rgb)) for name, folder in kept.items()}
    return [made_column(clip, hole, name, made) for name, made in frames.items()]


def made_column(clip: SequenceClip, hole: masks.Hole, name: str, frames: NDArray[np.uint8]) -> Column:
    """What a method made, with its PSNR in the hole over all frames, in dB."""
    if not hole.any():
        return Column(name, frames)
    error = frames[hole].astype(np.float64) - clip.truth[hole]
    return Column(f"{name}  {float(psnr(float(np.mean(error**2)))):.1f} dB", frames)


def moments_sheet(columns: list[Column], moments: int) -> NDArray[np.uint8]:
    """Some frames of every column, below each other."""
    frames = len(columns[0].frames)
    places = sorted(set(spread(frames, moments)))
    cells = [[column.frames[place] for column in columns] for place in places]
    rows = [f"frame {place + 1}" for place in places]
    return sheet(cells, [column.caption for column in columns], rows, SHEET_WIDTH // len(columns))


def clip_frames(columns: list[Column]) -> NDArray[np.uint8]:
    """Frames of a clip with what was given in its first row and the methods below, three or four in a row."""
    across = min(max(3, len(columns) - 3), 4)
    blank = Column("", np.full_like(columns[0].frames, 255))
    laid = [*columns[:3], *[blank] * (across - 3), *columns[3:]]
    pages = [
        labelled([(column.caption, column.frames[place]) for column in laid], across, CLIP_WIDTH // across)
        for place in range(len(columns[0].frames))
    ]
    return np.stack(pages)
