"""The configuration of the tiny results, as a pipeline would have it."""

from pathlib import Path
from typing import Any

import pytest
from inpainting.config import PipelineConfig, resolve
from inpainting.models.shapes import Base, read_base
from inpainting.planning.work import Work, count_work

ROOT = Path(__file__).parents[3]


@pytest.fixture
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, which shipped configurations' paths are relative to; the test runs in it."""
    monkeypatch.chdir(ROOT)
    return ROOT


@pytest.fixture
def tiny_values(tiny_base: Path, tiny_results: Path, tmp_path: Path) -> dict[str, Any]:
    """The values of a configuration that makes what `tiny_results` and `tiny_training` hold."""
    table = tmp_path / "experiments.tsv"
    table.write_text("experiment\toverrides\tdescription\none\t\tas it stands\n")
    return {
        "experiments": str(table),
        "model": {"base": str(tiny_base), "device": "cpu"},
        "windows": {"window": 9, "window_overlap": 1},
        "dataset": {"root": str(tiny_results / "dataset"), "frames": 17, "split": {"validation_share": 0.2}},
        "latents": {"shards": 2},
        "training": {"rank": 2, "alpha": 6, "batch_size": 2, "steps": 4, "save_every": 2, "warmup_steps": 1},
    }


@pytest.fixture
def tiny_config(tiny_values: dict[str, Any]) -> PipelineConfig:
    return resolve(tiny_values)


@pytest.fixture
def base(tiny_base: Path) -> Base:
    return read_base(str(tiny_base))


@pytest.fixture
def work(tiny_config: PipelineConfig, base: Base) -> Work:
    return count_work(tiny_config, base.geometry, given=None, size="32x32")
