"""The list of sequences that a run has been trained on, beside its checkpoints."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from inpainting.artifacts.formats import TextTable
from inpainting.artifacts.split import SPLIT_TABLE, TRAIN

log = logging.getLogger(__name__)

FILE = "sequences.tsv"
TRAINED = TextTable({"sequence": "str"}, wanted="the sequences.tsv of `inpaint train`")


def remember(out: Path, sequences: Iterable[str], split_file: Path | None, resumes: bool) -> None:
    """Write the sequences that a run is about to be trained on.

    Those that a run which `resumes` was trained on before stay in the list, though they may be gone from the dataset,
    but for those that are held out now, which --on-change continue accepted.
    """
    before = trained_on(out) - set(held_out(out, split_file)) if resumes else set()
    TRAINED.write(out / FILE, pd.DataFrame({"sequence": sorted(before | set(sequences))}))


def trained_on(out: Path) -> set[str]:
    """The sequences that the run in a folder was trained on; empty if there is no run."""
    path = out / FILE
    return set(TRAINED.read(path)["sequence"]) if path.is_file() else set()


def held_out(out: Path, split_file: Path | None) -> list[str]:
    """The sequences that the run was trained on but that are in validation or test now."""
    if split_file is None:
        return []
    split = SPLIT_TABLE.read(split_file, "--split-file")
    return sorted(trained_on(out) & set(split.loc[split["split"] != TRAIN, "id"]))


def warn_of_changes(out: Path, sequences: Iterable[str]) -> None:
    """Warn how the sequences differ from those that a finished run was trained on, and say what can be done."""
    before, now = trained_on(out), set(sequences)
    differ = f"{len(now - before)} sequences are new, {len(before - now)} are gone"
    log.warning(
        "the data has changed since this training (%s). It is done and stays as it is. To train on the new data, move "
        "%s away and run this again; or raise training.steps and set training.on_change: continue (--steps, "
        "--on-change continue), to resume from its last checkpoint",
        "the same sequences, other frames" if now == before else differ,
        out,
    )
