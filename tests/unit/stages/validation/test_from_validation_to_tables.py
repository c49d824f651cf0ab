"""From validation to tables: the chosen checkpoint is evaluated, compared and drawn."""

import json
from pathlib import Path

import commands
from inpainting.artifacts.scores import read_results
from inpainting.artifacts.validation_pictures import cache_folder, read_pictures, steps_folder
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core.files import file_digest, read_table
from inpainting.models.adapter_files import LORA_FILE


def test_the_chosen_checkpoint_is_evaluated_with_the_chosen_number_of_denoising_steps(
    tiny_base: Path, tiny_results: Path, tiny_training: Path, tmp_path: Path
) -> None:
    audit, checkpoints = tiny_results / "audit", tiny_training / "checkpoints"
    scores = [tmp_path / f"step-{step}.json" for step in (2, 4)]
    options = ["--frames", "9", "--steps", "1,2"]
    for step, out in zip((2, 4), scores, strict=True):
        assert main(commands.validate(tiny_base, tiny_results, checkpoints / f"step-{step}", out, *options)) == 0
    best, adapter = tmp_path / "best.json", tmp_path / "best"
    assert main(commands.best(scores, checkpoints, best, adapter)) == 0
    chosen = json.loads(best.read_text())
    validated = checkpoints / f"step-{chosen['step']}" / "adapter"
    assert file_digest(adapter / LORA_FILE) == file_digest(validated / LORA_FILE)
    assert read_adapter_config(adapter).sampling_steps == chosen["sampling_steps"]
    assert {(row["step"], row["sampling_steps"]) for row in chosen["candidates"]} == {(2, 1), (2, 2), (4, 1), (4, 2)}

    results = {name: tmp_path / f"{name}.parquet" for name in ("mine", "temporal_median")}
    inputs = {"base": tiny_base, "device": "cpu", **commands.audited(tiny_results), "frames": 9}
    few = {**inputs, "split": "all", "limit": 2, "workers": 1, "extras": "motion"}
    mine = {"method": "adapter", "label": "mine", "adapter": adapter, "steps": 7, "out": results["mine"]}
    median = {"method": "temporal_median", "out": results["temporal_median"]}
    for method in (mine, median):
        assert main(commands.command("evaluate", **few, **method)) == 0
    assert read_results(results["mine"]).provenance.settings["steps"] == chosen["sampling_steps"]

    tables = {"results": results.values(), "manifest": audit / "manifest.parquet", "out": tmp_path / "tables"}
    assert main(commands.command("tables", **tables)) == 0
    assert set(read_table(tmp_path / "tables" / "comparison.tsv")["method"]) == set(results)
    steps = f"{chosen['sampling_steps']} denoising step{'s' * (chosen['sampling_steps'] > 1)}."
    assert steps in (tmp_path / "tables" / "comparison.md").read_text()
    pictures = read_pictures(steps_folder(cache_folder(scores[0]), 1))
    assert pictures
    assert all(truth.shape == output.shape and (truth != output).any() for truth, output in pictures.values())
    figure = {"png": tmp_path / "curve.png", "svg": tmp_path / "curve.svg", "choices": tmp_path / "choices.png"}
    assert main(commands.command("draw-checkpoints", best=best, experiment="mine", **figure)) == 0
