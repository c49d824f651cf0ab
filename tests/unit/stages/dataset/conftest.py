"""Tiny sequences in the dataset's layout, and fixtures that inspect and audit them."""

from collections.abc import Callable
from pathlib import Path

import commands
import cv2
import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.reasons import Finding, codes
from inpainting.artifacts.record import Record, make_record
from inpainting.cli import main
from inpainting.stages.dataset.inspection import inspect
from inpainting.stages.dataset.settings import InspectionSettings
from inpainting.video.sequence import write_sequence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty dataset."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    return folder


@pytest.fixture
def make_sequence(root: Path) -> Callable[..., Path]:
    """Writes a valid sequence of 3 frames of 24x16 below `root`; its content depends only on the name."""

    def make(name: str, frames: int = 3, width: int = 24, height: int = 16) -> Path:
        rng = np.random.default_rng(list(name.encode()))
        truth = rng.integers(0, 240, (frames, height, width, 3), dtype=np.uint8)
        mask = np.zeros((frames, height, width), np.uint8)
        mask[:, 4:8, 4:12] = 255
        rgb = np.where(mask[..., None] > 0, truth + 8, truth).astype(np.uint8)
        write_sequence(root / name, rgb, mask, truth)
        return root / name

    return make


@pytest.fixture
def make_scene(root: Path) -> Callable[..., Path]:
    """Writes 12 frames of 64x48 below `root`: a pan over a scene, and a bright moving box to be removed."""

    def make(name: str, seed: int = 0, frames: int = 12) -> Path:
        rng = np.random.default_rng(seed)
        wide = cv2.GaussianBlur(rng.integers(0, 255, (60, 140, 3), dtype=np.uint8), (0, 0), 2)
        wide = cv2.normalize(wide, None, 20, 220, cv2.NORM_MINMAX)
        truth = np.stack([wide[4:52, 3 * n : 3 * n + 64] for n in range(frames)])
        mask = np.zeros(truth.shape[:3], np.uint8)
        for n in range(frames):
            mask[n, 14:30, 4 + 2 * n : 20 + 2 * n] = 255
        rgb = np.where(mask[..., None] > 0, 250, truth).astype(np.uint8)
        rgb[:, 30:34, 10:30] //= 2
        write_sequence(root / name, rgb, mask, truth)
        return root / name

    return make


Inspect = Callable[..., tuple[Record, list[Finding]]]


@pytest.fixture
def inspect_one() -> Inspect:
    """The record and the findings of one sequence; further options are settings."""

    def inspect_sequence(sequence: Path, frames: int = 3, **options: object) -> tuple[Record, list[Finding]]:
        settings = InspectionSettings.model_validate({"root": sequence.parent, "frames": frames, **options})
        found = inspect(sequence.name, None, settings)
        assert found is not None
        record = make_record(found.id, found.sound, found.content)
        findings = [*found.sound.findings, *found.content.findings]
        assert (record.reasons, record.warnings) == (codes(findings), codes(findings, rejects=False))
        return record, findings

    return inspect_sequence


@pytest.fixture
def audit() -> Callable[..., int]:
    """Runs `inpaint audit` for 3 frames per sequence; returns the exit code."""

    def run(root: Path, out: Path, *options: str) -> int:
        return main(commands.audit(root, out, "--frames", "3", *options))

    return run


@pytest.fixture
def manifest_of() -> Callable[[Path], pd.DataFrame]:
    """The manifest in an audit's folder, by id."""
    return lambda out: pd.read_parquet(out / "manifest.parquet").set_index("id", drop=False)
