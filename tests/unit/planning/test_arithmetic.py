"""What the formulas say is what torch counts on tensors without data."""

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.models import lora
from inpainting.models.published import TRANSFORMER, VAE
from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import count, lora_shapes
from inpainting.models.spatial_norm import project_first
from inpainting.planning.arithmetic import decode_tflop, encode_tflop, forward_tflop, tokens, training_tflop
from torch.utils.flop_counter import FlopCounterMode

SMALL: dict[str, Any] = {**TRANSFORMER, "num_layers": 6, "num_attention_heads": 8}
FRAMES, ROWS, COLUMNS = 5, 30, 40


def transformer_on_meta() -> CogVideoXTransformer3DModel:
    sizes = {"sample_frames": 4 * (FRAMES - 1) + 1, "sample_height": ROWS, "sample_width": COLUMNS}
    with torch.device("meta"):
        return CogVideoXTransformer3DModel.from_config(SMALL | sizes).to("meta")


def predict(transformer: CogVideoXTransformer3DModel) -> torch.Tensor:
    with torch.device("meta"):
        latents, text = torch.empty(1, FRAMES, 16, ROWS, COLUMNS), torch.empty(1, 226, 4096)
        found: torch.Tensor = transformer(latents, text, torch.zeros(1, dtype=torch.int64), return_dict=False)[0]
        return found


def test_a_forward_pass() -> None:
    transformer = transformer_on_meta()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        predict(transformer)
    assert forward_tflop(SMALL, FRAMES, ROWS, COLUMNS) == pytest.approx(counter.get_total_flops() / 1e12, rel=0.02)


def test_a_training_step_of_a_frozen_base() -> None:
    transformer, settings = transformer_on_meta().requires_grad_(False), LoraSettings(rank=64)
    transformer.add_adapter(lora.lora_config(transformer, settings))
    lora.prepare_training(transformer)
    with FlopCounterMode(display=False) as counter:
        predict(transformer).sum().backward()
    trained = count(lora_shapes(SMALL, settings))
    needed, computed = training_tflop(SMALL, FRAMES, ROWS, COLUMNS, trained, checkpointing=False)
    assert needed == pytest.approx(counter.get_total_flops() / 1e12, rel=0.04)
    assert needed < computed < training_tflop(SMALL, FRAMES, ROWS, COLUMNS, trained, checkpointing=True)[1]


def test_the_vae_both_ways() -> None:
    kinds = {f"{way}_block_types": (f"CogVideoX{way.title()}Block3D",) * 4 for way in ("down", "up")}
    with torch.device("meta"):
        vae = project_first(AutoencoderKLCogVideoX.from_config({**VAE, **kinds}))
        clip, latents = torch.empty(1, 3, 17, 64, 96), torch.empty(1, 16, 5, 8, 12)
    with FlopCounterMode(display=False) as encoding, torch.no_grad():
        vae.encode(clip)
    with FlopCounterMode(display=False) as decoding, torch.no_grad():
        vae.decode(latents)
    assert encode_tflop(VAE, 17, 64, 96) == pytest.approx(encoding.get_total_flops() / 1e12, rel=0.02)
    assert decode_tflop(VAE, 17, 64, 96) == pytest.approx(decoding.get_total_flops() / 1e12, rel=0.02)


def test_2b_at_full_size() -> None:
    size = (13, 60, 80)
    assert tokens(TRANSFORMER, *size) == 15_826
    assert forward_tflop(TRANSFORMER, *size) == pytest.approx(99.7, abs=0.1)
    trained = count(lora_shapes(TRANSFORMER, LoraSettings(rank=64)))
    assert training_tflop(TRANSFORMER, *size, trained, checkpointing=False) == pytest.approx((260, 289), abs=0.5)
    assert training_tflop(TRANSFORMER, *size, trained, checkpointing=True) == pytest.approx((260, 389), abs=1)
    assert encode_tflop(VAE, 49, 480, 640) == pytest.approx(132, abs=1)
    assert decode_tflop(VAE, 49, 480, 640) == pytest.approx(280, abs=3)
