"""`inpaint draw-examples`: the methods' outputs for test sequences, as sheets of selected frames and as clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts import examples
from inpainting.artifacts.comparison import COMPARISON_TABLE
from inpainting.artifacts.examples import COMPOSITED, RAW, Output, write_digests
from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, display_name
from inpainting.artifacts.sequence_scores import SEQUENCE_SCORES
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import atomic_path, write_text
from inpainting.core.html import data_uri, render_page
from inpainting.core.progress import tracked
from inpainting.core.settings import existing
from inpainting.metrics.psnr import psnr
from inpainting.stages.report.contact_sheet import captioned_sheet, grid_sheet, overlay, write_sheet
from inpainting.stages.report.example_choice import Example, choose_examples
from inpainting.stages.report.rivals import Rivals
from inpainting.stages.report.samples import evenly_spaced
from inpainting.stages.report.settings import DrawExamplesCommand
from inpainting.stages.report.slider import slider_page
from inpainting.stages.report.time_slices import slices_sheet
from inpainting.video import masks
from inpainting.video.clip import SequenceClip, read_clip
from inpainting.video.reader import Video
from inpainting.video.writer import write_small_video

SHEET_WIDTH, CLIP_WIDTH = 1320, 840
"""Width in pixels that the images of a row share."""

PAGE = """
<p>Chosen by rule: {{ why }}.</p>
<p>{{ frames }} frames of {{ size }} pixels, scaled for display. Outputs are pasted over the input, as inpaint run does.
The number beside a method's name is its PSNR inside the mask on this sequence.</p>
<div class="clip" tabindex="0" role="region" aria-label="clip">
<video src="{{ video }}" autoplay loop muted playsinline controls></video></div>
"""


@dataclass(frozen=True)
class CaptionedClip:
    """Frames, uint8 [frames, height, width, 3], with a caption."""

    caption: str
    frames: NDArray[np.uint8]


def draw_examples(settings: DrawExamplesCommand) -> None:
    """Write a folder per sequence with a sheet, a clip and a page that plays the clip; and a table of the folders."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    comparison = COMPARISON_TABLE.read(settings.comparison, "--comparison")
    rivals = Rivals.of(comparison)
    scores = rivals.scores(SEQUENCE_SCORES.read(settings.sequences, "--sequences"))
    methods = choose_methods(comparison, settings.shown)
    every = choose_methods(comparison, tuple(comparison["method"]))
    with atomic_path(settings.out, durable=False) as temporary:
        temporary.mkdir()
        chosen = choose_examples(kept_sequences(settings, list(methods)), scores, rivals, settings.examples)
        for example in tracked(chosen, "examples", "sequences"):
            (temporary / example.folder).mkdir()
            draw_example(settings, example, methods, every, temporary / example.folder)
    write_digests(settings.out)


def choose_methods(comparison: pd.DataFrame, wanted: tuple[str, ...]) -> dict[str, str]:
    """The methods to show: display name by name of the results; those wanted, or the best base, classical and adapter.

    A method that averages several trainings is represented by the first, whose name is added. Raises UsageError for a
    wanted method that is not in the comparison.
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


def kept_sequences(settings: DrawExamplesCommand, methods: list[str]) -> set[str]:
    """Ids of the sequences for which every method has frames; raises InputError if there is none."""
    kept = [examples.kept_sequences(examples.examples_folder(settings.evaluation, method)) for method in methods]
    names = set.intersection(*kept)
    if not names:
        raise InputError(
            f"{settings.evaluation} holds no sequence with frames by {', '.join(methods)}; "
            "evaluate them with --examples 1 or more"
        )
    return names


def draw_example(
    settings: DrawExamplesCommand, example: Example, methods: dict[str, str], every: dict[str, str], out: Path
) -> None:
    """Write moments.jpg, slices.jpg, clip.mp4, clip.html and compare.html of one sequence.

    methods: display names by result of those in the sheets and the clip; every: of all that compare.html offers.
    """
    name = example.sequence
    folders = {method: examples.examples_folder(settings.evaluation, method) / name for method in methods | every}
    kept = {shown_as: folders[method] for method, shown_as in methods.items()}
    count = min(examples.count_frames(folder) for folder in kept.values())
    clip = read_clip(settings.dataset, name, count, settings.folders)
    hole = masks.to_hole(clip.mask, settings)
    given, raw = dataset_clips(clip, hole), method_clips(clip, hole, kept, RAW)
    image = moments_sheet([*given[:2], *raw, *given[2:]], settings.moments)
    write_sheet(out / "moments.jpg", image)
    slices = slices_sheet([(shown.caption, shown.frames) for shown in [*given, *raw]], hole)
    write_sheet(out / "slices.jpg", slices)
    frames = clip_frames([*given, *method_clips(clip, hole, kept, COMPOSITED)])
    write_small_video(out / "clip.mp4", Video(frames, Fraction(settings.frame_rate)))
    page = render_page(
        f"Sequence {name}",
        PAGE,
        why=example.why,
        frames=count,
        size=f"{clip.size[0]} x {clip.size[1]}",
        video=data_uri(out / "clip.mp4", "video/mp4"),
    )
    write_text(out / "clip.html", page)
    compared = {shown_as: folders[method] for method, shown_as in every.items() if folders[method].is_dir()}
    clips = [*given, *method_clips(clip, hole, compared, COMPOSITED)]
    write_text(out / "compare.html", compare_page(example, clips, list(kept), settings.moments))


def compare_page(example: Example, clips: list[CaptionedClip], shown: list[str], moments: int) -> str:
    """The page with a slider between two of the clips: at first the last two methods of the sheets."""
    names = [clip.caption for clip in clips]
    first = [next(n for n, name in enumerate(names) if name.startswith(method)) for method in shown[-2:]]
    introduction = (
        f"Chosen by rule: {example.why}. Drag the divider, or move it with the arrow keys. Outputs are pasted over the "
        "input; the number beside a method's name is its PSNR inside the mask on this sequence."
    )
    places = sorted(set(evenly_spaced(len(clips[0].frames), moments)))
    pictures = [(clip.caption, clip.frames) for clip in clips]
    return slider_page(f"Sequence {example.sequence}", introduction, pictures, places, (first[0], first[-1]))


def dataset_clips(clip: SequenceClip, hole: masks.Hole) -> list[CaptionedClip]:
    """Input, input with the hole tinted, and ground truth; hole: bool [frames, height, width]."""
    tinted = np.stack([overlay(image, frame_hole) for image, frame_hole in zip(clip.rgb, hole, strict=True)])
    return [CaptionedClip("input", clip.rgb), CaptionedClip("mask", tinted), CaptionedClip("truth", clip.truth)]


def method_clips(clip: SequenceClip, hole: masks.Hole, kept: Mapping[str, Path], output: Output) -> list[CaptionedClip]:
    """The methods' outputs; kept: the folder of a method's frames by its display name.

    hole: bool [frames, height, width].
    """
    frames = {name: examples.read_example(folder, output, len(clip.rgb)) for name, folder in kept.items()}
    return [method_clip(clip, hole, name, made) for name, made in frames.items()]


def method_clip(clip: SequenceClip, hole: masks.Hole, name: str, frames: NDArray[np.uint8]) -> CaptionedClip:
    """A method's output, captioned with its name and its PSNR in the hole over all frames, in dB.

    frames: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    if not hole.any():
        return CaptionedClip(name, frames)
    error = frames[hole].astype(np.float64) - clip.truth[hole]
    return CaptionedClip(f"{name}  {float(psnr(float(np.mean(error**2)))):.1f} dB", frames)


def moments_sheet(clips: list[CaptionedClip], moments: int) -> NDArray[np.uint8]:
    """A sheet, uint8 [height, width, 3], with a column per clip and `moments` rows of evenly spaced frames."""
    frames = len(clips[0].frames)
    places = sorted(set(evenly_spaced(frames, moments)))
    cells = [[clip.frames[place] for clip in clips] for place in places]
    rows = [f"frame {place + 1}" for place in places]
    return grid_sheet(cells, [clip.caption for clip in clips], rows, SHEET_WIDTH // len(clips))


def clip_frames(clips: list[CaptionedClip]) -> NDArray[np.uint8]:
    """Frames of the side-by-side clip, uint8 [frames, height, width, 3].

    Input, mask and truth are in the first row, methods below, three or four per row.
    """
    across = min(max(3, len(clips) - 3), 4)
    blank = CaptionedClip("", np.full_like(clips[0].frames, 255))
    laid = [*clips[:3], *[blank] * (across - 3), *clips[3:]]
    pages = [
        captioned_sheet([(clip.caption, clip.frames[place]) for clip in laid], across, CLIP_WIDTH // across)
        for place in range(len(clips[0].frames))
    ]
    return np.stack(pages)
