"""A command whose input is cut off or another file ends with one sentence that names it, and no traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inpainting.cli import main

COMMANDS = {
    "split": "split audit/manifest.parquet OUT/split.tsv",
    "encode": "encode --content truth --base BASE --dataset dataset --manifest audit/manifest.parquet"
    " --split-file audit/split.tsv --frames 17 --window 9 --out OUT/shard.safetensors",
    "index": "index --truths latents/truth/shard-0.parquet --conditions latents/grey/shard-0.parquet"
    " --split-file audit/split.tsv --out OUT/index.parquet",
    "train": "train --base BASE --index latents/index-grey.parquet --prompt-file latents/prompt.safetensors"
    " --device cpu --window 9 --window-overlap 1 --steps 1 --batch-size 1 --out OUT",
    "evaluate": "evaluate --method telea --dataset dataset --manifest audit/manifest.parquet"
    " --split-file audit/split.tsv --workers 1 --out OUT/telea.parquet",
    "draw-dataset": "draw-dataset --dataset dataset --manifest audit/manifest.parquet --rejected audit/rejected.tsv"
    " --warnings audit/warnings.tsv --summary audit/summary.json --split-file audit/split.tsv --out OUT"
    " --page OUT/page.html",
}
"""Commands on the tiny results; files are seen from their folder."""

FILES = [
    (command, part)
    for command, line in COMMANDS.items()
    for part in line.split()
    if Path(part).suffix in (".parquet", ".tsv", ".json", ".safetensors") and not part.startswith("OUT")
]


@pytest.mark.parametrize("damage", ["cut off", "another's"])
@pytest.mark.parametrize(("command", "file"), FILES)
def test_a_damaged_input_is_named_in_one_sentence(
    command: str,
    file: str,
    damage: str,
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
    whole = Path(file).read_bytes()
    Path(file).write_bytes(whole[: len(whole) // 2] if damage == "cut off" else b"something else\n")
    line = COMMANDS[command].replace("BASE", str(tiny_base)).replace("OUT", "out")
    assert main(line.split()) == 1
    (sentence,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("inpaint ")]
    assert sentence.startswith(f"inpaint {command}: {file} ")
