"""Snakemake for real: the whole pipeline on a tiny dataset and a tiny model."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from inpainting.artifacts.scores import read_results
from inpainting.core.files import folder_digest, read_json, read_table
from snakemake_runs import configure, run, snakemake


@pytest.mark.slow
def test_a_whole_run_writes_a_report_and_prints_its_headline(finished: Path) -> None:
    results = finished / "results"
    summary = read_json(results / "tables" / "summary.json")
    assert f"results/report.html: {summary['sentence']}" in (finished / "printed.txt").read_text()
    assert summary["verdict"].split(",")[0] in (results / "report.html").read_text()
    rejected = read_table(results / "dataset" / "rejected.tsv")
    assert list(rejected["reason"]) == ["missing_frame"]
    assert set(read_table(results / "tables" / "comparison.tsv")["method"]) == {
        "one",
        "two",
        "ceiling",
        "base",
        "telea",
        "masked_input",
    }
    assert not list(results.rglob(".partial-*"))


@pytest.mark.slow
def test_a_second_run_does_nothing(finished: Path) -> None:
    before = folder_digest(finished / "results")
    done = run(finished)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stderr
    assert folder_digest(finished / "results") == before


@pytest.mark.slow
def test_adapters_are_scored_on_all_other_sequences_without_a_training(finished: Path, tmp_path: Path) -> None:
    best = [f"{finished}/results/validation/{name}" for name in ("one/best/", "two/best")]
    configure(
        tmp_path,
        experiments=None,
        model={"base": read_json(Path(best[0]) / "inpainting.json")["base"], "device": "cpu"},
        windows={"window": 9},
        dataset={"root": str(finished / "sequences"), "frames": 9},
        evaluation={"split": "all", "steps": 3, "methods": ["telea"], "examples": 1, "adapters": {"mine": best}},
        report={"examples": 1},
    )
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    table = read_table(tmp_path / "results" / "tables" / "comparison.tsv").set_index("method")
    assert set(table.index) == {"mine", "telea"}
    assert set(table["sequences"]) == {7}, "of eight, one has a gap"
    scored = read_results(tmp_path / "results" / "evaluation" / "mine-0.parquet").provenance.settings
    assert scored["steps"] == 1, "as many as validation chose, not as many as the base takes"
    assert not (tmp_path / "results" / "training").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "again", "kept"),
    [
        ({"evaluation": {"steps": 2}}, {"evaluate", "tables"}, {"audit", "encode", "train", "validate"}),
        ({"training": {"learning_rate": 0.01}}, {"train", "validate", "best"}, {"audit", "split", "encode"}),
        ({"masks": {"mask_dilation": 1}}, {"audit", "encode", "train"}, {"sample", "prompt"}),
        ({"report": {"samples": 2}}, {"draw_dataset"}, {"audit", "train", "tables", "draw_training"}),
    ],
)
def test_a_changed_setting_repeats_the_jobs_that_depend_on_it_and_no_others(
    finished: Path, change: dict[str, object], again: set[str], kept: set[str]
) -> None:
    original = (finished / "config.yaml").read_text()
    try:
        configure(finished, **change)
        dry_run = run(finished, "--dry-run")
    finally:
        (finished / "config.yaml").write_text(original)
    planned = (dry_run.stdout + dry_run.stderr).split("Job stats:")[1]
    jobs = {line.split()[0] for line in planned.splitlines() if line[:1].isalpha()}
    assert again <= jobs
    assert not kept & jobs


@pytest.mark.slow
def test_a_run_killed_in_training_is_resumed_and_ends_in_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "killed"))
    for stage in ("training", "validation"):
        shutil.rmtree(folder / "results" / stage)
    configure(folder, training={"steps": 40, "save_every": 20})
    undisturbed = Path(shutil.copytree(folder, tmp_path / "undisturbed"))
    targets = ["results/validation/one/best.json"]
    nowhere = subprocess.DEVNULL
    command = snakemake(folder, *targets)
    with subprocess.Popen(command, stdout=nowhere, stderr=nowhere, start_new_session=True) as process:
        checkpoint = folder / "results" / "training" / "one" / "checkpoints" / "step-20"
        deadline = time.monotonic() + 600
        while not checkpoint.is_dir() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert checkpoint.is_dir() and not (folder / "results" / "training" / "one" / "training.json").exists()
    assert run(folder, "--unlock").returncode == 0
    for place in (folder, undisturbed):
        done = run(place, *targets)
        assert done.returncode == 0, done.stderr[-4000:]
    assert "resume after step" in (folder / "results" / "logs" / "train-one.log").read_text()
    for part in ("training/one/checkpoints", "validation/one/best"):
        first, second = (folder_digest(place / "results" / part) for place in (folder, undisturbed))
        assert first == second, part


@pytest.mark.slow
def test_a_training_that_reaches_its_time_limit_says_so_and_is_resumed_by_the_next_run(
    finished: Path, tmp_path: Path
) -> None:
    folder, target = tmp_path / "limited", "results/training/one/training.json"
    shutil.copytree(finished, folder)
    configure(folder, training={"steps": 2, "save_every": 2, "time_limit": 0.5, "on_change": "restart"})
    stopped = run(folder, target)
    assert stopped.returncode == 1
    sentence = "stopped by the time limit after step 1, which is saved; run the same command again to go on from there"
    assert f"\ntraining of one: {sentence}\n" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not (folder / target).exists()
    done = run(folder, target)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "resume after step 1" in (folder / "results" / "logs" / "train-one.log").read_text()
    assert read_json(folder / target)["checkpoints"] == [2]
    assert "training of one" not in done.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": {"root": "nowhere"}}, "dataset.root: nowhere does not exist"),
        ({"training": {"stepss": 4}}, "training.stepss: there is no such setting; did you mean steps?"),
        ({"windows": {"window": 16}}, "16 frames do not keep their length in the VAE"),
    ],
)
def test_a_wrong_configuration_is_reported_in_a_sentence_with_exit_code_2(
    project: Path, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    for name in ("config.yaml", "experiments.tsv"):
        shutil.copy(project / name, tmp_path)
    (tmp_path / "sequences").mkdir()
    configure(tmp_path, **change)
    done = run(tmp_path, "--dry-run")
    assert done.returncode == 2
    assert f"configuration: {sentence}" in done.stderr or sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_on_own_sequences_stops_before_it_replaces_the_demos_files(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "demo", ignore=shutil.ignore_patterns("results", ".snakemake"))
    kept = tmp_path / "demo" / "results" / "dataset" / "sample" / "sample.tsv"
    kept.parent.mkdir(parents=True)
    kept.touch()
    done = run(tmp_path / "demo")
    assert done.returncode == 1
    assert "results/ holds a run on sample sequences (the demo), which this run" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path for path in (tmp_path / "demo" / "results").rglob("*") if path.is_file()] == [kept]


def test_a_dataset_of_broken_sequences_stops_the_pipeline_and_keeps_the_audits_findings(
    project: Path, tmp_path: Path
) -> None:
    shutil.copytree(project, tmp_path / "broken", ignore=shutil.ignore_patterns("results", ".snakemake"))
    folder = tmp_path / "broken"
    for sequence in sorted((folder / "sequences").glob("?" * 16))[:6]:
        shutil.rmtree(sequence / "MASK_480")
    done = run(folder, "results/dataset/split.tsv")
    assert done.returncode == 1
    assert "6 of 8 sequences were rejected" in done.stderr
    assert len(read_table(folder / "results" / "dataset" / "rejected.tsv")) >= 6
