"""Items are computed again when their keys change, and are complete or absent."""

from pathlib import Path

import pytest
from inpainting.core.item_cache import ItemCache


def fill(cache: ItemCache, *names: str) -> None:
    for name in names:
        with cache.adding(name) as folder:
            (folder / "value").write_text(name + cache.keys[name])


def test_what_is_new_or_of_another_key_is_missing(tmp_path: Path) -> None:
    before = ItemCache(tmp_path, {"a": "1", "b": "1", "c": "1"})
    assert before.missing() == ["a", "b", "c"]
    fill(before, "a", "b", "c")
    assert before.missing() == []
    after = ItemCache(tmp_path, {"d": "1", "b": "2", "a": "1"})
    assert after.missing() == ["d", "b"]
    fill(after, "d", "b")
    assert after.missing() == []
    assert (after.path("b") / "value").read_text() == "b2"


def test_an_item_that_failed_leaves_what_was_there(tmp_path: Path) -> None:
    fill(ItemCache(tmp_path, {"a": "1"}), "a")
    changed = ItemCache(tmp_path, {"a": "2"})
    with pytest.raises(ZeroDivisionError), changed.adding("a") as folder:
        (folder / "value").write_text("half")
        _ = 1 / 0
    assert changed.missing() == ["a"]
    assert (changed.path("a") / "value").read_text() == "a1"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_others_are_kept_until_they_are_removed(tmp_path: Path) -> None:
    fill(ItemCache(tmp_path, {"a": "1", "b": "1"}), "a", "b")
    fewer = ItemCache(tmp_path, {"b": "1"})
    assert fewer.missing() == [] and ItemCache(tmp_path, {"a": "1"}).missing() == []
    (tmp_path / "Thumbs.db").touch()  # of a file manager
    fewer.remove_others()
    assert ItemCache(tmp_path, {"a": "1", "b": "1"}).missing() == ["a"]


def test_a_damaged_item_is_made_again(tmp_path: Path) -> None:
    cache = ItemCache(tmp_path, {"a": "1", "b": "1", "c": "1"})
    fill(cache, "a", "b", "c")
    (cache.path("a") / "value").write_text("other")
    (cache.path("b") / "value").unlink()
    (cache.path("c") / "key").write_bytes(b"\xff")
    assert cache.missing() == ["a", "b", "c"]
