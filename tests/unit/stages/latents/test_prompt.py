"""`inpaint prompt`."""

from pathlib import Path

import commands
import pytest
from inpainting.artifacts.prompt import read_prompt
from inpainting.cli import main


def test_the_embedding_has_the_transformers_text_length_and_width(tiny_base: Path, tmp_path: Path) -> None:
    out = tmp_path / "prompt.safetensors"
    assert main(commands.prompt(tiny_base, out)) == 0
    assert read_prompt(out).shape == (1, 4, 8)


def test_a_prompt_is_refused_for_a_base_without_a_text_encoder(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "prompt.safetensors"
    assert main(commands.prompt(tiny_base, out, "--prompt", "a street")) == 2
    assert "leave --prompt out" in capsys.readouterr().err
    assert not out.exists()
