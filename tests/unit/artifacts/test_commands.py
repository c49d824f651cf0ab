"""A command whose input is damaged or another file ends with one sentence that names it, and no traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import commands
import pytest
from damage import flip_content_bit
from inpainting.artifacts.shard_listing import listing_path, shard_path
from inpainting.cli import main

HERE, OUT = Path(), Path("out")
TRUTHS, CONDITIONS = (listing_path(shard_path(HERE / "latents", content, 0)) for content in ("truth", "grey"))

COMMANDS = {
    "split": commands.split(HERE / "audit" / "manifest.parquet", OUT / "split.tsv"),
    "encode": commands.encode("BASE", HERE, OUT),
    "index": commands.index(HERE / "audit" / "split.tsv", [TRUTHS], [CONDITIONS], OUT / "index.parquet"),
    "train": commands.train("BASE", HERE, OUT, "--steps", "1", "--warmup-steps", "0"),
    "validate": commands.validate("BASE", HERE, HERE / "dataset", OUT / "scores.json"),
    "evaluate": commands.evaluate("telea", HERE, OUT / "telea.parquet"),
    "draw-dataset": commands.draw_dataset(HERE, OUT),
}
"""Commands that are run in a copy of the tiny results; BASE stands for the tiny base model."""

FILES = [
    (command, word)
    for command, words in COMMANDS.items()
    for word in words
    if word.startswith(("audit/", "latents/")) and Path(word).suffix
]


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_another_file(path: Path) -> None:
    path.write_bytes(b"something else\n")


@pytest.mark.parametrize("damage", [cut_off, flip_content_bit, replace_by_another_file])
@pytest.mark.parametrize(("command", "file"), FILES)
def test_a_damaged_input_is_named_in_one_sentence(
    command: str,
    file: str,
    damage: Callable[[Path], None],
    tiny_results: Path,
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder in ("audit", "latents"):
        shutil.copytree(tiny_results / folder, tmp_path / folder)
    (tmp_path / "dataset").symlink_to(tiny_results / "dataset")
    monkeypatch.chdir(tmp_path)
    damage(Path(file))
    assert main([str(tiny_base) if word == "BASE" else word for word in COMMANDS[command]]) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaint ")]
    assert sentence.startswith(f"inpaint {command}: {file} ")
