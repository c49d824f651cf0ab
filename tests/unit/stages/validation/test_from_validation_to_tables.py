"""What validation chooses is what is evaluated, compared and drawn."""

import json
from pathlib import Path

from inpainting.artifacts.scores import read_results
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core.files import file_digest, read_table
from inpainting.models.adapter_files import LORA_FILE


def test_the_chosen_checkpoint_is_evaluated_with_the_chosen_number_of_denoising_steps(
    tiny_base: Path, tiny_results: Path, tiny_training: Path, tmp_path: Path
) -> None:
    audit, checkpoints = tiny_results / "audit", tiny_training / "checkpoints"
    common = ["--base", str(tiny_base), "--device", "cpu", "--dataset", str(tiny_results / "dataset"), "--frames", "9"]
    common += ["--manifest", str(audit / "manifest.parquet"), "--split-file", str(audit / "split.tsv")]
    scores = [str(tmp_path / f"step-{step}.json") for step in (2, 4)]
    for step, out in zip((2, 4), scores, strict=True):
        checkpoint = ["--checkpoint", str(checkpoints / f"step-{step}"), "--steps", "1,2", "--out", out]
        assert main(["validate", *common, *checkpoint]) == 0
    best, adapter = tmp_path / "best.json", tmp_path / "best"
    chosen = ["--scores", ",".join(scores), "--checkpoints", str(checkpoints), "--out", str(best)]
    assert main(["best", *chosen, "--adapter-out", str(adapter)]) == 0
    told = json.loads(best.read_text())
    validated = checkpoints / f"step-{told['step']}" / "adapter"
    assert file_digest(adapter / LORA_FILE) == file_digest(validated / LORA_FILE)
    assert read_adapter_config(adapter).sampling_steps == told["sampling_steps"]
    assert {(row["step"], row["sampling_steps"]) for row in told["candidates"]} == {(2, 1), (2, 2), (4, 1), (4, 2)}

    results = {name: tmp_path / f"{name}.parquet" for name in ("mine", "temporal_median")}
    few = [*common, "--split", "all", "--limit", "2", "--workers", "1", "--extras", "motion"]
    mine = ["--method", "adapter", "--label", "mine", "--adapter", str(adapter), "--steps", "7"]
    assert main(["evaluate", *few, *mine, "--out", str(results["mine"])]) == 0
    assert main(["evaluate", *few, "--method", "temporal_median", "--out", str(results["temporal_median"])]) == 0
    assert read_results(results["mine"]).provenance.settings["steps"] == told["sampling_steps"]

    files = ["--results", ",".join(map(str, results.values())), "--manifest", str(audit / "manifest.parquet")]
    assert main(["tables", *files, "--out", str(tmp_path / "tables")]) == 0
    assert set(read_table(tmp_path / "tables" / "comparison.tsv")["method"]) == set(results)
    steps = f"{told['sampling_steps']} denoising step{'s' * (told['sampling_steps'] > 1)}."
    assert steps in (tmp_path / "tables" / "comparison.md").read_text()
    figure = ["--png", str(tmp_path / "curve.png"), "--svg", str(tmp_path / "curve.svg")]
    assert main(["draw-checkpoints", "--best", str(best), "--experiment", "mine", *figure]) == 0
