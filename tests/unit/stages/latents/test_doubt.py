"""The doubt of a fill on its way: kept where it is asked for, trained with, the same in inference, and learned from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inpainting.artifacts.latents import LatentCache, Shard
from inpainting.baselines.fills import fill_with_doubt
from inpainting.cli import main
from inpainting.conditioning import inputs
from inpainting.core.files import read_json
from inpainting.models.adapter import read_adapter_config
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import ModelSettings
from inpainting.sampling.inpainter import load_inpainter
from inpainting.video import masks, sequence
from inpainting.video.settings import MaskSettings, WindowSettings

Arguments = Callable[..., list[str]]
Encode = Callable[..., Path]

SETTINGS = MaskSettings()


@pytest.fixture
def encode(tiny_base: Path, tiny_results: Path, tmp_path: Path) -> Encode:
    """Encodes the tiny dataset's conditions of temporal_median, and returns their index."""

    def encode(name: str, *options: str) -> Path:
        audit, folder = tiny_results / "audit", tmp_path / name
        split = ["--split-file", str(audit / "split.tsv")]
        command = ["encode", "--base", str(tiny_base), "--dataset", str(tiny_results / "dataset"), *split]
        command += ["--manifest", str(audit / "manifest.parquet"), "--content", "temporal_median", "--workers", "1"]
        command += ["--frames", "17", "--window", "9", "--window-overlap", "1", "--shards", "2", *options]
        for number in ("0", "1"):
            assert main([*command, "--shard", number, "--out", str(folder / f"shard-{number}.safetensors")]) == 0
        truths, conditions = (
            ",".join(str(place / f"shard-{number}.parquet") for number in range(2))
            for place in (tiny_results / "latents" / "truth", folder)
        )
        index = ["--truths", truths, "--conditions", conditions, *split, "--out", str(folder / "index.parquet")]
        assert main(["index", *index]) == 0
        return folder / "index.parquet"

    return encode


def test_the_doubt_that_is_kept_is_that_of_the_whole_clip(
    encode: Encode, tiny_results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    index = encode("doubted", "--doubt")
    cache = LatentCache(index, "train")
    levels = set()
    for number in range(len(cache)):
        window = cache[number]
        folder = tiny_results / "dataset" / window.sequence
        hole = masks.dilate(masks.to_hole(sequence.read_mask(folder, 0, 17), SETTINGS), SETTINGS.mask_dilation)
        found = fill_with_doubt(sequence.read_rgb(folder, 0, 17), hole, "temporal_median").doubt
        levels |= set(np.unique(found).tolist())
        alone = inputs.doubt_of_cells(found[window.start : window.start + 9], COGVIDEOX_2B.geometry)
        assert window.doubt is not None
        assert torch.equal(window.doubt, alone.half())
    assert len(levels) > 5
    shard = Shard(index.with_name("shard-0.safetensors"))
    taken = sum(tensor.numel() * tensor.element_size() for tensor in map(shard.tensor, shard.names))
    assert f"temporal_median: {taken / 1000:.3g} kB in this shard" in caplog.text


def test_without_being_asked_for_no_doubt_is_kept(encode: Encode) -> None:
    cases: dict[str, tuple[str, ...]] = {"plain": (), "doubted": ("--doubt",)}
    plain, doubted = (Shard(encode(name, *options).with_name("shard-0.safetensors")) for name, options in cases.items())
    assert not any(name.endswith("/doubt") for name in plain.names)
    assert plain.digest != doubted.digest
    for name in plain.names:
        assert torch.equal(plain.tensor(name), doubted.tensor(name))


def test_a_training_that_needs_the_doubt_says_so_where_there_is_none(
    encode: Encode, training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--fill", "temporal_median", "--mask-input", "area_and_doubt", "--index", str(encode("plain"))]
    assert main(training_arguments(tmp_path / "run", *told)) == 1
    assert "the conditions hold no doubt of their fill; encode with --doubt" in capsys.readouterr().err


def trained(encode: Encode, training_arguments: Arguments, folder: Path) -> Path:
    """The last checkpoint of a training that is told of the doubt."""
    told = ["--fill", "temporal_median", "--mask-input", "area_and_doubt", "--index", str(encode("doubted", "--doubt"))]
    assert main(training_arguments(folder / "run", *told)) == 0
    return folder / "run" / "checkpoints" / "step-4"


def test_the_trust_that_validation_finds_goes_with_the_adapter(
    encode: Encode, training_arguments: Arguments, tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    checkpoint, audit = trained(encode, training_arguments, tmp_path), tiny_results / "audit"
    dataset = ["--dataset", str(tiny_results / "dataset"), "--base", str(tiny_base), "--device", "cpu"]
    dataset += ["--manifest", str(audit / "manifest.parquet"), "--split-file", str(audit / "split.tsv")]
    scores, adapter = tmp_path / "step-4.json", tmp_path / "best"
    options = ["--checkpoint", str(checkpoint), "--steps", "1", "--frames", "17", "--out", str(scores)]
    assert main(["validate", *dataset, *options]) == 0
    chosen = ["--scores", str(scores), "--checkpoints", str(checkpoint.parent), "--out", str(tmp_path / "best.json")]
    assert main(["best", *chosen, "--adapter-out", str(adapter)]) == 0
    (run,) = read_json(scores)["runs"]
    trust = read_adapter_config(adapter).fill_trust
    assert (
        trust is not None and trust.model_dump() == run["fill_trust"] == read_json(tmp_path / "best.json")["fill_trust"]
    )
    assert run["fill_trust_gain"] > 0

    folder = tiny_results / "dataset" / f"{0:016x}"
    rgb, mask = sequence.read_rgb(folder, 0, 17), sequence.read_mask(folder, 0, 17)
    model, made = ModelSettings(base=str(tiny_base), device="cpu"), {}
    for kept in (True, False):
        inpainter = load_inpainter(model, adapter, (32, 32), SETTINGS, WindowSettings())
        inpainter.keep_fill = kept
        made[kept] = inpainter.inpaint(rgb, mask, steps=1, seed=0)
    (view,) = inpainter.look(rgb, masks.to_hole(mask, SETTINGS))
    expected = trust.keep(made[False], view.fills, inpainter.hole(mask))
    assert not np.array_equal(made[True], made[False])
    alone = np.arange(17) != 8  # where the windows, of 9 frames, meet, they are faded once the fill is in them
    assert np.array_equal(made[True][alone], expected[alone])


def test_an_adapter_that_is_told_of_the_doubt_is_trained_and_inpainted_with(
    encode: Encode, training_arguments: Arguments, tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    adapter = trained(encode, training_arguments, tmp_path) / "adapter"
    assert read_adapter_config(adapter).channels == 34
    folder = tiny_results / "dataset" / f"{0:016x}"
    inpainter = load_inpainter(
        ModelSettings(base=str(tiny_base), device="cpu"), adapter, (32, 32), SETTINGS, WindowSettings()
    )
    rgb, mask = sequence.read_rgb(folder, 0, 9), sequence.read_mask(folder, 0, 9)
    hole = inpainter.hole(mask)
    assert inpainter.pipeline.models.fill(rgb, hole, "temporal_median").doubt.any()
    made = inpainter.inpaint(rgb, mask, steps=1, seed=0)
    changed = np.where(mask[..., None] > 0, 255 - rgb, rgb)
    assert np.array_equal(inpainter.inpaint(changed, mask, steps=1, seed=0), made), "it may not see the hole"
    weight = inpainter.pipeline.transformer.patch_embed.proj.weight
    with torch.no_grad():
        weight[:, 33] += torch.randn(weight[:, 33].shape, generator=torch.Generator().manual_seed(0))
    assert not np.array_equal(inpainter.inpaint(rgb, mask, steps=1, seed=0), made)
