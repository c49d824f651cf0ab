"""Batches of images for the networks."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

BATCH = 8
"""Images that a network computes at a time."""

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
