"""The text embedding, made once."""

from pathlib import Path

import pytest
from inpainting.artifacts.prompt import read_prompt
from inpainting.cli import main


def test_the_embedding_is_as_long_and_as_wide_as_the_transformer_takes_it(tiny_base: Path, tmp_path: Path) -> None:
    out = tmp_path / "prompt.safetensors"
    assert main(["prompt", "--base", str(tiny_base), "--out", str(out)]) == 0
    assert read_prompt(out).shape == (1, 4, 8)


def test_a_prompt_is_refused_where_nothing_can_encode_it(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "prompt.safetensors"
    assert main(["prompt", "--base", str(tiny_base), "--out", str(out), "--prompt", "a street"]) == 2
    assert "leave --prompt out" in capsys.readouterr().err
    assert not out.exists()
