"""Bases of every model family are trained, resumed, validated and inpainted with; diffusers alone loads their LoRA."""

from pathlib import Path

import commands
import families
import numpy as np
import pytest
from diffusers import CogVideoXTransformer3DModel
from inpainting.artifacts.prompt import read_prompt
from inpainting.cli import main
from inpainting.conditioning.adapter import read_adapter_config
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import bases, parity
from inpainting.models.adapter_files import LORA_FILE, PROMPT_FILE, WIDENED_FILE
from inpainting.models.settings import InferenceSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.video import sequence
from safetensors.torch import load_file


@pytest.mark.parametrize("name", families.CONFIGS)
def test_a_family_is_trained_resumed_validated_and_inpainted_with(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, name: str
) -> None:
    base, family = families.write_base(tiny_base, tmp_path / "base", name), bases.family_named(name)
    condition = ConditionSettings.model_validate({**families.inputs(name), "fill": "grey"})
    inputs = ("--conditioning", condition.conditioning, "--mask-input", condition.mask_input)
    arguments = commands.train(base, tiny_results, tmp_path / "run", "--targets", "all_linear", *inputs)
    assert main([*arguments, "--time-limit", "0.5"]) == 75
    assert main(arguments) == 0
    checkpoint = tmp_path / "run" / "checkpoints" / "step-4"
    assert main(commands.validate(base, tiny_results, checkpoint, tmp_path / "step-4.json", "--steps", "1")) == 0

    config = read_adapter_config(checkpoint / "adapter")
    assert config.family == name
    assert config.channels == condition.input_channels(16, family.geometry)
    assert config.widened == (checkpoint / "adapter" / "widened.safetensors").exists()
    assert config.widened == (family.condition_channels == 0)

    plain = CogVideoXTransformer3DModel.from_pretrained(base, subfolder="transformer")
    if config.widened:
        widen_patch_embedding(plain, config.channels)
        plain.load_state_dict(load_file(checkpoint / "adapter" / WIDENED_FILE), strict=False)
    plain.load_lora_adapter(checkpoint / "adapter", prefix="transformer", weight_name=LORA_FILE)
    predicted = parity.predict(family, plain, read_prompt(checkpoint / "adapter" / PROMPT_FILE))
    assert parity.relative_difference(predicted, parity.read_prediction(checkpoint)) < 1e-5

    clip = tiny_results / "dataset" / f"{0:016x}"
    rgb, mask = sequence.read_rgb(clip, 0, 9), sequence.read_mask(clip, 0, 9)
    model = InferenceSettings(base=str(base), device="cpu")
    pipeline = load_pipeline(model, checkpoint / "adapter")
    adapted = pipeline(rgb, mask, num_inference_steps=2, generator=noise_generator(0), composite=False).frames
    pipeline.save_pretrained(tmp_path / "saved")
    saved = type(pipeline).from_pretrained(tmp_path / "saved")
    again = saved(rgb, mask, num_inference_steps=2, generator=noise_generator(0), composite=False).frames
    assert np.array_equal(adapted, again)

    pipeline.unload_adapter()
    alone = load_pipeline(model)
    before, after = (
        one(rgb, mask, num_inference_steps=2, generator=noise_generator(0), composite=False).frames
        for one in (alone, pipeline)
    )
    assert np.array_equal(before, after)
    assert not np.array_equal(before, adapted)


def test_a_base_that_inpaints_refuses_a_conditioning_with_other_channels(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = families.write_base(tiny_base, tmp_path / "base", "CogVideoX-Fun-V1.1-2b-InP")
    for options, channels in (("--mask-input", "frames"), 36), (("--conditioning", "replace"), 16):
        assert main(commands.train(base, tiny_results, tmp_path / "run", *options)) == 2
        message = capsys.readouterr().err
        assert f"makes {channels} input channels, but {base} takes 33; it was trained with " in message
        assert "--conditioning concat --fill black --mask-input trilinear" in message


def test_an_adapter_of_another_family_is_refused(
    tiny_base: Path, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = families.write_base(tiny_base, tmp_path / "base", "CogVideoX-5b")
    assert main(commands.train(base, tiny_results, tmp_path / "run")) == 0
    adapter, clip = tmp_path / "run" / "checkpoints" / "step-4" / "adapter", tiny_results / "dataset" / f"{0:016x}"
    arguments = commands.run(tiny_base, tmp_path / "frames", "--input", clip, "--adapter", adapter)
    assert main(arguments) == 1
    assert "was trained on another transformer" in capsys.readouterr().err
