"""`inpaint split`: split the accepted sequences into train, validation and test by a hash of each group."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from inpainting.artifacts.formats import digests
from inpainting.artifacts.manifest import MANIFEST, accepted
from inpainting.artifacts.reasons import verdict
from inpainting.artifacts.split import (
    SPLIT_TABLE,
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Split,
    SplitSummary,
    summary_path,
)
from inpainting.core import provenance
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import file_digest
from inpainting.core.seeds import derive
from inpainting.stages.dataset.polarity import mostly_inverted
from inpainting.stages.dataset.settings import SplitCommand, SplitSettings

EXACT_GROUPS = 100
"""Up to this number of groups the splits have their exact shares."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assignment:
    """The split of each group; `moved` holds those that differ from the split by hash alone."""

    splits: dict[str, Split]
    moved: dict[str, Split]


def split(settings: SplitCommand) -> None:
    """Write split.tsv (id, group, split; sorted by id) and split.json beside it.

    Raises UsageError for paths that can't be used, InputError when too many sequences were rejected or there are fewer
    than three groups.
    """
    if settings.out.suffix != ".tsv":
        raise UsageError(f"OUT: {settings.out} does not end in .tsv; give a path such as results/dataset/split.tsv")
    rows = accepted_rows(MANIFEST.read(settings.manifest, "MANIFEST"), settings)
    assignment = assign(rows["group"], settings.seed, settings)
    table = rows.assign(split=rows["group"].map(assignment.splits)).sort_values("id")
    SPLIT_TABLE.write(settings.out, table)
    summarise(table, assignment, settings).write(summary_path(settings.out))
    counts = table["split"].value_counts()
    log.info("split: %s", ", ".join(f"{counts[name]} sequences for {name}" for name in SPLITS))


def accepted_rows(manifest: pd.DataFrame, settings: SplitCommand) -> pd.DataFrame:
    """The manifest's accepted rows.

    Raises InputError if the audit rejected all sequences or more than max_rejected, or decoded no pixels; also if most
    masks look inverted, as training would then learn to change what is known.
    """
    rows = accepted(manifest)
    share = 1 - len(rows) / len(manifest)
    where = f"rejected.tsv beside {settings.manifest} says why"
    if rows.empty:
        raise InputError(f"{verdict(list(manifest['reasons']))}, none is left; {where}")
    if share > settings.max_rejected:
        limit = f"more than the share {settings.max_rejected:g} of max_rejected"
        raise InputError(f"{verdict(list(manifest['reasons']))}, {limit}; {where}")
    if (rows["digest"] == "").any() or rows["coverage_mean"].isna().any():
        raise InputError(f"the audit of {settings.manifest} decoded no pixels; audit with --level crc or decode")
    inverts = bool(MANIFEST.provenance(settings.manifest).settings.get("mask_invert"))
    if sentence := mostly_inverted(list(rows["warnings"]), inverts):
        raise InputError(f"{sentence}; warnings.tsv beside {settings.manifest} lists them")
    return rows


def position(seed: int, group: str) -> float:
    """A group's position in [0, 1): a uniform hash of seed and name."""
    return derive(seed, "split", group) / 2**63


def choose(place: float, shares: SplitSettings) -> Split:
    """The split by position alone: test from 0 to test_share, then validation, the rest is train."""
    if place < shares.test_share:
        return TEST
    return VALIDATION if place < shares.test_share + shares.validation_share else TRAIN


def slack(groups: int) -> int:
    """By how many groups test and validation may each differ from their exact shares of `groups` groups."""
    return max(0, groups - EXACT_GROUPS) // 10


def assign(groups: Iterable[str], seed: int, shares: SplitSettings) -> Assignment:
    """The split of each group: its hash decides, corrected so that small datasets get their exact shares.

    Groups are sorted by `position`: test first, then validation, then train. The bounds between them are where
    `choose` has them. If a split then differs from its share (rounded, at least 1) by more than `slack` groups, its
    upper bound moves past as few groups as necessary. The slack is 0 up to EXACT_GROUPS groups and grows by 1 per 10
    more, faster than chance: from about 3 * EXACT_GROUPS groups on, the hash alone decides and a new or removed group
    moves no other. Below that it moves at most a few groups next to a bound.

    Raises InputError for fewer than three groups.
    """
    places = {group: position(seed, group) for group in sorted(set(groups))}
    if len(places) < len(SPLITS):
        raise InputError(
            f"{len(places)} groups of accepted sequences can't fill {', '.join(SPLITS)}; "
            f"at least {len(SPLITS)} are needed"
        )
    ordered = sorted(places, key=lambda group: (places[group], group))
    by_hash = {group: choose(places[group], shares) for group in ordered}
    counts = Counter(by_hash.values())
    test, validation = sizes(len(ordered), counts[TEST], counts[VALIDATION], shares)
    counted: dict[Split, int] = {TEST: test, VALIDATION: validation, TRAIN: len(ordered) - test - validation}
    names = [name for name, count in counted.items() for _ in range(count)]
    splits = dict(zip(ordered, names, strict=True))
    return Assignment(splits, {group: name for group, name in splits.items() if name != by_hash[group]})


def sizes(groups: int, test: int, validation: int, shares: SplitSettings) -> tuple[int, int]:
    """Corrected numbers of groups in test and validation, of `groups`; `test` and `validation` are those by hash."""
    allowed = slack(groups)
    wanted_test = min(max(round(shares.test_share * groups), 1), groups - 2)
    wanted_validation = min(max(round(shares.validation_share * groups), 1), groups - 1 - wanted_test)
    end = test + validation
    test = min(max(test, wanted_test - allowed, 1), wanted_test + allowed, groups - 2)
    validation = min(max(end - test, wanted_validation - allowed, 1), wanted_validation + allowed, groups - 1 - test)
    return test, validation


def summarise(table: pd.DataFrame, assignment: Assignment, settings: SplitCommand) -> SplitSummary:
    """Counts, moved groups, and the provenance: seed, shares, and the manifest's digest and provenance."""
    inputs = {"manifest": file_digest(settings.manifest)}
    return SplitSummary(
        sequences={name: int((table["split"] == name).sum()) for name in SPLITS},
        groups={name: sum(of == name for of in assignment.splits.values()) for name in SPLITS},
        moved=assignment.moved,
        files=digests(settings.out),
        provenance=provenance.describe(settings.shaping(), inputs),
        manifest=MANIFEST.provenance(settings.manifest),
    )
