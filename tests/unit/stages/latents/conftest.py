"""Fixtures that encode shards of the tiny dataset."""

import shutil
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from latent_shards import Encode


@pytest.fixture
def encode(tiny_base: Path, tiny_results: Path) -> Encode:
    """Encodes the first of two shards of the tiny dataset into the latents of a folder; returns the exit code.

    Truths are encoded unless options say otherwise.
    """

    def encode(folder: Path, *options: str, results: Path = tiny_results, base: Path = tiny_base) -> int:
        return main(commands.encode(base, results, folder / "latents", "--shards", "2", *options))

    return encode


@pytest.fixture
def copied_results(tiny_results: Path, tmp_path: Path) -> Path:
    """A copy of the tiny dataset, its manifest and its split that a test may change."""
    for part in ("dataset", "audit"):
        shutil.copytree(tiny_results / part, tmp_path / part)
    return tmp_path
