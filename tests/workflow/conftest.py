"""A tiny project, and its results after a whole run."""

from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from snakemake_runs import configure, run

ODD_NAMES = ["$(touch x); rm .", "it's a été {x} *", 'a "`touch x`" \\b', "ABCDEF Abcdef ab", "ABCDEF Abcdef aB"]
"""Names of sequences that a shell or Snakemake would read otherwise, or that differ in case only."""
METHODS = ["ceiling", "base", "telea", "masked_input"]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A folder with a configuration and a dataset of eight sequences, of which one has a gap."""
    folder = tmp_path_factory.mktemp("project")
    sample = {"sequences": 8, "frames": 17, "size": "32x32", "seed": 1, "workers": 1}
    assert main(commands.command("sample", folder / "sequences", **sample)) == 0
    broken = sorted((folder / "sequences").glob("?" * 16))[0]
    (broken / "GT_480" / "frame_00005.png").unlink()
    for sequence, name in zip(sorted((folder / "sequences").glob("?" * 16))[1:], ODD_NAMES, strict=False):
        sequence.rename(sequence.with_name(name))
    rows = [
        "experiment\toverrides\tdescription",
        "one\t\tas it stands",
        "two\trank=2 fill=temporal_median processes=2\tsmaller, by two processes",
    ]
    (folder / "experiments.tsv").write_text("\n".join(rows) + "\n")
    configure(
        folder,
        experiments="experiments.tsv",
        model={"base": str(tiny_base), "device": "cpu"},
        windows={"window": 9},
        dataset={"root": "sequences", "frames": 17},
        latents={"shards": 2},
        training={"steps": 4, "warmup_steps": 0, "save_every": 2, "rank": 4, "alpha": 4, "batch_size": 2},
        validation={"steps": 1},
        evaluation={"steps": 1, "methods": METHODS, "examples": 1},
        report={"examples": 1},
    )
    return folder


@pytest.fixture(scope="session")
def finished(project: Path) -> Path:
    """The project after a whole run, with what Snakemake printed in printed.txt."""
    done = run(project)
    assert done.returncode == 0, done.stderr[-4000:]
    (project / "printed.txt").write_text(done.stderr)
    return project
