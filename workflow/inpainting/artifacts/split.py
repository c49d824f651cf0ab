"""results/dataset/split.tsv and split.json: the training, validation and test sequences. Written by `inpaint split`.

split.tsv has one row per accepted sequence, sorted by id; all sequences of a group have the same split. split.json
holds counts, the provenance and the table's digest.
"""

from pathlib import Path
from typing import ClassVar, Final, Literal, get_args

from inpainting.artifacts.formats import JsonFile, Provenance, TextTable

SPLIT_VERSION = 1
"""Raised by hand when the splits of the same groups change on purpose; splits of another version are made again."""

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
    """Groups, with their split, that were moved from the split of their hash so that small sets reach their shares."""
    files: dict[str, str]
    """SHA-256 of the table that was written with it, by file name."""
    provenance: Provenance
    """Of the split."""
    manifest: Provenance
    """Of the manifest."""


def summary_path(table: Path) -> Path:
    """Path of split.json, given the path of split.tsv."""
    return table.with_suffix(".json")
