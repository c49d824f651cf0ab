"""Snakemake for real with bases of the other model families; the other tests here have one like CogVideoX-2b.

The report is left out: it is drawn from the tables, whatever the base.
"""

import shutil
from pathlib import Path

import families
import pytest
from inpainting.core.files import read_json, read_table
from snakemake_runs import configure, run

OTHERS = [name for name in families.CONFIGS if name != "CogVideoX-2b"]


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_base_goes_from_latents_to_the_tables(finished: Path, tiny_base: Path, tmp_path: Path, name: str) -> None:
    """Audit and split are those of the finished project."""
    shutil.copytree(finished / "results" / "dataset", tmp_path / "results" / "dataset")
    shutil.copy(finished / "config.yaml", tmp_path)
    (tmp_path / "experiments.tsv").write_text("experiment\toverrides\tdescription\nlora\t\tas it stands\n")
    configure(
        tmp_path,
        model={"base": str(families.write_base(tiny_base, tmp_path / "base", name))},
        dataset={"root": str(finished / "sequences")},
        latents={"shards": 1},
        training={"save_every": 4} | families.inputs(name),
        evaluation={"methods": ["base"]},
    )
    done = run(tmp_path, "results/tables/summary.json")
    assert done.returncode == 0, done.stderr[-4000:]
    results = tmp_path / "results"
    assert read_json(results / "validation" / "lora" / "best" / "inpainting.json")["family"] == name
    assert set(read_table(results / "tables" / "comparison.tsv")["method"]) == {"lora", "base"}
