"""The demo and a run on one's own sequences do not replace each other's files."""

from pathlib import Path

from inpainting.stages.dataset.other_run import other_run


def test_a_run_on_own_sequences_does_not_replace_the_demos(tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert other_run(results, "/data/sequences") is None
    (results / "dataset" / "sample").mkdir(parents=True)
    assert other_run(results, None) is None
    refused = other_run(results, "/data/sequences")
    assert refused is not None
    assert "which this run on dataset.root = /data/sequences would replace" in refused
    assert f"mv {results} demo-results" in refused


def test_a_run_without_its_configfile_does_not_replace_the_results_by_the_demos(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "dataset").mkdir(parents=True)
    assert other_run(results, None) is None
    (results / "dataset" / "manifest.parquet").touch()
    assert other_run(results, "/data/sequences") is None
    refused = other_run(results, None)
    assert refused is not None
    assert "give that run's --configfile" in refused
