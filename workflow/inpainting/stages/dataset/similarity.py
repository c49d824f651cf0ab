"""Finds near-duplicate sequences by perceptual hashes of a few truth frames.

Source of the hash: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (DCT based).
Source of the search: M. Norouzi, A. Punjani, D. Fleet, Fast Exact Search in Hamming Space with Multi-Index Hashing,
2014.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

HASHED_FRAMES = 3
"""Truth frames that are hashed per sequence: the first, the middle and the last."""

BANDS = 4 * HASHED_FRAMES
"""Number of 16-bit parts of a sequence's hash of 192 bits."""

MAX_DISTANCE = BANDS - 1
"""Bits, of 192, in which near-duplicates may differ: fewer than BANDS, so at least one band is equal."""

FLAT_DEVIATION = 2.0
"""Grey levels. A picture with a smaller standard deviation is too flat to be hashed."""

BLOCK_PAIRS = 2**20
"""Pairs that are compared in one array operation."""


def hashed_frames(frames: int) -> list[int]:
    """Numbers of the hashed frames of a sequence of `frames` frames, from 1."""
    return [1, (frames + 1) // 2, frames]


def picture_hash(picture: NDArray[np.uint8]) -> int | None:
    """Perceptual hash, 63 bits, of an RGB picture, uint8 [height, width, 3]; None for a flat one.

    Scaling, compression and changes of brightness change only a few bits.
    """
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    if float(grey.std()) < FLAT_DEVIATION:
        return None
    waves = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()[1:]
    bits = waves > np.median(waves)
    return int.from_bytes(np.packbits(bits).tobytes())


def sequence_hash(hashes: Sequence[int | None]) -> str:
    """The hashes of a sequence's HASHED_FRAMES frames as 48 hex digits; empty if fewer than two have one."""
    if len(hashes) != HASHED_FRAMES or sum(known is not None for known in hashes) < 2:
        return ""
    return "".join(f"{known or 0:016x}" for known in hashes)


def near_pairs(hashes: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions of sequence hashes that differ in at most MAX_DISTANCE bits; enough pairs to connect them all.

    Equal hashes are paired with the first of them. Different ones are compared only if a band is equal, which leaves
    about one candidate per sequence among 40,000 unlike ones. A band takes its bits from all over the hash.
    """
    places: dict[str, int] = {}
    pairs = [(places.setdefault(one, place), place) for place, one in enumerate(hashes) if one]
    pairs = [(first, second) for first, second in pairs if first != second]
    if len(places) < 2:
        return pairs
    found = np.array(list(places.values()))
    words = np.array([[int(one[16 * n : 16 * n + 16], 16) for n in range(HASHED_FRAMES)] for one in places], np.uint64)
    for band in _bands(words).T:
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.r_[True, band[order][1:] != band[order][:-1], True])
        for start, end in zip(starts[:-1][np.diff(starts) > 1], starts[1:][np.diff(starts) > 1], strict=True):
            pairs += _near_within(words, found, order[start:end])
    return pairs


def _bands(words: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Hashes, uint64 [count, HASHED_FRAMES], as bands [count, BANDS]: band k has every BANDS-th bit from bit k on."""
    bits = np.unpackbits(words.astype(">u8").view(np.uint8).reshape(len(words), -1), axis=1)
    parts = bits.reshape(len(words), -1, BANDS).swapaxes(1, 2)
    return np.packbits(parts, axis=2).view(np.uint16)[..., 0]


def _near_within(
    words: NDArray[np.uint64], places: NDArray[np.int64], members: NDArray[np.int64]
) -> list[tuple[int, int]]:
    pairs = []
    rows = max(1, BLOCK_PAIRS // len(members))
    for start in range(0, len(members), rows):
        some = members[start : start + rows]
        distance = np.bitwise_count(words[some, None] ^ words[None, members]).sum(axis=2)
        for one, other in np.argwhere(distance <= MAX_DISTANCE):
            if some[one] < members[other]:
                pairs.append((int(places[some[one]]), int(places[members[other]])))
    return pairs
