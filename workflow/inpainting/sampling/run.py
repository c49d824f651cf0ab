"""`inpaint run`: inpaint a clip, or a table of clips, with one loaded model."""

import logging
from pathlib import Path

from inpainting.core.errors import InputError, UsageError
from inpainting.core.settings import existing
from inpainting.core.tables import read_written_table
from inpainting.sampling.clip import inpaint_clip, is_done
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.settings import RunCommand
from inpainting.video import writer

log = logging.getLogger(__name__)

BATCH_COLUMNS = ("input", "mask", "output")
"""Columns of a table of clips; the mask may be empty if the input is a sequence folder."""


def run(settings: RunCommand) -> None:
    """Inpaint `settings.input` where `settings.mask` is set, or each row of `settings.batch`.

    Raises UsageError if an option names a path that does not exist or can't be written, InputError if a file can't be
    read, if frames, masks, adapter and base do not match, or if rows of the table failed.
    """
    model = RunModel(settings)
    if settings.batch is None:
        input, mask, output = _check_paths(settings.mask_folder, settings.input, settings.mask, settings.output)
        model.log_settings()
        inpaint_clip(model, input, mask, output)
        return
    if settings.input is not None or settings.mask is not None or settings.output is not None:
        raise UsageError("--batch: the table names inputs, masks and outputs; leave --input, --mask and --output out")
    rows = _read_rows(existing(settings.batch, "--batch", "a table of clips"))
    model.log_settings()
    failed = [row["output"] for number, row in enumerate(rows, 1) if not _try(model, row, number, len(rows))]
    if failed:
        raise InputError(
            f"--batch: {len(failed)} of {len(rows)} clips failed, the others are done: {', '.join(failed)}"
        )


def _try(model: RunModel, row: dict[str, str], number: int, count: int) -> bool:
    """Inpaint a row of a table unless its output is up to date; returns whether it succeeded."""
    log.info("%d of %d: %s", number, count, row["output"])
    try:
        paths = (Path(row[name]) if row[name] else None for name in BATCH_COLUMNS)
        input, mask, output = _check_paths(model.settings.mask_folder, *paths)
        if is_done(model, input, mask, output):
            log.info("%s was done before", output)
        else:
            inpaint_clip(model, input, mask, output)
    except (InputError, UsageError) as error:
        log.error("%s failed: %s", row["output"], error)
        return False
    return True


def _read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of clips; raises UsageError for other columns, no rows, or an output that is named twice."""
    try:
        rows = read_written_table(path, ("input", "output"), ("mask",))
    except InputError as error:
        raise UsageError(f"--batch: {error}") from error
    outputs = [Path(row["output"]).resolve() for row in rows]
    twice = sorted({row["output"] for row, output in zip(rows, outputs, strict=True) if outputs.count(output) > 1})
    if twice or not rows:
        raise UsageError(f"--batch: {path} " + (f"names {twice[0]} twice" if twice else "has no row"))
    return rows


def _check_paths(
    mask_folder: str, input: Path | None, mask: Path | None, output: Path | None
) -> tuple[Path, Path, Path]:
    """Input, mask and output; raises UsageError for what is wrong about the paths, before anything is read."""
    if input is None or output is None:
        option = "--input" if input is None else "--output"
        raise UsageError(f"{option}: a value is needed and none was given; or give --batch, a table of clips")
    existing(input, "--input", "a video or a folder of frames")
    if mask is None and not (input / mask_folder).is_dir():
        raise UsageError(
            f"--mask: a mask is needed, since {input} is not a folder with {mask_folder} in it; give a "
            "video, a folder or an image that is white where to inpaint"
        )
    mask = existing(mask or input, "--mask", "a video, a folder of masks or one image")
    writer.check_output(output, [input, mask])
    return input, mask, output
