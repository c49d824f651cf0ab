from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from inpainting.artifacts.scores import REQUIRED_COLUMNS, read_results
from inpainting.baselines.per_frame import telea
from inpainting.cli import main, parse
from inpainting.core.files import read_table, write_table
from inpainting.metrics.by_region import REGION_COLUMNS, score_clip
from inpainting.metrics.cost import COST
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import METRIC_COLUMNS
from inpainting.models.adapter_files import write_sampling_steps
from inpainting.stages.evaluation.evaluate import with_chosen_steps
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video.masks import dilate
from inpainting.video.reader import Video
from inpainting.video.sequence import MASK, RGB, frame_name, read_images, write_sequence
from inpainting.video.writer import write_video
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset, Evaluated

Scene = Callable[..., tuple[NDArray[np.uint8], ...]]


def untimed(path: Path) -> pd.DataFrame:
    return read_results(path).frames.drop(columns=list(COST.columns))


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


def test_the_frames_of_the_first_sequences_are_kept(evaluated: Evaluated, make_scene: Scene) -> None:
    folder = evaluated.dataset.root / "examples" / "telea"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["composited", "key", "raw"]
    assert list(read_table(folder.with_suffix(".tsv"))["sequence"]) == ["a", "b"]
    rgb, mask, _ = make_scene(1)
    assert np.array_equal(read_images(folder / "a" / "raw", 0, 5, "RGB"), telea(rgb, dilate(mask > 127, 2)))
    composited = read_images(folder / "a" / "composited", 0, 5, "RGB")
    known = ~dilate(mask > 127, 2)
    assert np.array_equal(composited[known], rgb[known])


def test_the_provenance_tells_split_and_settings_and_no_place(evaluated: Evaluated) -> None:
    about = read_results(evaluated.results["telea"]).provenance.model_dump()
    assert about["label"] == "telea"
    assert about["kind"] == "classical"
    assert set(about["inputs"]) == {"sequences"}
    assert about["settings"]["split"] == "test"
    assert str(evaluated.dataset.root) not in json.dumps(about)


def test_what_a_classical_method_ignores_is_not_part_of_its_provenance(dataset: Dataset, tmp_path: Path) -> None:
    ignored = ["--steps", "3", "--seed", "8", "--window", "9"]
    assert dataset.evaluate("telea", tmp_path / "x.parquet", *ignored) == 0
    assert dataset.evaluate("telea", tmp_path / "y.parquet") == 0
    assert read_results(tmp_path / "x.parquet").provenance == read_results(tmp_path / "y.parquet").provenance


def test_the_number_of_workers_changes_no_score(evaluated: Evaluated, tmp_path: Path) -> None:
    out = tmp_path / "telea.parquet"
    assert evaluated.dataset.evaluate("telea", out, "--workers", "2", "--examples", "2") == 0
    pd.testing.assert_frame_equal(untimed(out), untimed(evaluated.results["telea"]))


def test_what_lies_under_the_mask_in_the_input_changes_no_score(dataset: Dataset, make_scene: Scene) -> None:
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


def test_frames_without_a_hole_are_kept_with_no_score_in_it(dataset: Dataset) -> None:
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(dataset.sequences / "a" / MASK / frame_name(2))
    assert dataset.evaluate("telea", dataset.root / "x.parquet") == 0
    frames = read_results(dataset.root / "x.parquet").frames
    row = frames[(frames["sequence"] == "a") & (frames["output"] == "raw") & (frames["frame"] == 2)].iloc[0]
    assert row["mask_pixels"] == 0
    assert np.isnan(row["psnr_mask"])


def test_an_unreadable_sequence_stops_with_its_name_and_what_was_finished_is_kept(
    dataset: Dataset, evaluated: Evaluated, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out, broken = dataset.root / "telea.parquet", dataset.sequences / "c" / RGB / frame_name(4)
    whole = broken.read_bytes()
    broken.write_bytes(whole[:40])
    assert dataset.evaluate("telea", out) == 1
    assert "sequence c" in capsys.readouterr().err
    assert not out.exists()
    broken.write_bytes(whole)
    assert dataset.evaluate("telea", out) == 0
    assert "1 of 3 sequences are new or changed" in caplog.text
    pd.testing.assert_frame_equal(untimed(out), untimed(evaluated.results["telea"]))


def digest_of(dataset: Dataset, sequence: str, digest: str) -> None:
    """As the audit would note it after a change of the sequence's frames."""
    manifest = read_table(dataset.manifest)
    manifest.loc[manifest["id"] == sequence, "digest"] = digest
    write_table(dataset.manifest, manifest)


def scored(caplog: pytest.LogCaptureFixture) -> str:
    """How many sequences the last evaluation scored."""
    return re.findall(r"(\d+ of \d+) sequences are new or changed", caplog.text)[-1]


def test_only_new_and_changed_sequences_are_scored(dataset: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    out = dataset.root / "telea.parquet"
    assert dataset.evaluate("telea", out, "--limit", "2") == 0
    assert scored(caplog) == "2 of 2"
    assert dataset.evaluate("telea", out) == 0
    assert scored(caplog) == "1 of 3"
    first = out.read_bytes()
    out.unlink()
    assert dataset.evaluate("telea", out, "--label", "another", "--workers", "2") == 0
    assert scored(caplog) == "0 of 3"
    assert dataset.evaluate("telea", out) == 0
    assert out.read_bytes() == first, "durations included"
    digest_of(dataset, "b", "changed")
    assert dataset.evaluate("telea", out) == 0
    assert scored(caplog) == "1 of 3"
    assert dataset.evaluate("telea", out, "--extras", "[]") == 0
    assert scored(caplog) == "3 of 3"


def test_the_frames_of_a_sequence_that_becomes_an_example_are_made(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out, examples = dataset.root / "telea.parquet", dataset.root / "telea"
    for count, again in ((1, "3 of 3"), (2, "1 of 3"), (1, "0 of 3")):
        assert dataset.evaluate("telea", out, "--examples", str(count), "--examples-out", str(examples)) == 0
        assert scored(caplog) == again
        assert sorted(path.name for path in examples.iterdir()) == ["a", "b"][:count]
        assert list(read_table(examples.with_suffix(".tsv"))["sequence"]) == ["a", "b"][:count]


def test_a_learned_method_that_has_nothing_to_score_loads_no_model(
    dataset: Dataset, tiny_base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options = ["--base", str(tiny_base), "--device", "cpu", "--window", "9", "--extras", "[]", "--limit", "1"]
    assert dataset.evaluate("ceiling", tmp_path / "x.parquet", *options) == 0
    assert "VAE in float32" in caplog.text
    caplog.clear()
    assert dataset.evaluate("ceiling", tmp_path / "x.parquet", *options) == 0
    assert scored(caplog) == "0 of 1" and "VAE in" not in caplog.text


def test_what_was_finished_with_other_settings_is_not_taken_up(dataset: Dataset, tmp_path: Path) -> None:
    out, broken = dataset.root / "telea.parquet", dataset.sequences / "c" / RGB / frame_name(4)
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    assert dataset.evaluate("telea", out, "--mask-dilation", "5") == 1
    broken.write_bytes(whole)
    assert dataset.evaluate("telea", out) == 0
    assert dataset.evaluate("telea", tmp_path / "fresh.parquet") == 0
    pd.testing.assert_frame_equal(untimed(out), untimed(tmp_path / "fresh.parquet"))


def test_masks_of_another_size_stop_with_the_sequences_name(
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


def test_an_adapter_needs_its_folder_and_nothing_else_takes_one(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset.evaluate("adapter", dataset.root / "x.parquet") == 2
    assert "--adapter" in capsys.readouterr().err
    assert dataset.evaluate("telea", dataset.root / "x.parquet", "--adapter", str(dataset.root)) == 2


def test_an_unknown_method_is_wrong_usage_and_the_known_ones_are_named(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dataset.evaluate("magic", dataset.root / "x.parquet") == 2
    assert "temporal_median" in capsys.readouterr().err


def test_a_missing_dataset_is_wrong_usage(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--dataset", "nowhere", "--manifest", str(dataset.manifest), "--split-file", str(dataset.split)]
    assert main(["evaluate", "--method", "telea", *arguments, "--out", str(dataset.root / "x.parquet")]) == 2
    assert "--dataset" in capsys.readouterr().err


def test_a_classical_method_starts_without_torch(dataset: Dataset) -> None:
    program = "import sys, inpainting.cli as c; sys.exit(c.main(sys.argv[1:]) or 'torch' in sys.modules)"
    places = ["--dataset", dataset.sequences, "--manifest", dataset.manifest, "--split-file", dataset.split]
    options = ["evaluate", "--method", "telea", "--workers", "1", *places, "--out", dataset.root / "x.parquet"]
    assert subprocess.run([sys.executable, "-c", program, *map(str, options)], check=False).returncode == 0


def test_the_parquet_file_carries_its_provenance_in_the_metadata(evaluated: Evaluated) -> None:
    metadata = pq.read_schema(evaluated.results["telea"]).metadata
    assert json.loads(metadata[b"provenance"])["settings"]["method"] == "telea"


def test_extra_scores_are_there_when_asked_for_and_unknown_when_not(dataset: Dataset, tmp_path: Path) -> None:
    every = ["--extras", "motion,vmaf,propainter_compat", "--limit", "1"]
    assert dataset.evaluate("telea", tmp_path / "all.parquet", *every) == 0
    assert dataset.evaluate("telea", tmp_path / "none.parquet", "--extras", "[]", "--limit", "1") == 0
    names = ["temporal_mask", "warp_mask", "warp_frame", "vmaf", "propainter_psnr", "propainter_ssim"]
    found = read_results(tmp_path / "all.parquet").frames.query("output == 'composited' and frame > 1")[names]
    assert found.notna().all(axis=None)
    assert read_results(tmp_path / "none.parquet").frames[names].isna().all(axis=None)
    assert dataset.evaluate("telea", tmp_path / "x.parquet", "--extras", "lpips") == 2


def test_what_is_not_computed_is_said_in_the_tables(dataset: Dataset, tmp_path: Path) -> None:
    assert dataset.evaluate("telea", tmp_path / "telea.parquet", "--extras", "motion") == 0
    assert dataset.tables([tmp_path / "telea.parquet"], tmp_path) == 0
    page = (tmp_path / "metrics.html").read_text()
    left_out = page.partition("Not computed: ")[2]
    assert all(f"{name} (left out by evaluation.extras)" in left_out for name in ("VMAF", "propainter_compat"))
    assert "VFID (needs the weights of I3D" in page


def test_the_number_of_denoising_steps_is_the_one_that_validation_chose(
    dataset: Dataset, tiny_training: Path, tmp_path: Path
) -> None:
    adapter = shutil.copytree(tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "adapter")
    options = ["--adapter", str(adapter), "--steps", "3"]
    settings = parse("evaluate", dataset.arguments("adapter", tmp_path / "x.parquet", *options))
    assert isinstance(settings, EvaluateCommand)
    assert with_chosen_steps(settings).steps == 3, "nothing was chosen for it yet"
    write_sampling_steps(adapter, 7)
    assert with_chosen_steps(settings).steps == 7


def test_the_tables_say_how_a_learned_method_was_used(dataset: Dataset, tmp_path: Path) -> None:
    results = [tmp_path / f"{method}.parquet" for method in ("base", "telea")]
    for path in results:
        assert dataset.evaluate(path.stem, path, "--steps", "1", "--limit", "1") == 0
    assert dataset.tables(results, tmp_path) == 0
    page = (tmp_path / "comparison.md").read_text()
    assert "every step, 1 denoising step." in page
    assert "fast marching from the hole's edge (Telea 2004)." in page


def outputs_of(dataset: Dataset, make_scene: Scene, folder: Path) -> Path:
    """Another tool's frames, which are Telea's: two sequences as images, one as a lossless video."""
    for seed, name in enumerate("abc", start=1):
        rgb, mask, _ = make_scene(seed, still=name == "b")
        made = telea(rgb, dilate(mask > 127, 2))
        if name == "b":
            write_video(folder / "b.mkv", Video(made, Fraction(10)))
        else:
            (folder / name).mkdir(parents=True)
            for number, frame in enumerate(made):
                Image.fromarray(frame).save(folder / name / f"out_{number}.png")
    return folder


def test_another_tools_frames_are_scored_as_its_own_would_be(
    dataset: Dataset, evaluated: Evaluated, make_scene: Scene, tmp_path: Path
) -> None:
    folder = outputs_of(dataset, make_scene, tmp_path / "outputs")
    out = tmp_path / "theirs.parquet"
    assert dataset.evaluate("external", out, "--outputs", str(folder), "--label", "theirs") == 0
    found, expected = untimed(out), untimed(evaluated.results["telea"])
    pd.testing.assert_frame_equal(found.assign(method="telea"), expected)
    assert read_results(out).kind == "external"
    assert read_results(out).frames["seconds_per_frame"].isna().all()
    assert dataset.tables([out, evaluated.results["masked_input"]], tmp_path / "tables") == 0


def test_outputs_that_do_not_fit_are_refused_by_name(
    dataset: Dataset, make_scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = outputs_of(dataset, make_scene, tmp_path / "outputs")
    options = ["--outputs", str(folder)]
    (folder / "c" / "out_4.png").unlink()
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "holds 4 frames, but the sequence has 5, of which 5 are scored" in capsys.readouterr().err
    shutil.rmtree(folder / "c")
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "has no output of the sequence c" in capsys.readouterr().err
    (folder / "c").mkdir()
    Image.new("RGB", (32, 30)).save(folder / "c" / "0.png")
    assert dataset.evaluate("external", tmp_path / "x.parquet", *options) == 1
    assert "holds frames of 32x30, but the sequence's are 32x24" in capsys.readouterr().err
    assert dataset.evaluate("external", tmp_path / "x.parquet") == 2
    assert dataset.evaluate("telea", tmp_path / "x.parquet", *options) == 2


def test_a_learned_methods_scores_do_not_depend_on_who_counts_them(
    tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    audit = tiny_results / "audit"
    options = ["evaluate", "--method", "ceiling", "--base", str(tiny_base), "--device", "cpu", "--window", "9"]
    options += ["--manifest", str(audit / "manifest.parquet"), "--split-file", str(audit / "split.tsv")]
    options += ["--dataset", str(tiny_results / "dataset"), "--frames", "9", "--split", "all", "--limit", "5"]
    for workers in ("1", "2"):
        assert (
            main([*options, "--extras", "[]", "--workers", workers, "--out", str(tmp_path / f"{workers}.parquet")]) == 0
        )
    pd.testing.assert_frame_equal(untimed(tmp_path / "1.parquet"), untimed(tmp_path / "2.parquet"))
    assert (read_results(tmp_path / "2.parquet").frames["peak_memory_gib"] > 0).all()
