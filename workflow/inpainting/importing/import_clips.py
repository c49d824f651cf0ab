"""`inpaint import`: convert videos or folders of frames, with masks and optional truths, to the dataset's layout."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from inpainting.artifacts.groups import read_groups, write_groups
from inpainting.artifacts.import_table import IMPORT_TABLE, IMPORTS, LEFT_OUT, MADE, REFUSED
from inpainting.core.errors import InputError, UsageError
from inpainting.core.progress import tracked
from inpainting.core.workers import process_pool
from inpainting.importing.import_state import exclusive
from inpainting.importing.making import Outcome, import_clip
from inpainting.importing.pairing import ClipFiles, find_clips
from inpainting.importing.settings import ImportCommand

log = logging.getLogger(__name__)

HIGH_COVERAGE = 0.6
"""Mean coverage of a mask above which its polarity may be inverted, which is logged."""


def import_clips(settings: ImportCommand) -> None:
    """Import every clip, and write import.tsv and groups.tsv.

    Raises UsageError for options that can't be used, and at the end InputError if clips were refused.
    """
    if settings.out.exists() and not settings.out.is_dir():
        raise UsageError(f"--out: {settings.out} is a file; give a folder for the sequences")
    out = settings.out.resolve()
    clips = [clip for clip in find_clips(settings) if clip.video.resolve() != out]
    if any(clip.video.resolve() in out.parents for clip in clips):
        raise UsageError(f"--out: {settings.out} is inside a clip that is read; give a folder outside")
    try:
        with exclusive(settings.out):
            outcomes = _import_all(clips, settings)
    except OSError as error:
        raise InputError(f"{settings.out} can't be written to: {error.strerror or error}") from error
    _report(outcomes, settings)


def _import_all(clips: Sequence[ClipFiles], settings: ImportCommand) -> list[Outcome]:
    """Import the clips; the tables list what was finished, also after an interrupt."""
    groups, before = read_groups(settings.out), read_imports(settings.out)
    outcomes: list[Outcome] = []
    try:
        for outcome in tracked(_outcomes(clips, settings), "import", "clips", len(clips)):
            outcomes.append(outcome)
    finally:
        outcomes.sort(key=lambda outcome: outcome.clip.name)
        write_tables(settings.out, outcomes, groups, before)
    return outcomes


def _outcomes(clips: Sequence[ClipFiles], settings: ImportCommand) -> Iterator[Outcome]:
    """The outcome of each clip, in the clips' order."""
    with process_pool(min(settings.workers, len(clips)), preload=import_clip.__module__) as pool:
        yield from pool.map(partial(import_clip, settings=settings), clips)


def read_imports(out: Path) -> pd.DataFrame:
    """The rows of earlier imports into a folder."""
    return IMPORT_TABLE.read(out / IMPORTS) if (out / IMPORTS).exists() else _import_rows([])


def write_tables(out: Path, outcomes: Sequence[Outcome], groups: dict[str, str], before: pd.DataFrame) -> None:
    """Write import.tsv and groups.tsv, with the rows of earlier imports of other clips.

    groups: earlier groups by id; before: rows of earlier imports.
    """
    again = before["clip"].isin({outcome.clip.name for outcome in outcomes})
    rows = _import_rows([row for outcome in outcomes for row in _rows(outcome)])
    table = pd.concat([before[~again], rows], ignore_index=True)
    made = rows[rows["verdict"] == MADE]
    groups = {name: group for name, group in groups.items() if (out / name).is_dir()}
    groups |= dict(zip(made["id"], made["group"], strict=True))
    write_groups(out, groups)
    IMPORT_TABLE.write(out / IMPORTS, table.sort_values("clip", kind="stable"))


def _import_rows(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(IMPORT_TABLE.columns)).astype(dict(IMPORT_TABLE.columns))


def _rows(outcome: Outcome) -> list[dict[str, object]]:
    clip = outcome.clip
    columns = {"clip": clip.name, "group": clip.group, "video": clip.video, "mask": clip.mask, "truth": clip.truth}
    return [columns | row for row in outcome.rows]


def _report(outcomes: Sequence[Outcome], settings: ImportCommand) -> None:
    """Log a summary. Raises InputError if clips were refused."""
    for note, count in Counter(note for outcome in outcomes for note in outcome.notes).items():
        log.info("%d of %d clips: %s", count, len(outcomes), note)
    rows = [row for outcome in outcomes for row in outcome.rows]
    verdicts = Counter(row["verdict"] for row in rows)
    log.info(
        "%s has %d sequences of these clips, %d of them from an earlier import; %d are left out for their masks",
        *(settings.out, verdicts[MADE], sum(outcome.kept for outcome in outcomes), verdicts[LEFT_OUT]),
    )
    high = [row["id"] for row in rows if row["verdict"] == MADE and row["coverage"] > HIGH_COVERAGE]
    if high:
        log.warning(
            "masks cover more than %.0f %% of %d sequences, such as %s; if white means known, use --mask-invert",
            *(100 * HIGH_COVERAGE, len(high), high[0]),
        )
    without_truth = {row["id"] for outcome in outcomes for row in outcome.rows if outcome.clip.truth is None} - {""}
    if without_truth and not settings.make_masks:
        log.info(
            "%d of them have no truth: they can be inpainted, but neither trained on nor scored", len(without_truth)
        )
    refused = [outcome for outcome in outcomes if outcome.rows and outcome.rows[-1]["verdict"] == REFUSED]
    if refused:
        first = refused[0]
        raise InputError(
            f"{len(refused)} of {len(outcomes)} clips were refused, such as {first.clip.name}: "
            f"{first.rows[-1]['reason']}; {settings.out / IMPORTS} lists all reasons and what was made"
        )
