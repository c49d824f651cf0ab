"""Training, validating and inpainting with a quantized base; its adapters fit the full one."""

from pathlib import Path
from typing import Any

import commands
import numpy as np
import pytest
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.core.errors import InputError
from inpainting.core.files import read_json
from inpainting.models.adapter_files import adapter_digest
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator, offload_blocks
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from inpainting.video import sequence
from numpy.typing import NDArray

QUANTIZED = ("--quantization", "int8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, tiny_results: Path) -> Path:
    """A training on a quantized base that ran through; no test changes it."""
    out = tmp_path_factory.mktemp("quantized")
    assert main(commands.train(tiny_base, tiny_results, out, *QUANTIZED)) == 0
    return out / "checkpoints" / "step-4"


def inpaint(pipeline: CogVideoXInpaintPipeline, tiny_results: Path, height: int = 32) -> NDArray[Any]:
    clip = tiny_results / "dataset" / f"{0:016x}"
    rgb, mask = (read(clip, 0, 9)[:, :height] for read in (sequence.read_rgb, sequence.read_mask))
    frames: NDArray[Any] = pipeline(rgb, mask, num_inference_steps=2, generator=noise_generator(0)).frames
    return frames


def test_a_training_that_was_stopped_ends_with_the_bits_of_one_that_was_not(
    trained: Path, tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    arguments = commands.train(tiny_base, tiny_results, tmp_path, *QUANTIZED)
    assert main([*arguments, "--time-limit", "0.5"]) == 75
    assert main(arguments) == 0
    assert adapter_digest(tmp_path / "checkpoints" / "step-4" / "adapter") == adapter_digest(trained / "adapter")


def test_a_training_does_not_resume_on_the_full_base_unasked(
    trained: Path, tiny_base: Path, tiny_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(commands.train(tiny_base, tiny_results, trained.parents[1])) == 1
    assert "quantization: int8 before, None now" in capsys.readouterr().err


@pytest.mark.parametrize("quantization", [(), QUANTIZED])
def test_its_adapter_is_checked_against_what_was_trained_and_scored_on_either_base(
    trained: Path, tiny_base: Path, tiny_results: Path, tmp_path: Path, quantization: tuple[str, ...]
) -> None:
    arguments = commands.validate(tiny_base, tiny_results, trained, tmp_path / "step-4.json", "--steps", "1")
    assert main([*arguments, *quantization]) == 0
    assert read_json(tmp_path / "step-4.json")["difference_to_training"] < 1e-5


def test_its_adapter_records_the_quantization_and_inpaints_on_the_full_base_as_well(
    trained: Path, tiny_base: Path, tiny_results: Path, tmp_path: Path
) -> None:
    adapter = trained / "adapter"
    assert read_adapter_config(adapter).quantization == "int8"
    full, quantized = (
        load_pipeline(InferenceSettings(base=str(tiny_base), device="cpu", quantization=kind), adapter)
        for kind in (None, "int8")
    )
    exact, near = inpaint(full, tiny_results), inpaint(quantized, tiny_results)
    assert 0 < np.abs(exact.astype(int) - near).mean() < 1
    with pytest.raises(InputError, match="a quantized base is not the base's weights"):
        quantized.save_pretrained(tmp_path)
    quantized.unload_adapter()
    alone = load_pipeline(InferenceSettings(base=str(tiny_base), device="cpu", quantization="int8"))
    assert np.array_equal(inpaint(quantized, tiny_results), inpaint(alone, tiny_results))


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_offloaded_blocks_change_no_pixel_of_clips_of_two_sizes(
    trained: Path, tiny_base: Path, tiny_results: Path, quantization: Any
) -> None:
    """From the CPU to the CPU: the same hooks as for a GPU, but for the stream that copies ahead."""
    model = InferenceSettings(base=str(tiny_base), device="cpu", quantization=quantization)
    pipeline = load_pipeline(model, trained / "adapter")
    before = [inpaint(pipeline, tiny_results, height) for height in (32, 16)]
    offload_blocks(pipeline.transformer, pipeline.transformer.device)
    for height, expected in zip((32, 16), before, strict=True):
        assert np.array_equal(inpaint(pipeline, tiny_results, height), expected)


@pytest.mark.parametrize("other", [("--shard-base",), ("--base-weights", "random")])
def test_neither_sharded_nor_random_weights_are_quantized(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: tuple[str, ...]
) -> None:
    assert main(commands.train(tiny_base, tiny_results, tmp_path / "run", *QUANTIZED, *other)) == 2
    assert f"--quantization: it can't be combined with {' '.join(other)}; leave out" in capsys.readouterr().err


def test_lora_is_not_fused_into_quantized_weights(
    tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = commands.run(tiny_base, tmp_path / "out", "--input", tmp_path, *QUANTIZED, "--fuse-lora")
    assert main(arguments) == 2
    assert "--fuse-lora: LoRA can't be added to quantized weights" in capsys.readouterr().err
