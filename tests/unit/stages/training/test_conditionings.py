"""Every way of showing the model the clip is trained, saved and inpainted with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inpainting.cli import main, parse
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.conditioning.registry import CONDITIONINGS, MASK_INPUTS
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.train import fresh_run
from inpainting.video import sequence
from safetensors.torch import load_file

Arguments = Callable[..., list[str]]


CASES = [*((name, "area") for name in CONDITIONINGS), *(("concat", name) for name in MASK_INPUTS if name != "area")]
"""Every conditioning, and every mask beside one."""


@pytest.mark.parametrize(("conditioning", "mask_input"), CASES)
def test_a_conditioning_is_trained_resumed_and_inpainted_with(
    training_arguments: Arguments,
    tiny_base: Path,
    tiny_results: Path,
    tmp_path: Path,
    conditioning: str,
    mask_input: str,
) -> None:
    condition = ConditionSettings(conditioning=conditioning, mask_input=mask_input)
    source, channels = condition.condition_source, condition.input_channels(16, COGVIDEOX_2B.geometry)
    options = ["--conditioning", conditioning, "--mask-input", mask_input]
    index = str(tiny_results / "latents" / f"index-{source}.parquet")
    arguments = training_arguments(tmp_path / "run", *options, "--index", index)
    assert main([*arguments, "--time-limit", "0.5"]) == 75
    assert main(arguments) == 0
    adapter = tmp_path / "run" / "checkpoints" / "step-4" / "adapter"
    config = read_adapter_config(adapter)
    assert (config.channels, config.condition) == (channels, condition)
    if channels > 16:
        assert load_file(adapter / "widened.safetensors")["patch_embed.proj.weight"].shape[1] == channels
    else:
        assert not (adapter / "widened.safetensors").exists()

    clip = tiny_results / "dataset" / f"{0:016x}"
    model = InferenceSettings(base=str(tiny_base), device="cpu")
    pipeline = load_pipeline(model, adapter)
    rgb, mask = sequence.read_rgb(clip, 0, 9), sequence.read_mask(clip, 0, 9)
    changed = np.where(mask[..., None] > 0, 255 - rgb, rgb)
    made, from_changed = (
        pipeline(frames, mask, num_inference_steps=2, generator=noise_generator(0), composite=False).frames
        for frames in (rgb, changed)
    )
    sees_the_hole = source == "rgb"
    assert np.array_equal(made, from_changed) != sees_the_hole


def test_the_index_of_another_source_than_the_conditioning_needs_is_refused(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tmp_path, "--conditioning", "concat_rgb")) == 2
    assert "--conditioning concat_rgb and --fill grey need 'rgb'" in capsys.readouterr().err


def test_a_training_starts_with_new_weights_of_zero(training_arguments: Arguments, tmp_path: Path) -> None:
    settings = parse("train", training_arguments(tmp_path)[1:])
    assert isinstance(settings, TrainCommand)
    weight = fresh_run(settings).transformer.patch_embed.proj.weight
    assert weight[:, :16].any()
    assert not weight[:, 16:].any()
