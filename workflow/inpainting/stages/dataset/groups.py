"""Groups of sequences: by the user's groups.tsv and by (near-)duplicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from inpainting.artifacts.record import ACCEPTED, Record
from inpainting.stages.dataset.similarity import near_pairs


@dataclass(frozen=True)
class Grouping:
    """The group of each sequence, and how many were merged into another's group because they are duplicates."""

    groups: dict[str, str]
    exact: int
    """Merged sequences whose frames equal another's byte by byte."""
    near: int
    """Further merged sequences whose truth frames look like another's."""


def group_duplicates(records: Sequence[Record], user_groups: dict[str, str]) -> Grouping:
    """Group the accepted sequences that are equal, look alike or share a group of the user.

    user_groups: group by id, of groups.tsv. A group is named after the alphabetically first of the user's names in it,
    or else its first id, so that a new sequence can rename only the group that it joins. Rejected sequences are not
    grouped.
    """
    accepted = [record for record in records if record.verdict == ACCEPTED]
    sets = DisjointSet(range(len(accepted)))

    def merge(pairs: Iterable[tuple[int, int]]) -> int:
        """Merge the sets of each pair; returns the number of merges."""
        return sum([sets.merge(one, other) for one, other in pairs])

    exact = merge(_equal([record.digest for record in accepted]))
    near = merge(near_pairs([record.look for record in accepted]))
    merge(_equal([user_groups.get(record.id, "") for record in accepted]))
    names: dict[int, tuple[bool, str]] = {}
    for place, record in enumerate(accepted):
        name = (record.id not in user_groups, user_groups.get(record.id, record.id))
        names[sets[place]] = min(names.get(sets[place], name), name)
    groups = {record.id: user_groups.get(record.id, record.id) for record in records}
    groups |= {record.id: names[sets[place]][1] for place, record in enumerate(accepted)}
    return Grouping(groups, exact, near)


def _equal(values: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of each position with the first one of the same value; empty values are skipped."""
    first: dict[str, int] = {}
    return [(first.setdefault(value, place), place) for place, value in enumerate(values) if value]
