"""`inpaint split`: part the accepted sequences into train, validation and test by a hash of each group."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from inpainting import provenance
from inpainting.dataset.manifest import read_manifest, read_provenance
from inpainting.dataset.reasons import verdict
from inpainting.dataset.record import ACCEPTED
from inpainting.dataset.settings import SplitCommand, SplitSettings
from inpainting.errors import InputError, UsageError
from inpainting.files import file_digest, write_json, write_table
from inpainting.seeds import derive
from inpainting.settings import existing

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assignment:
    """The split of each group, and the groups that were moved because their hash had left a split empty."""

    splits: dict[str, str]
    moved: dict[str, str]


def split(settings: SplitCommand) -> None:
    """Write split.tsv (id, group, split; sorted by id) and split.json beside it.

    Raises UsageError for paths that can't be used, InputError when too many sequences were rejected or there are fewer
    than three groups.
    """
    if settings.out.suffix != ".tsv":
        raise UsageError(f"OUT: {settings.out} does not end in .tsv; give a path such as results/dataset/split.tsv")
    existing(settings.manifest, "MANIFEST", "the manifest.parquet that `inpaint audit` wrote")
    accepted = enough_accepted(read_manifest(settings.manifest), settings)
    assignment = assign(accepted["group"], settings.seed, settings)
    table = accepted[["id", "group"]].assign(split=accepted["group"].map(assignment.splits))
    write_json(settings.out.with_suffix(".json"), summarise(table, assignment, settings))
    write_table(settings.out, table)
    counts = table["split"].value_counts()
    log.info("split: %s", ", ".join(f"{counts[name]} sequences for {name}" for name in SPLITS))


def enough_accepted(manifest: pd.DataFrame, settings: SplitCommand) -> pd.DataFrame:
    """The manifest's accepted rows; raises InputError when the audit rejected more than max_rejected, or all."""
    accepted = manifest[manifest["verdict"] == ACCEPTED]
    share = 1 - len(accepted) / len(manifest)
    where = f"rejected.tsv beside {settings.manifest} says why"
    if accepted.empty:
        raise InputError(f"{verdict(list(manifest['reasons']))}, none is left; {where}")
    if share > settings.max_rejected:
        limit = f"more than the share {settings.max_rejected:g} of max_rejected"
        raise InputError(f"{verdict(list(manifest['reasons']))}, {limit}; {where}")
    return accepted.reset_index(drop=True)


def position(seed: int, group: str) -> float:
    """Where a group falls in [0, 1), uniformly, by seed and name alone."""
    return derive(seed, "split", group) / 2**63


def choose(place: float, shares: SplitSettings) -> str:
    """Test lies from 0 to test_share, validation behind it, train is the rest."""
    if place < shares.test_share:
        return TEST
    return VALIDATION if place < shares.test_share + shares.validation_share else TRAIN


def assign(groups: Iterable[str], seed: int, shares: SplitSettings) -> Assignment:
    """The split of each group: its own hash decides, so new groups never move old ones.

    Few groups can leave a split empty. Then, and only then, one group moves for each empty split, test before
    validation before train: from the split with most groups (of equals: train, then validation, then test), the one
    that lies nearest to where the empty split is, which is the lowest for test and validation and the highest for
    train. Once enough groups have come for no split to be empty, a moved group is where its hash says.

    Raises InputError for fewer than three groups.
    """
    places = {group: position(seed, group) for group in sorted(set(groups))}
    if len(places) < len(SPLITS):
        raise InputError(
            f"{len(places)} groups of accepted sequences can't fill {', '.join(SPLITS)}; it takes {len(SPLITS)} or more"
        )
    splits = {group: choose(place, shares) for group, place in places.items()}
    moved = {}
    for empty in (TEST, VALIDATION, TRAIN):
        members = {name: [group for group in splits if splits[group] == name] for name in SPLITS}
        if not members[empty]:
            largest = max(SPLITS, key=lambda name: len(members[name]))
            nearest = max if empty == TRAIN else min
            group = nearest(members[largest], key=lambda group: (places[group], group))
            splits[group] = moved[group] = empty
    return Assignment(splits, moved)


def summarise(table: pd.DataFrame, assignment: Assignment, settings: SplitCommand) -> dict[str, object]:
    """Counts, what was moved, and the provenance: seed, shares and the manifest with its own provenance."""
    inputs = {"manifest": file_digest(settings.manifest)}
    return {
        "sequences": {name: int((table["split"] == name).sum()) for name in SPLITS},
        "groups": {name: sum(of == name for of in assignment.splits.values()) for name in SPLITS},
        "moved": assignment.moved,
        "provenance": provenance.describe(settings, inputs, leave_out=("manifest", "out")),
        "manifest": read_provenance(settings.manifest),
    }
