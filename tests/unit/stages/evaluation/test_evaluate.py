"""`inpaint evaluate`: the scores of a method, and what they depend on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from inpainting.artifacts.scores import REQUIRED_COLUMNS, read_results
from inpainting.baselines.per_frame import telea
from inpainting.cli import main, parse
from inpainting.core.files import read_table, write_table
from inpainting.metrics.by_region import REGION_COLUMNS, score_clip
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import METRIC_COLUMNS
from inpainting.models.adapter_files import write_sampling_steps
from inpainting.stages.evaluation.evaluate import with_chosen_steps
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video.masks import dilate
from inpainting.video.sequence import MASK, RGB, frame_name, write_sequence
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset, Evaluated, Scene, Untimed


def test_the_results_have_a_row_per_sequence_output_and_frame_in_order(evaluated: Evaluated) -> None:
    frames = read_results(evaluated.results["telea"]).frames
    assert [*frames.columns] == list(dict.fromkeys((*REQUIRED_COLUMNS, *METRIC_COLUMNS)))
    expected = [(s, o, f) for s in "abc" for o in ("composited", "raw") for f in range(1, 6)]
    assert list(frames[["sequence", "output", "frame"]].itertuples(index=False, name=None)) == expected
    assert (frames["method"] == "telea").all()
    assert (frames["seconds_per_frame"] > 0).all()


def test_the_scores_are_those_of_the_methods_own_frames(evaluated: Evaluated, make_scene: Scene) -> None:
    rgb, mask, truth = make_scene(3)
    hole = mask > 127
    regions = Regions(hole, effect_region(rgb, truth, dilate(hole, 2)))
    expected = score_clip(telea(rgb, dilate(hole, 2)), truth, regions)
    frames = read_results(evaluated.results["telea"]).frames
    found = frames[(frames["sequence"] == "c") & (frames["output"] == "raw")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(REGION_COLUMNS)], expected)


def test_the_provenance_has_split_and_settings_and_no_path(evaluated: Evaluated) -> None:
    about = read_results(evaluated.results["telea"]).provenance.model_dump()
    assert about["label"] == "telea"
    assert about["kind"] == "classical"
    assert set(about["inputs"]) == {"sequences"}
    assert about["settings"]["split"] == "test"
    assert str(evaluated.dataset.root) not in json.dumps(about)


def test_settings_that_a_classical_method_ignores_are_not_in_its_provenance(dataset: Dataset, tmp_path: Path) -> None:
    ignored = ["--steps", "3", "--seed", "8", "--window", "9"]
    assert dataset.evaluate("telea", tmp_path / "x.parquet", *ignored) == 0
    assert dataset.evaluate("telea", tmp_path / "y.parquet") == 0
    assert read_results(tmp_path / "x.parquet").provenance == read_results(tmp_path / "y.parquet").provenance


def test_the_number_of_workers_changes_no_score(evaluated: Evaluated, tmp_path: Path, untimed: Untimed) -> None:
    out = tmp_path / "telea.parquet"
    assert evaluated.dataset.evaluate("telea", out, "--workers", "2", "--examples", "2") == 0
    pd.testing.assert_frame_equal(untimed(out), untimed(evaluated.results["telea"]))


def test_input_pixels_inside_the_mask_change_no_score(dataset: Dataset, make_scene: Scene, untimed: Untimed) -> None:
    assert dataset.evaluate("telea", dataset.root / "before.parquet") == 0
    for seed, name in enumerate("abc", start=1):
        rgb, mask, _ = make_scene(seed, still=name == "b")
        changed = np.where(mask[..., None] > 0, np.uint8(200), rgb)
        for number, frame in enumerate(changed, start=1):
            Image.fromarray(frame).save(dataset.sequences / name / RGB / frame_name(number))
    assert dataset.evaluate("telea", dataset.root / "after.parquet") == 0
    pd.testing.assert_frame_equal(untimed(dataset.root / "before.parquet"), untimed(dataset.root / "after.parquet"))


def test_a_label_names_the_method_and_a_limit_takes_the_first_sequences(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert dataset.evaluate("telea", out, "--label", "fast marching", "--limit", "2", "--frames", "3") == 0
    frames = read_results(out).frames
    assert set(frames["method"]) == {"fast marching"}
    assert set(frames["sequence"]) == {"a", "b"}
    assert frames["frame"].max() == 3


def test_a_sequence_shorter_than_the_frames_asked_for_is_scored_whole(dataset: Dataset, make_scene: Scene) -> None:
    manifest = read_table(dataset.manifest)
    manifest.loc[manifest["id"] == "a", "frames"] = 3
    write_table(dataset.manifest, manifest)
    write_sequence(dataset.sequences / "a", *make_scene(1, frames=3))
    assert dataset.evaluate("telea", dataset.root / "x.parquet", "--frames", "49") == 0
    counts = read_results(dataset.root / "x.parquet").frames.groupby("sequence")["frame"].max()
    assert counts.to_dict() == {"a": 3, "b": 5, "c": 5}


def test_frames_with_an_empty_mask_have_a_row_without_a_score_inside_it(dataset: Dataset) -> None:
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(dataset.sequences / "a" / MASK / frame_name(2))
    assert dataset.evaluate("telea", dataset.root / "x.parquet") == 0
    frames = read_results(dataset.root / "x.parquet").frames
    row = frames[(frames["sequence"] == "a") & (frames["output"] == "raw") & (frames["frame"] == 2)].iloc[0]
    assert row["mask_pixels"] == 0
    assert np.isnan(row["psnr_mask"])


def test_masks_of_another_size_are_an_error_with_the_sequences_name(
    dataset: Dataset, make_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    rgb, mask, truth = make_scene(1)
    write_sequence(dataset.sequences / "a", rgb, mask[:, :20], truth)
    assert dataset.evaluate("telea", dataset.root / "x.parquet") == 1
    assert "sequence a" in capsys.readouterr().err


def test_a_split_without_sequences_is_an_error(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert dataset.evaluate("telea", dataset.root / "x.parquet", "--split", "validation") == 1
    assert "validation" in capsys.readouterr().err


def test_a_sequence_that_the_manifest_does_not_accept_is_an_error(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_table(dataset.manifest)
    manifest["verdict"] = ["accepted", "rejected", "accepted", "accepted"]
    write_table(dataset.manifest, manifest)
    assert dataset.evaluate("telea", dataset.root / "x.parquet") == 1
    assert " b," in capsys.readouterr().err


def test_a_classical_method_starts_without_torch(dataset: Dataset) -> None:
    program = "import sys, inpainting.cli as c; sys.exit(c.main(sys.argv[1:]) or 'torch' in sys.modules)"
    command = dataset.command("telea", dataset.root / "x.parquet")
    assert subprocess.run([sys.executable, "-c", program, *command], check=False).returncode == 0


def test_the_parquet_file_carries_its_provenance_in_the_metadata(evaluated: Evaluated) -> None:
    metadata = pq.read_schema(evaluated.results["telea"]).metadata
    assert json.loads(metadata[b"provenance"])["settings"]["method"] == "telea"


def test_optional_metrics_are_computed_only_on_request(dataset: Dataset, tmp_path: Path) -> None:
    every = ["--extras", "motion,vmaf,propainter_compat", "--limit", "1"]
    assert dataset.evaluate("telea", tmp_path / "all.parquet", *every) == 0
    assert dataset.evaluate("telea", tmp_path / "none.parquet", "--extras", "[]", "--limit", "1") == 0
    names = ["temporal_mask", "warp_mask", "warp_frame", "vmaf", "propainter_psnr", "propainter_ssim"]
    found = read_results(tmp_path / "all.parquet").frames.query("output == 'composited' and frame > 1")[names]
    assert found.notna().all(axis=None)
    assert read_results(tmp_path / "none.parquet").frames[names].isna().all(axis=None)
    assert dataset.evaluate("telea", tmp_path / "x.parquet", "--extras", "lpips") == 2


def test_the_number_of_denoising_steps_is_the_one_that_validation_chose(
    dataset: Dataset, tiny_training: Path, tmp_path: Path
) -> None:
    adapter = shutil.copytree(tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "adapter")
    options = ["--adapter", str(adapter), "--steps", "3"]
    settings = parse("evaluate", dataset.command("adapter", tmp_path / "x.parquet", *options)[1:])
    assert isinstance(settings, EvaluateCommand)
    assert with_chosen_steps(settings).steps == 3, "nothing was chosen for it yet"
    write_sampling_steps(adapter, 7)
    assert with_chosen_steps(settings).steps == 7


def test_damaged_masks_change_what_an_adapter_makes_and_not_where_it_is_scored(
    tiny_base: Path, tiny_results: Path, tiny_training: Path, tmp_path: Path
) -> None:
    options = ["--base", str(tiny_base), "--device", "cpu", "--frames", "9", "--extras", "[]", "--steps", "1"]
    adapter = str(tiny_training / "checkpoints" / "step-4" / "adapter")
    options += ["--adapter", adapter, "--split", "all", "--limit", "1"]
    for method in ("adapter", "degraded_masks"):
        assert main(commands.evaluate(method, tiny_results, tmp_path / f"{method}.parquet", *options)) == 0
    whole, damaged = (read_results(tmp_path / f"{method}.parquet") for method in ("adapter", "degraded_masks"))
    assert (whole.kind, damaged.kind) == ("adapter", "degraded")
    assert whole.frames["mask_pixels"].equals(damaged.frames["mask_pixels"])
    assert not whole.frames["mse_mask"].equals(damaged.frames["mse_mask"])


def test_a_learned_methods_scores_do_not_depend_on_the_number_of_workers(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, untimed: Untimed
) -> None:
    options = ["--base", str(tiny_base), "--device", "cpu", "--window", "9", "--frames", "9", "--extras", "[]"]
    options += ["--split", "all", "--limit", "5"]
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.parquet"
        assert main(commands.evaluate("ceiling", tiny_results, out, *options, "--workers", workers)) == 0
    pd.testing.assert_frame_equal(untimed(tmp_path / "1.parquet"), untimed(tmp_path / "2.parquet"))
    assert (read_results(tmp_path / "2.parquet").frames["peak_memory_gib"] > 0).all()


def test_the_ceiling_needs_no_weights_of_the_transformer(tiny_base: Path, tiny_results: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    (base / "transformer" / "diffusion_pytorch_model.safetensors").write_bytes(b"damaged")
    options = [
        "--base",
        str(base),
        "--device",
        "cpu",
        "--window",
        "9",
        "--frames",
        "9",
        "--extras",
        "[]",
        "--limit",
        "1",
    ]
    codes = {
        method: main(commands.evaluate(method, tiny_results, tmp_path / f"{method}.parquet", *options))
        for method in ("ceiling", "base")
    }
    assert codes == {"ceiling": 0, "base": 1}
