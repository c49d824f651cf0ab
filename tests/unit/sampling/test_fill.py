"""Every command fills holes with the fill that the adapter was trained with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.checkpoint_state import STATE_FILE, read_state
from inpainting.baselines.settings import Fill
from inpainting.cli import main
from inpainting.core.files import read_json
from inpainting.core.sums import summed, write_sums
from inpainting.models.adapter_files import write_adapter_sums
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.video import reader, sequence
from inpainting.video.clip import Frames

Options = Callable[..., list[str]]


@pytest.fixture
def checkpoints(tiny_training: Path, tmp_path: Path) -> dict[str, Path]:
    """The tiny training's last checkpoint as it is, of grey, and as one whose files say temporal_median throughout."""
    folders = {fill: tmp_path / fill / "step-4" for fill in ("grey", "temporal_median")}
    for fill, folder in folders.items():
        shutil.copytree(tiny_training / "checkpoints" / "step-4", folder)
        config, state = read_json(folder / "adapter" / "inpainting.json"), read_state(folder)
        for settings in (config, state.fingerprint["adapter"]):
            assert settings["condition"]["fill"] == "grey"
            settings["condition"]["fill"] = fill
        (folder / "adapter" / "inpainting.json").write_text(json.dumps(config))
        write_adapter_sums(folder / "adapter")
        state.write(folder / STATE_FILE)
        write_sums(folder, summed(folder))
    return folders


@pytest.fixture
def options(tiny_base: Path, tiny_results: Path) -> Options:
    """The options by which commands find the tiny dataset and base."""

    def options(command: str, *more: object) -> list[str]:
        data = commands.audited(tiny_results)
        given = commands.command(command, base=tiny_base, device="cpu", **data, frames=17, steps=1, workers=1)
        return [*given, *map(str, more)]

    return options


def test_run_uses_the_adapters_fill_and_writes_it_into_the_metadata(
    checkpoints: dict[str, Path], tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    clip = next(iter(sorted((tiny_results / "dataset").iterdir())))
    written = {}
    for fill, checkpoint in checkpoints.items():
        out = tmp_path / "out" / fill
        assert main(commands.run(tiny_base, out, steps=1, input=clip, adapter=checkpoint / "adapter")) == 0
        assert read_json(out.with_name(f"{fill}.json"))["settings"]["condition"] == fill
        written[fill] = reader.read_video(out).frames
    assert not np.array_equal(written["grey"], written["temporal_median"])


def test_run_without_an_adapter_uses_the_fill_option(tiny_base: Path, tiny_results: Path, tmp_path: Path) -> None:
    clip = next(iter(sorted((tiny_results / "dataset").iterdir())))
    written = {}
    for fill in ("grey", "telea"):
        out = tmp_path / fill
        assert main(commands.run(tiny_base, out, steps=1, window=9, input=clip, fill=fill)) == 0
        assert read_json(tmp_path / f"{fill}.json")["settings"]["condition"] == fill
        written[fill] = reader.read_video(out).frames
    assert not np.array_equal(written["grey"], written["telea"])


def test_run_and_the_pipeline_give_the_same_frames(tiny_base: Path, tmp_path: Path) -> None:
    rgb = np.random.default_rng(5).integers(0, 256, (17, 30, 37, 3), dtype=np.uint8)
    hole = np.zeros(rgb.shape[:3], bool)
    hole[:, 8:18, 4:15] = True
    sequence.write_sequence(tmp_path / "clip", rgb, 255 * hole.astype(np.uint8), rgb)
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    pipeline = load_pipeline(model)
    options = {"steps": 2, "window": 9, "raw": True, "fill": "flow_propagation", "input": tmp_path / "clip"}
    assert main(commands.run(tiny_base, tmp_path / "made", **options)) == 0
    made = reader.read_video(tmp_path / "made").frames
    in_memory = pipeline(
        rgb,
        hole,
        num_inference_steps=2,
        generator=noise_generator(0),
        window=9,
        fill="flow_propagation",
        composite=False,
    ).frames
    assert np.array_equal(made, in_memory)


def test_run_and_the_pipeline_unite_masks_as_the_adapter_says_and_make_good_an_empty_one(
    checkpoints: dict[str, Path], tiny_base: Path, tmp_path: Path
) -> None:
    adapter = checkpoints["grey"] / "adapter"
    config = read_json(adapter / "inpainting.json")
    config["masks"]["mask_union"] = 1
    (adapter / "inpainting.json").write_text(json.dumps(config))
    write_adapter_sums(adapter)
    rgb = np.random.default_rng(5).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    hole = np.zeros(rgb.shape[:3], bool)
    hole[:, 8:18, 4:15] = True
    hole[4] = False
    sequence.write_sequence(tmp_path / "clip", rgb, 255 * hole.astype(np.uint8), rgb)
    assert main(commands.run(tiny_base, tmp_path / "made", steps=1, input=tmp_path / "clip", adapter=adapter)) == 0
    made = reader.read_video(tmp_path / "made").frames
    pipeline = load_pipeline(InferenceSettings(base=str(tiny_base), device="cpu"), adapter)
    in_memory = pipeline(rgb, hole, num_inference_steps=1, generator=noise_generator(0)).frames
    assert np.array_equal(made, in_memory)
    changed = (made != rgb).any(axis=-1)
    assert changed[4, 8:18, 4:15].mean() > 0.9
    assert not changed[4, :4].any()


def test_validate_uses_the_adapters_fill(checkpoints: dict[str, Path], options: Options, tmp_path: Path) -> None:
    scores = {}
    for fill, checkpoint in checkpoints.items():
        out = tmp_path / f"{fill}.json"
        assert main(options("validate", "--checkpoint", checkpoint, "--out", out)) == 0
        scores[fill] = read_json(out)["runs"][0]["scores"]["psnr_mask"]["mean"]
    assert scores["grey"] != scores["temporal_median"]


def test_evaluate_uses_the_adapters_fill(checkpoints: dict[str, Path], options: Options, tmp_path: Path) -> None:
    scores = {}
    for fill, checkpoint in checkpoints.items():
        out = tmp_path / f"{fill}.parquet"
        adapter = ["--method", "adapter", "--adapter", checkpoint / "adapter", "--fill", "telea"]
        assert main(options("evaluate", *adapter, "--split", "validation", "--out", out)) == 0
        scores[fill] = pd.read_parquet(out)["psnr_mask"].mean()
    assert scores["grey"] != scores["temporal_median"]


def test_the_pipeline_uses_the_adapters_fill_and_not_the_callers(checkpoints: dict[str, Path], tiny_base: Path) -> None:
    rgb = np.random.default_rng(5).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    hole = np.zeros(rgb.shape[:3], bool)
    hole[2:6, 8:18, 4:15] = True
    model = InferenceSettings(base=str(tiny_base), device="cpu")

    def made(adapter: Path | None, fill: Fill) -> Frames:
        frames: Frames = load_pipeline(model, adapter)(
            rgb, hole, num_inference_steps=1, generator=noise_generator(0), fill=fill, window=9
        ).frames
        return frames

    adapter = checkpoints["temporal_median"] / "adapter"
    assert np.array_equal(made(adapter, "telea"), made(adapter, "temporal_median"))
    assert not np.array_equal(made(None, "telea"), made(None, "temporal_median"))
