"""Which sequences look alike: perceptual hashes of a few true frames, and the search for near ones among many.

Source of the hash: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (DCT based).
Source of the search: M. Norouzi, A. Punjani, D. Fleet, Fast Exact Search in Hamming Space with Multi-Index Hashing,
2014.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

FRAMES = 3
"""True frames that are hashed: the first, the middle and the last."""

BANDS = 4 * FRAMES
"""Parts of 16 bits that a sequence's hash is cut into."""

NEAR = BANDS - 1
"""Bits, of 192, in which near-duplicates differ at most: fewer than bands, so that one band at least is equal."""

FLAT = 2.0
"""Standard deviation in levels below which a picture has nothing to be known by."""

BLOCK = 2**20
"""Pairs that are compared at once."""


def anchors(frames: int) -> list[int]:
    """Numbers of the frames, of a sequence of so many, that are hashed."""
    return [1, (frames + 1) // 2, frames]


def picture_hash(picture: NDArray[np.uint8]) -> int | None:
    """63 bits of what an RGB picture [height, width, 3] shows, None for a flat one.

    They survive scaling, compression and changes of brightness in all but a few bits.
    """
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    if float(grey.std()) < FLAT:
        return None
    waves = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()[1:]
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes())


def look(hashes: Sequence[int | None]) -> str:
    """The hashes of a sequence's anchors as 48 hex digits; empty where fewer than two of them are known."""
    if len(hashes) != FRAMES or sum(known is not None for known in hashes) < 2:
        return ""
    return "".join(f"{known or 0:016x}" for known in hashes)


def near_pairs(looks: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of looks that are equal or differ in at most NEAR bits; enough pairs to join all that are near.

    Equal looks are joined in a chain. Different ones are compared only where a band is equal, which of 40,000 unlike
    sequences leaves about a candidate each; the bits of a band are taken from all over the hash.
    """
    places: dict[str, int] = {}
    pairs = [(places.setdefault(one, place), place) for place, one in enumerate(looks) if one]
    pairs = [(first, second) for first, second in pairs if first != second]
    if len(places) < 2:
        return pairs
    found = np.array(list(places.values()))
    words = np.array([[int(one[16 * n : 16 * n + 16], 16) for n in range(FRAMES)] for one in places], np.uint64)
    for band in _bands(words).T:
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.r_[True, band[order][1:] != band[order][:-1], True])
        for start, end in zip(starts[:-1][np.diff(starts) > 1], starts[1:][np.diff(starts) > 1], strict=True):
            pairs += _near_within(words, found, order[start:end])
    return pairs


def _bands(words: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Looks, [count, FRAMES] words, as [count, BANDS]; band k holds every BANDS-th bit from the k-th on."""
    bits = np.unpackbits(words.astype(">u8").view(np.uint8).reshape(len(words), -1), axis=1)
    parts = bits.reshape(len(words), -1, BANDS).swapaxes(1, 2)
    return np.packbits(parts, axis=2).view(np.uint16)[..., 0]


def _near_within(
    words: NDArray[np.uint64], places: NDArray[np.int64], members: NDArray[np.int64]
) -> list[tuple[int, int]]:
    pairs = []
    rows = max(1, BLOCK // len(members))
    for start in range(0, len(members), rows):
        some = members[start : start + rows]
        apart = np.bitwise_count(words[some, None] ^ words[None, members]).sum(axis=2)
        for one, other in np.argwhere(apart <= NEAR):
            if some[one] < members[other]:
                pairs.append((int(places[some[one]]), int(places[members[other]])))
    return pairs
