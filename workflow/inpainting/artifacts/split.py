"""results/dataset/split.tsv and split.json: which sequences are for training, which for validation, which for the test.

split.tsv has a row per accepted sequence, sorted by id, with the group that was assigned as a whole. split.json holds
the counts, the provenance and the table's digest. Written by `inpaint split`.
"""

from pathlib import Path
from typing import ClassVar, Final, Literal, get_args

from inpainting.artifacts.formats import JsonFile, Provenance, TextTable

SPLIT_VERSION = 1
"""Raised by hand when the splits of the same groups change on purpose: what another version made is made anew."""

Split = Literal["train", "validation", "test"]
TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: tuple[Split, ...] = get_args(Split)

SPLIT_TABLE = TextTable(
    {"id": "str", "group": "str", "split": "str"}, wanted="the split.tsv of `inpaint split`", digest_file="{stem}.json"
)


class SplitSummary(JsonFile):
    """split.json."""

    wanted: ClassVar = "the split.json of `inpaint split`"

    sequences: dict[Split, int]
    """Sequences by split."""
    groups: dict[Split, int]
    """Groups by split."""
    moved: dict[str, Split]
    """Groups that are not where their hash alone would put them, so that small sets have their shares."""
    files: dict[str, str]
    """SHA-256 of the table that was written with it, by file name."""
    provenance: Provenance
    """Of the split."""
    manifest: Provenance
    """Of the manifest that was split."""


def summary_path(table: Path) -> Path:
    """Where the summary of a split's table lies."""
    return table.with_suffix(".json")
