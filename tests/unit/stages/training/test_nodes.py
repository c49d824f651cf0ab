"""A training on several machines, with a stand-in for SLURM's srun."""

import os
from pathlib import Path

import pytest
from inpainting.stages.training.nodes import run_on_nodes


def test_the_last_line_says_that_a_training_ended_on_one_of_its_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\nexit 137\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert run_on_nodes(["inpaint", "train"], 2) == 137
    assert caplog.messages[-1].startswith("the training ended with code 137 on one of its 2 machines: the first error")
