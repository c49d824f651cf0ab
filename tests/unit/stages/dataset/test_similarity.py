"""Near-duplicates: perceptual hashes, the search for similar ones, and the groups they form."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inpainting.artifacts.record import Content, Record, Soundness, make_record
from inpainting.stages.dataset.groups import group_duplicates
from inpainting.stages.dataset.similarity import MAX_DISTANCE, near_pairs, picture_hash, sequence_hash
from inpainting.video.sequence import MASK, RGB, TRUTH, read_truth, write_images
from numpy.typing import NDArray


def a_picture(seed: int, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.integers(0, 255, (height, width, 3), dtype=np.uint8), (0, 0), 8)
    return cv2.normalize(noise, noise, 0, 255, cv2.NORM_MINMAX)


def bits_apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    first, second = picture_hash(one), picture_hash(other)
    assert first is not None
    assert second is not None
    return (first ^ second).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_scaled_compressed_or_brightened_keeps_its_hash(seed: int) -> None:
    picture = a_picture(seed)
    stored = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert bits_apart(picture, cv2.resize(picture, (96, 72), interpolation=cv2.INTER_AREA)) <= 3
    assert bits_apart(picture, np.asarray(stored, np.uint8)) <= 3
    assert bits_apart(picture, picture // 2 + 60) <= 3
    assert bits_apart(picture, a_picture(seed + 100)) > 10


def test_a_flat_picture_has_no_hash_and_neither_has_a_sequence_of_them() -> None:
    assert picture_hash(np.full((40, 60, 3), 90, np.uint8)) is None
    assert sequence_hash([None, None, 5]) == ""
    assert sequence_hash([None, 7, 5]) == f"{0:016x}{7:016x}{5:016x}"


def components(pairs: list[tuple[int, int]], count: int) -> list[int]:
    """The smallest member of each position's component."""
    names = list(range(count))
    for _ in names:
        for one, other in pairs:
            names[one] = names[other] = min(names[one], names[other])
    return names


hashes = st.integers(0, 2**192 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(hashes, min_size=1, max_size=5), st.data())
def test_the_search_connects_all_near_hashes_and_no_others(seeds: list[int], data: st.DataObject) -> None:
    every = []
    for seed in seeds:
        every.append(seed)
        for _ in range(3):
            flips = data.draw(st.lists(st.integers(0, 191), max_size=MAX_DISTANCE + 3))
            every.append(seed ^ sum(1 << place for place in set(flips)))
    texts = [f"{value:048x}" for value in every]
    count = len(texts)
    near = [(a, b) for a in range(count) for b in range(a) if (every[a] ^ every[b]).bit_count() <= MAX_DISTANCE]
    assert components(near_pairs(texts), count) == components(near, count)


def test_among_forty_thousand_different_sequences_only_equal_ones_are_paired() -> None:
    words = np.random.default_rng(0).integers(0, 2**63, (40000, 3), dtype=np.uint64)
    texts = ["".join(f"{word:016x}" for word in row) for row in words.tolist()]
    assert near_pairs([*texts, texts[7], ""]) == [(7, 40000)]


def a_record(name: str, digest: str, look: str = "", reasons: bool = False) -> Record:
    record = make_record(name, Soundness(1, 16, 16, digest, []), Content([0.5], 1, 1, 0, 0, 0, look, []))
    return Record(**{**vars(record), "verdict": "rejected"}) if reasons else record


def test_equal_similar_and_user_grouped_sequences_are_in_one_group() -> None:
    near, far = f"{0:048x}", f"{2**150 - 1:048x}"
    records = [
        a_record("a", "1"),
        a_record("b", "2"),
        a_record("c", "1", near),
        a_record("d", "3", f"{7:048x}"),
        a_record("e", "4", far),
        a_record("f", "1", reasons=True),
    ]
    found = group_duplicates(records, {"b": "scene", "d": "scene", "f": "old"})
    assert found.groups == {"a": "scene", "b": "scene", "c": "scene", "d": "scene", "e": "e", "f": "old"}
    assert (found.exact, found.near) == (1, 1)
    assert group_duplicates(records, {}).groups == {"a": "a", "b": "b", "c": "a", "d": "a", "e": "e", "f": "f"}


def test_copies_of_a_sequence_are_in_its_group_and_other_scenes_are_not(
    root: Path,
    make_scene: Callable[..., Path],
    audit: Callable[..., int],
    manifest_of: Callable[[Path], pd.DataFrame],
    tmp_path: Path,
) -> None:
    make_scene("a", seed=1)
    make_scene("b", seed=2)
    shutil.copytree(root / "a", root / "copy")
    other_hole = shutil.copytree(root / "a", root / "other hole")
    for folder in (RGB, MASK):
        for path in (other_hole / folder).iterdir():
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert image is not None
            assert folder == RGB or cv2.imwrite(str(path), np.flip(image, axis=0))
    rgb = read_truth(other_hole, 0, 12).copy()
    rgb[:, 20:34, 4:20] = 5
    write_images(other_hole / RGB, rgb)
    noisy = shutil.copytree(root / "a", root / "noisy")
    truth = read_truth(noisy, 0, 12).astype(float) + np.random.default_rng(0).normal(0, 1.5, (12, 48, 64, 3))
    write_images(noisy / TRUTH, truth.clip(0, 255).astype(np.uint8))
    assert audit(root, tmp_path / "out", "--frames", "12") == 0
    groups = manifest_of(tmp_path / "out")["group"].to_dict()
    assert groups == {"a": "a", "b": "b", "copy": "a", "noisy": "a", "other hole": "a"}
