"""The index of all shards, and `LatentCache`, which reads windows through it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pytest
import torch
from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.latents import LatentCache, Shard, Window, write_listing, write_shard
from inpainting.artifacts.shard_listing import shard_path
from inpainting.cli import main
from inpainting.core.errors import InputError
from inpainting.core.files import read_table, write_table
from inpainting.video import masks, sequence

Index = Callable[..., int]
WriteLatents = Callable[[list[Window]], Path]
GREY = "condition/grey"
LISTINGS = ("shard-0.parquet", "shard-1.parquet")


@pytest.fixture
def latents(tiny_results: Path, tmp_path: Path) -> Path:
    """A copy of the tiny latents that a test may change."""
    return Path(shutil.copytree(tiny_results / "latents", tmp_path / "latents"))


@pytest.fixture
def index(tiny_results: Path, latents: Path) -> Index:
    """Indexes listings of the copied latents."""

    def index(
        truths: tuple[str, ...] = LISTINGS,
        conditions: tuple[str, ...] = LISTINGS,
        split_file: Path = tiny_results / "audit" / "split.tsv",
    ) -> int:
        listings = ([latents / "truth" / name for name in truths], [latents / GREY / name for name in conditions])
        return main(commands.index(split_file, *listings, latents / "index-grey.parquet"))

    return index


def test_the_index_has_a_row_per_window_with_its_size_and_coverage(tiny_results: Path) -> None:
    table = read_table(tiny_results / "latents" / "index-grey.parquet")
    assert list(table.columns) == LATENT_INDEX.schema.names
    assert table[["frames", "height", "width"]].drop_duplicates().to_numpy().tolist() == [[9, 32, 32]]
    assert (set(table["split"]), set(table["condition_source"])) == ({"train"}, {"grey"})
    assert sorted(set(table["start"])) == [0, 8]
    row = table.iloc[-1]
    mask = sequence.read_mask(tiny_results / "dataset" / row["sequence"], row["start"], 9)
    assert row["coverage"] == pytest.approx((mask == 255).mean())


def rewrite_shard(path: Path, content: str, keys: dict[str, str], source: str) -> None:
    """Write a shard again with the same tensors and other metadata."""
    shard = Shard(path)
    tensors = {name: shard.tensor(name).clone() for name in shard.names}
    write_shard(path, tensors, content, keys, source, {})
    write_listing(path)


@pytest.mark.parametrize("content", ["truth", "grey"])
def test_an_index_is_refused_after_its_latents_were_encoded_again(index: Index, latents: Path, content: str) -> None:
    assert index() == 0
    before = (latents / "index-grey.parquet").read_bytes()
    path = shard_path(latents, content, 1)
    rewrite_shard(path, content, {"another": "key"}, Shard(path).source)
    cache = LatentCache(latents / "index-grey.parquet", "train")
    with pytest.raises(InputError, match="was encoded again since"):
        for number in range(len(cache)):
            cache[number]
    assert index() == 0
    assert (latents / "index-grey.parquet").read_bytes() != before


def test_the_cache_returns_the_tensors_of_the_shards(tiny_results: Path) -> None:
    latents = tiny_results / "latents"
    cache = LatentCache(latents / "index-grey.parquet", "train")
    assert cache.latent_size == (4, 4)
    for number, row in enumerate(cache.table.itertuples()):
        window = cache[number]
        assert (window.sequence, window.start) == (row.sequence, row.start)
        truths, conditions = (Shard(latents / str(name)) for name in (row.truth, row.condition))
        assert torch.equal(window.truth, truths.tensor(f"{row.sequence}/{row.start}/truth"))
        assert torch.equal(window.condition, conditions.tensor(f"{row.sequence}/{row.start}/condition"))
        assert window.logvar is None
        assert window.hole.shape == (9, 32, 32)


def test_windows_without_a_hole_are_not_in_the_cache_and_the_index_says_so(
    write_latents: WriteLatents, tiny_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = LatentCache(tiny_results / "latents" / "index-grey.parquet", "train")
    windows = [cache[number] for number in range(len(cache))]
    empty = windows[1]
    windows[1] = Window(empty.sequence, empty.start, empty.truth, empty.condition, np.zeros_like(empty.hole))
    index = write_latents(windows)
    assert (read_table(index)["coverage"] == 0).sum() == 1
    assert f"1 windows have no hole and are not trained on, such as {empty.sequence}" in caplog.text
    rest = LatentCache(index, "train")
    assert len(rest) == len(cache) - 1
    assert (empty.sequence, empty.start) not in {(rest[i].sequence, rest[i].start) for i in range(len(rest))}


def test_shards_with_holes_as_earlier_versions_stored_them_are_read_and_not_encoded_again(
    index: Index, latents: Path, tiny_base: Path, tiny_results: Path
) -> None:
    assert index() == 0
    before = LatentCache(latents / "index-grey.parquet", "train")
    for number in range(2):
        shard = Shard(shard_path(latents, "truth", number))
        tensors = {name: shard.tensor(name).clone() for name in shard.names}
        holes = {name: masks.unpack(tensor.numpy()) for name, tensor in tensors.items() if name.endswith("/hole")}
        tensors |= {name: torch.from_numpy(np.packbits(hole, axis=-1)) for name, hole in holes.items()}
        write_shard(shard.path, tensors, shard.content, shard.keys, shard.source, shard.provenance)
        os.utime(shard.path, ns=(1, 1))
        options = ("--shards", "2", "--shard", str(number))
        assert main(commands.encode(tiny_base, tiny_results, latents, *options)) == 0
        assert shard.path.stat().st_mtime_ns == 1
    assert index() == 0
    after = LatentCache(latents / "index-grey.parquet", "train")
    assert len(after) == len(before) > 0
    assert all(np.array_equal(after[number].hole, before[number].hole) for number in range(len(after)))
    assert after.table.equals(before.table)


def test_a_split_without_windows_is_refused(tiny_results: Path) -> None:
    with pytest.raises(InputError, match="no window with a hole in the split 'test'"):
        LatentCache(tiny_results / "latents" / "index-grey.parquet", "test")


@pytest.mark.parametrize("content", ["truth", "grey"])
def test_a_missing_shard_is_named(latents: Path, content: str) -> None:
    shard_path(latents, content, 1).unlink()
    with pytest.raises(InputError, match=rf"names shards that do not exist: [a-z/]*{content}/shard-1\.safetensors"):
        LatentCache(latents / "index-grey.parquet", "train")


@pytest.mark.parametrize("content", ["truth", "grey"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_shard_is_named_when_it_is_read(latents: Path, content: str, damage: str) -> None:
    for path in shard_path(latents, content, 0).parent.glob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[-5] ^= 1
        path.write_bytes(data[:-100] if damage == "cut" else data)
    cache = LatentCache(latents / "index-grey.parquet", "train")
    with pytest.raises(InputError, match=rf"{content}/shard-\d\.safetensors is damaged"):
        for number in range(len(cache)):
            cache[number]


def test_the_index_reads_listings_and_no_shard(index: Index, latents: Path) -> None:
    for path in latents.rglob("shard-*.safetensors"):
        path.unlink()
    assert index() == 0


def test_listings_that_repeat_windows_are_refused(
    index: Index, latents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(latents / "truth" / "shard-0.parquet")
    write_table(latents / "truth" / "again.parquet", table.assign(shard="again.safetensors"))
    assert index(truths=(*LISTINGS, "again.parquet")) == 1
    assert "truth/shard-0.safetensors and truth/again.safetensors" in capsys.readouterr().err


def test_conditions_without_their_truths_are_refused(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(truths=LISTINGS[:1]) == 1
    assert "were not encoded from the same windows" in capsys.readouterr().err


def test_truths_and_conditions_of_different_pixels_are_refused(
    index: Index, latents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite_shard(latents / GREY / "shard-0.safetensors", "grey", {}, "other pixels")
    assert index() == 1
    shards = "its truth (in truth/shard-0.safetensors) and its condition (in condition/grey/shard-0.safetensors)"
    assert shards in capsys.readouterr().err


def test_shards_of_the_wrong_content_are_refused(
    index: Index, latents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (latents / "truth").rename(latents / "moved")
    (latents / GREY).rename(latents / "truth")
    (latents / "moved").rename(latents / GREY)
    assert index() == 1
    assert "holds no truths" in capsys.readouterr().err


def test_another_table_in_place_of_a_listing_is_refused(
    index: Index, latents: Path, tiny_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tiny_results / "audit" / "manifest.parquet", latents / "truth" / "shard-0.parquet")
    assert index() == 1
    assert "shard-0.parquet is damaged or of another kind (it lacks the columns sequence, " in capsys.readouterr().err


def test_a_shard_with_sequences_that_are_not_in_the_split_is_refused(
    index: Index, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = read_table(tiny_results / "audit" / "split.tsv")
    write_table(tmp_path / "split.tsv", split[split["split"] != "train"])
    assert index(split_file=tmp_path / "split.tsv") == 1
    assert "split.tsv does not; encode it again" in capsys.readouterr().err
