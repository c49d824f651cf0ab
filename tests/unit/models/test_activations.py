"""The formula for activations is what torch allocates at most, counted on tensors without data at the full size."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
from inpainting.models import lora
from inpainting.models.activations import DECODE_UNITS, ENCODE_UNITS, training_activations, vae_activations
from inpainting.models.published import TRANSFORMER, VAE
from inpainting.models.settings import LoraSettings
from inpainting.models.shapes import read_base
from inpainting.models.spatial_norm import project_first
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

SHAPE = 13, 60, 80
WINDOW, TEXT = (1, 13, 33, 60, 80), (1, 226, 4096)


class Allocations(TorchDispatchMode):
    """Bytes of all tensors that are made inside, as long as something holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self.held:
                storage = tensor.untyped_storage()
                self.held[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._release, storage._cdata)
        return made

    def _release(self, key: int) -> None:
        self.now -= self.held.pop(key, 0)

    def peak_of(self, compute: Callable[[], object]) -> int:
        """Bytes at most beside what is held before."""
        gc.collect()
        before = self.peak = self.now
        compute()
        return self.peak - before


@pytest.fixture
def autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CUDA's autocast to float16 and flash attention do, for tensors without data."""

    def cast(name: str, dtype: torch.dtype) -> None:
        original = getattr(functional, name)

        def to(value: object) -> object:
            return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

        monkeypatch.setattr(functional, name, lambda *a, **k: original(*tree_map(to, a), **tree_map(to, k)))

    def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **_: object) -> torch.Tensor:
        halves = (tensor.half() for tensor in (query, key, value))
        found: torch.Tensor = torch.ops.aten._scaled_dot_product_flash_attention(*halves)[0]
        return found

    cast("linear", torch.float16)
    cast("conv2d", torch.float16)
    cast("layer_norm", torch.float32)
    monkeypatch.setattr(functional, "scaled_dot_product_attention", attention)


@pytest.mark.usefixtures("autocast")
@pytest.mark.parametrize(
    ("targets", "checkpointing"),
    [("attention", False), ("attention", True), ("attention+ff", False), ("all_linear", True)],
)
def test_activations_of_a_training_step(targets: str, checkpointing: bool) -> None:
    config = {**TRANSFORMER, "num_layers": 3, "in_channels": 33}
    with Allocations() as allocations:
        with torch.device("meta"):
            sizes = {"sample_frames": 49, "sample_height": 60, "sample_width": 80}
            transformer = CogVideoXTransformer3DModel.from_config(config | sizes).to("meta", torch.float16)
            latents, text, step = torch.empty(WINDOW), torch.empty(TEXT), torch.zeros(1, dtype=torch.int64)
        transformer.requires_grad_(False)
        transformer.add_adapter(lora.lora_config(transformer, LoraSettings(targets=(targets,))))
        lora.lora_to_float32(transformer)
        lora.prepare_training(transformer)
        transformer.train()
        if checkpointing:
            transformer.enable_gradient_checkpointing()

        def update() -> None:
            transformer(latents, text, step, return_dict=False)[0].float().square().mean().backward()

        found = allocations.peak_of(update)
    base = read_base("THUDM/CogVideoX-2b")
    small = replace(base, transformer={**TRANSFORMER, "num_layers": 3})
    planned = training_activations(small, LoraSettings(targets=(targets,)), SHAPE, 1, 2, checkpointing)
    assert planned == pytest.approx(found, rel=0.05)


@pytest.mark.parametrize(("way", "units"), [("encode", ENCODE_UNITS), ("decode", DECODE_UNITS)])
def test_activations_of_the_vae(way: str, units: float) -> None:
    kinds = {f"{side}_block_types": (f"CogVideoX{side.title()}Block3D",) * 4 for side in ("down", "up")}
    with Allocations() as allocations, torch.no_grad():
        with torch.device("meta"):
            vae = AutoencoderKLCogVideoX.from_config({**VAE, **kinds}).half()
            clip = torch.empty((1, 3, 49, 480, 640) if way == "encode" else (1, 16, 13, 60, 80)).half()
        found = allocations.peak_of(lambda: getattr(project_first(vae), way)(clip))
    assert vae_activations(read_base("THUDM/CogVideoX-2b"), SHAPE, units, 2) == pytest.approx(found, rel=0.05)
