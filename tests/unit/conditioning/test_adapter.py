"""An adapter folder is complete, and loads bit for bit: in a new process, in any precision, and in diffusers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import CogVideoXPipeline
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning import adapter as adapters
from inpainting.models.lora import add_lora, prepare_training
from inpainting.models.settings import LoraSettings
from inpainting.video.settings import MaskSettings
from safetensors.torch import load_file, save_file

from .conftest import (
    ALPHA,
    LORA,
    RANK,
    base_transformer,
    base_widened,
    inputs,
    plain_pipeline,
    save,
    trained_transformer,
    velocity,
)

FRESH_PROCESS = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
from inpainting.conditioning import adapter
from inpainting.models import loading
base, folder = sys.argv[1:]
folder = Path(folder)
for dtype in (torch.float32, torch.bfloat16):
    transformer = loading.load_transformer(base, dtype, torch.device("cpu"), (4, 4), frames=9)
    adapter.load_adapter(transformer, folder / str(dtype))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        velocity = transformer(**load_file(folder / "inputs.safetensors"), return_dict=False)[0]
    save_file({"velocity": velocity}, folder / f"{dtype}.safetensors")
"""


@pytest.mark.slow
def test_a_fresh_process_puts_out_the_same_bits(tiny_base: Path, tmp_path: Path) -> None:
    expected = {}
    for dtype in (torch.float32, torch.bfloat16):
        transformer = trained_transformer(tiny_base, dtype)
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            expected[dtype] = velocity(transformer)
        save(transformer, tiny_base, tmp_path / str(dtype))
    save_file(inputs(), tmp_path / "inputs.safetensors")
    subprocess.run([sys.executable, "-c", FRESH_PROCESS, str(tiny_base), str(tmp_path)], check=True)
    for dtype, output in expected.items():
        assert torch.equal(load_file(tmp_path / f"{dtype}.safetensors")["velocity"], output), dtype
    untrained = velocity(base_widened(tiny_base))
    assert not torch.isclose(untrained, expected[torch.float32], rtol=0.1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_trained_weight_comes_back_in_float32_to_the_bit(
    tiny_base: Path, saved: Path, dtype: torch.dtype
) -> None:
    trained = prepare_training(trained_transformer(tiny_base))
    loaded_model = base_transformer(tiny_base, dtype)
    adapters.load_adapter(loaded_model, saved)
    loaded = prepare_training(loaded_model)
    assert loaded.keys() == trained.keys()
    for name, parameter in trained.items():
        assert loaded[name].dtype == torch.float32
        assert torch.equal(loaded[name], parameter), name


def test_alpha_is_kept_and_applied_once(tiny_base: Path, saved: Path) -> None:
    loaded = base_transformer(tiny_base)
    adapters.load_adapter(loaded, saved)
    merged = base_widened(tiny_base)
    merged.load_state_dict(load_file(saved / adapters.WIDENED_FILE), strict=False)
    stored = load_file(saved / adapters.LORA_FILE)
    layers = {name.removeprefix("transformer.").split(".lora_")[0] for name in stored}
    assert len(layers) == 8
    with torch.no_grad():
        for layer in layers:
            update = stored[f"transformer.{layer}.lora_B.weight"] @ stored[f"transformer.{layer}.lora_A.weight"]
            merged.get_parameter(f"{layer}.weight").add_(ALPHA / RANK * update)
    torch.testing.assert_close(velocity(loaded), velocity(merged), rtol=1e-4, atol=1e-4)


KINDS = {"rslora": {"rslora": True}, "dora": {"dora": True}, "all_linear": {"targets": ("all_linear",)}}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_lora_comes_back_to_the_bit_and_diffusers_loads_it_too(
    tiny_base: Path, tmp_path: Path, kind: str, dtype: torch.dtype
) -> None:
    settings = LoraSettings(rank=RANK, alpha=ALPHA, **KINDS[kind])  # type: ignore[arg-type]
    trained = trained_transformer(tiny_base, dtype, settings)
    folder = save(trained, tiny_base, tmp_path / "adapter", settings)
    loaded = base_transformer(tiny_base, dtype)
    adapters.load_adapter(loaded, folder)
    plain = base_widened(tiny_base, dtype)
    plain.load_state_dict(load_file(folder / adapters.WIDENED_FILE), strict=False)
    plain.load_lora_adapter(folder, prefix="transformer", weight_name=adapters.LORA_FILE)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        expected = velocity(trained)
        assert torch.equal(velocity(loaded), expected)
        if dtype == torch.float32:
            assert torch.equal(velocity(plain), expected)


def test_an_adapter_that_widens_nothing_is_loras_file_alone_for_the_untouched_transformer(
    tiny_base: Path, tmp_path: Path
) -> None:
    transformer = base_transformer(tiny_base)
    add_lora(transformer, LORA, seed=0)
    trained = prepare_training(transformer)
    assert not any("patch_embed" in name for name in trained)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    folder = save(transformer.requires_grad_(False), tiny_base, tmp_path / "adapter", LORA, "replace")
    assert not (folder / adapters.WIDENED_FILE).exists()
    plain, ours = base_transformer(tiny_base), base_transformer(tiny_base)
    plain_pipeline(tiny_base, plain).load_lora_weights(folder)
    adapters.load_adapter(ours, folder)
    with torch.no_grad():
        expected = transformer(**inputs(16), return_dict=False)[0]
        assert torch.equal(plain(**inputs(16), return_dict=False)[0], expected)
        assert torch.equal(ours(**inputs(16), return_dict=False)[0], expected)
        assert not torch.equal(base_transformer(tiny_base)(**inputs(16), return_dict=False)[0], expected)


def test_diffusers_loads_the_lora_file_by_itself(tiny_base: Path, saved: Path) -> None:
    _, metadata = CogVideoXPipeline.lora_state_dict(saved, return_lora_metadata=True)
    assert metadata["transformer.lora_alpha"] == ALPHA
    plain = base_widened(tiny_base)
    plain.load_state_dict(load_file(saved / adapters.WIDENED_FILE), strict=False)
    plain_pipeline(tiny_base, plain).load_lora_weights(saved)
    ours = base_transformer(tiny_base)
    adapters.load_adapter(ours, saved)
    assert torch.equal(velocity(plain), velocity(ours))
    assert torch.equal(velocity(plain), velocity(trained_transformer(tiny_base)))


def test_the_prompt_and_the_configuration_come_back(saved: Path) -> None:
    assert torch.equal(read_prompt(saved / adapters.PROMPT_FILE), torch.ones(1, 4, 8))
    config = adapters.read_adapter_config(saved)
    assert config.masks == MaskSettings(mask_threshold=77, mask_invert=True, mask_dilation=3)
    assert config.lora.alpha == ALPHA


def test_the_same_weights_are_saved_in_the_same_bytes(tiny_base: Path, saved: Path, tmp_path: Path) -> None:
    for number in range(4):
        again = save(trained_transformer(tiny_base), tiny_base, tmp_path / str(number))
        for path in saved.iterdir():
            assert path.read_bytes() == (again / path.name).read_bytes(), path.name
