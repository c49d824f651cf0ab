"""An adapter of the tiny base whose weights are random, as if it had been trained."""

import shutil
from pathlib import Path
from typing import Literal

import pytest
import torch
from damage import remove_sums
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import loading
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.lora import add_lora, prepare_training
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.video.settings import MaskSettings, WindowSettings
from torch import Tensor

INPUT_CHANNELS = ConditionSettings().input_channels(16, COGVIDEOX_2B.geometry)

RANK, ALPHA = 2, 6.0

LORA = LoraSettings(rank=RANK, alpha=ALPHA)

CPU = torch.device("cpu")


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
    """A copy of the adapter that a test may damage, without digests of its files, as an earlier version wrote it."""
    return remove_sums(Path(shutil.copytree(saved, tmp_path / "adapter")))


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


def base_widened(base: Path, dtype: torch.dtype = torch.float32) -> CogVideoXTransformer3DModel:
    transformer = base_transformer(base, dtype)
    widen_patch_embedding(transformer, INPUT_CHANNELS)
    return transformer


def plain_pipeline(base: Path, transformer: CogVideoXTransformer3DModel) -> CogVideoXPipeline:
    """diffusers' own pipeline, with nothing of ours but the transformer that it is given."""
    vae = loading.load_vae(str(base), torch.float32, CPU)
    return CogVideoXPipeline(None, None, vae, transformer, loading.load_scheduler(str(base)))
