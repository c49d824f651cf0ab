"""An adapter is saved whole, loads in a fresh process to the bit, and is refused where it does not fit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import InputError
from inpainting.models import loading
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.lora import add_lora, prepare_training
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.video.settings import MaskSettings, WindowSettings
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

INPUT_CHANNELS = ConditionSettings().input_channels(16, COGVIDEOX_2B.geometry)
RANK, ALPHA = 2, 6.0
LORA = LoraSettings(rank=RANK, alpha=ALPHA)
CPU = torch.device("cpu")
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


def base_transformer(base: Path, dtype: torch.dtype = torch.float32) -> CogVideoXTransformer3DModel:
    return loading.load_transformer(str(base), dtype, CPU, (4, 4), frames=9)


def trained_transformer(
    base: Path, dtype: torch.dtype = torch.float32, lora: LoraSettings = LORA
) -> CogVideoXTransformer3DModel:
    """As if trained: all of LoRA and all of the patch embedding random."""
    transformer = base_transformer(base, dtype)
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    add_lora(transformer, lora, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in prepare_training(transformer).values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return transformer.requires_grad_(False)


def save(
    transformer: CogVideoXTransformer3DModel,
    base: Path,
    folder: Path,
    lora: LoraSettings = LORA,
    conditioning: Literal["concat", "replace"] = "concat",
) -> Path:
    condition = ConditionSettings(conditioning=conditioning)
    config = AdapterConfig(
        base=str(base),
        transformer_digest=loading.part_digest(str(base), "transformer"),
        vae_digest=loading.part_digest(str(base), "vae"),
        channels=condition.input_channels(16, COGVIDEOX_2B.geometry),
        masks=MaskSettings(mask_threshold=77, mask_invert=True, mask_dilation=3),
        windows=WindowSettings(window=9, window_overlap=1),
        condition=condition,
        lora=lora,
    )
    adapters.save_adapter(folder, transformer, config, torch.ones(1, 4, 8))
    return folder


@pytest.fixture(scope="module")
def saved(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter of `trained_transformer`, which no test changes."""
    return save(trained_transformer(tiny_base), tiny_base, tmp_path_factory.mktemp("adapters") / "adapter")


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """A copy of the adapter that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "adapter"))


def inputs(channels: int = INPUT_CHANNELS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "hidden_states": torch.randn((2, 3, channels, 4, 4), generator=generator),
        "encoder_hidden_states": torch.randn((2, 4, 8), generator=generator),
        "timestep": torch.tensor([20, 999]),
    }


def velocity(transformer: CogVideoXTransformer3DModel) -> Tensor:
    with torch.no_grad():
        return transformer(**inputs(), return_dict=False)[0]


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


def base_widened(base: Path, dtype: torch.dtype = torch.float32) -> CogVideoXTransformer3DModel:
    transformer = base_transformer(base, dtype)
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    return transformer


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


def test_another_kind_of_lora_in_the_file_than_was_trained_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.CONFIG_FILE
    config = json.loads(path.read_text())
    config["lora"]["rslora"] = True
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match="rslora False, but True was trained"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


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


def plain_pipeline(base: Path, transformer: CogVideoXTransformer3DModel) -> CogVideoXPipeline:
    """diffusers' own pipeline, with nothing of ours but the transformer that it is given."""
    vae = loading.load_vae(str(base), torch.float32, CPU)
    return CogVideoXPipeline(None, None, vae, transformer, loading.load_scheduler(str(base)))


def test_the_prompt_and_the_configuration_come_back(saved: Path) -> None:
    assert torch.equal(read_prompt(saved / adapters.PROMPT_FILE), torch.ones(1, 4, 8))
    config = adapters.read_adapter_config(saved)
    assert config.masks == MaskSettings(mask_threshold=77, mask_invert=True, mask_dilation=3)
    assert config.lora.alpha == ALPHA


@pytest.mark.parametrize(
    "name", [adapters.LORA_FILE, adapters.WIDENED_FILE, adapters.PROMPT_FILE, adapters.CONFIG_FILE]
)
def test_an_adapter_with_a_file_missing_is_refused(tiny_base: Path, copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(InputError, match=f"is not an adapter: {name} missing"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


@pytest.mark.parametrize("name", [adapters.LORA_FILE, adapters.WIDENED_FILE, adapters.CONFIG_FILE])
def test_an_adapter_with_a_file_cut_short_is_refused(tiny_base: Path, copied: Path, name: str) -> None:
    (copied / name).write_bytes((copied / name).read_bytes()[:-10])
    with pytest.raises(InputError, match=r"adapter.* is damaged"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_prompt_cut_short_is_refused(copied: Path) -> None:
    path = copied / adapters.PROMPT_FILE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"prompt\.safetensors is damaged"):
        read_prompt(path)


def test_the_same_weights_are_saved_in_the_same_bytes(tiny_base: Path, saved: Path, tmp_path: Path) -> None:
    for number in range(4):
        again = save(trained_transformer(tiny_base), tiny_base, tmp_path / str(number))
        for path in saved.iterdir():
            assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def change_tensors(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)


TO_Q = "transformer.transformer_blocks.0.attn1.to_q"


@pytest.mark.filterwarnings("ignore:While injecting the PEFT adapters")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        (adapters.LORA_FILE, lambda tensors: [tensors.pop(f"{TO_Q}.lora_{matrix}.weight") for matrix in "AB"]),
        (adapters.LORA_FILE, lambda tensors: tensors.pop(f"{TO_Q}.lora_A.weight")),
        (adapters.LORA_FILE, lambda tensors: tensors.clear()),
        (adapters.LORA_FILE, lambda tensors: tensors.update({f"{TO_Q}.lora_A.weight": torch.zeros(2, 31)})),
        (adapters.LORA_FILE, lambda tensors: tensors.update({f"{TO_Q}x.lora_A.weight": torch.zeros(2, 32)})),
        (adapters.WIDENED_FILE, lambda tensors: tensors.pop("patch_embed.proj.bias")),
        (adapters.WIDENED_FILE, lambda tensors: tensors.update({"patch_embed.proj.weight": torch.zeros(32, 32, 2, 2)})),
        (adapters.WIDENED_FILE, lambda tensors: tensors.update(surplus=torch.zeros(1))),
    ],
    ids=["layer missing", "A missing", "empty", "misfit A", "unknown layer", "bias missing", "not widened", "surplus"],
)
def test_tensors_that_do_not_fit_are_refused(
    tiny_base: Path, copied: Path, name: str, change: Callable[[dict[str, Tensor]], object]
) -> None:
    change_tensors(copied / name, change)
    with pytest.raises(InputError, match="adapter"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_another_alpha_in_the_file_than_was_trained_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.LORA_FILE
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    changed = {key: value.replace("6.0", "2.0") for key, value in metadata.items()}
    assert changed != metadata
    save_file(load_file(path), path, metadata=changed)
    with pytest.raises(InputError, match=r"alpha 2\.0, but 6\.0"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_file_that_lost_its_metadata_is_refused(tiny_base: Path, copied: Path) -> None:
    path = copied / adapters.LORA_FILE
    save_file(load_file(path), path, metadata={"format": "pt"})
    with pytest.raises(InputError, match="alpha"):
        adapters.load_adapter(base_transformer(tiny_base), copied)


def test_a_configuration_of_another_version_is_refused(copied: Path) -> None:
    path = copied / adapters.CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"surplus": 1}))
    with pytest.raises(InputError, match=r"inpainting\.json is damaged or of another version"):
        adapters.read_adapter_config(copied)
