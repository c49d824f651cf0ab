from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inpainting.cli import main, parse
from inpainting.core.errors import InputError
from inpainting.models import out_of_memory
from inpainting.models.settings import ModelSettings

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB."
FILES = ["--index", "i", "--prompt-file", "p", "--out", "o"]
SLOWER = ["--offload", "--vae-tiling"]


def test_a_step_that_runs_out_of_memory_fails_with_a_sentence_and_no_traceback(
    training_arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more_than_any_machine = ["--rank", str(10**13), "--batch-size", "2", "--micro-batch-size", "2"]
    assert main(training_arguments(tmp_path, *more_than_any_machine)) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("inpaint train: out of memory (")
    assert (
        "what helps: --gradient-checkpointing true, --micro-batch-size 1, --quantization int8, fewer frames" in message
    )


@pytest.mark.parametrize(
    ("step", "options", "expected"),
    [
        (
            "train",
            [*FILES, "--gradient-checkpointing", "auto"],
            ["--gradient-checkpointing true", "--quantization int8"],
        ),
        (
            "train",
            [*FILES, "--gradient-checkpointing", "true", "--processes", "2"],
            ["--shard-base", "--quantization int8"],
        ),
        ("train", [*FILES, "--gradient-checkpointing", "true"], ["--quantization int8"]),
        ("train", [*FILES, "--gradient-checkpointing", "true", "--processes", "2", "--shard-base"], []),
        ("train", [*FILES, "--gradient-checkpointing", "true", "--quantization", "fp8"], []),
        (
            "run",
            ["--windows-at-once", "4"],
            ["--offload", "--vae-dtype bfloat16", "--quantization int8", "--windows-at-once 1", "--vae-tiling"],
        ),
        ("run", ["--dtype", "float16", "--quantization", "int8", *SLOWER], []),
        ("prompt", ["--out", "o"], ["--device cpu"]),
    ],
)
def test_only_settings_that_take_less_are_named(step: str, options: list[str], expected: list[str]) -> None:
    settings: Any = parse(step, options)
    with pytest.raises(InputError) as caught, out_of_memory.explained(settings):
        raise torch.OutOfMemoryError(CUDA)
    named = str(caught.value).partition("what helps: ")[2].partition("fewer frames")[0]
    assert [option for option in named.split(", ") if option] == expected
    assert "Tried to allocate 2.00 GiB" in str(caught.value)


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), out_of_memory.explained(ModelSettings()):
        torch.ones(2, 3) @ torch.ones(2, 3)
