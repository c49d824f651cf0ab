"""Which sequences belong together: by the user's groups.tsv, and by showing the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inpainting.artifacts.record import ACCEPTED, Record
from inpainting.stages.dataset.similarity import near_pairs


@dataclass(frozen=True)
class Joined:
    """The group of each sequence, and how many sequences were merged into one because they are (near-)duplicates."""

    groups: dict[str, str]
    exact: int
    """Sequences whose frames are the same, byte by byte, as an earlier one's."""
    near: int
    """Sequences whose true frames look like an earlier one's, and are not the same."""


def join(records: Sequence[Record], user_groups: dict[str, str]) -> Joined:
    """Put accepted sequences into one group that the user says belong together, that are equal, or that look alike.

    Whatever is joined to the same third is joined. A group bears the first of the user's names in it, by the alphabet,
    or else its first id: a sequence that comes can rename the group that it joins, and no other. Rejected sequences
    join nothing.
    """
    accepted = [record for record in records if record.verdict == ACCEPTED]
    roots = list(range(len(accepted)))

    def root(place: int) -> int:
        while roots[place] != place:
            roots[place] = place = roots[roots[place]]
        return place

    def link(pairs: Iterable[tuple[int, int]]) -> int:
        """Join pairs; returns how many joined what was apart."""
        count = 0
        for one, other in pairs:
            first, second = sorted((root(one), root(other)))
            count += first != second
            roots[second] = first
        return count

    exact = link(_equal([record.digest for record in accepted]))
    near = link(near_pairs([record.look for record in accepted]))
    link(_equal([user_groups.get(record.id, "") for record in accepted]))
    names: dict[int, tuple[bool, str]] = {}
    for place, record in enumerate(accepted):
        name = (record.id not in user_groups, user_groups.get(record.id, record.id))
        names[root(place)] = min(names.get(root(place), name), name)
    groups = {record.id: user_groups.get(record.id, record.id) for record in records}
    groups |= {record.id: names[root(place)][1] for place, record in enumerate(accepted)}
    return Joined(groups, exact, near)


def _equal(values: Sequence[str]) -> list[tuple[int, int]]:
    """Each position with the first one of the same value; empty values are equal to none."""
    first: dict[str, int] = {}
    return [(first.setdefault(value, place), place) for place, value in enumerate(values) if value]
