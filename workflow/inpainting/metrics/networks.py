"""The networks that score perceived quality: their architectures, and their weights from files of the user."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from inpainting.core.errors import InputError, first_line
from inpainting.metrics.settings import WeightsSettings

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours, by which all of the networks scale their input; LPIPS writes the same as 2 x - 1 shifted by
(-.030, -.088, -.188) and divided by (.458, .448, .450)."""

CHANNELS = (64, 128, 256, 512, 512)
"""Channels of VGG16's five stages."""

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions of each stage."""


class L2Pool(nn.Module):
    """DISTS' pooling: the root of the mean square under a 3x3 Hann window, at every second pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        window = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.outer(window, window).expand(channels, 1, 3, 3).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """[batch, channels, height, width] to half of both sides, rounded up."""
        kernel = self.get_buffer("kernel")
        pooled = nn.functional.conv2d(values.square(), kernel, stride=2, padding=1, groups=len(kernel))
        return (pooled + 1e-12).sqrt()


class Vgg16(nn.Sequential):
    """The convolutions of VGG16, numbered as torchvision's; between the stages it pools as LPIPS or as DISTS does."""

    def __init__(self, l2_pooling: bool) -> None:
        layers: list[nn.Module] = []
        before = 3
        for stage, (channels, count) in enumerate(zip(CHANNELS, CONVOLUTIONS, strict=True)):
            if stage:
                layers.append(L2Pool(before) if l2_pooling else nn.MaxPool2d(2))
            for _ in range(count):
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
                before = channels
        super().__init__(*layers)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The output of each stage's last ReLU; images: [batch, 3, height, width], as `Networks.images` scales them."""
        outputs = []
        for layer in self:
            if isinstance(layer, L2Pool | nn.MaxPool2d):
                outputs.append(images)
            images = layer(images)
        return [*outputs, images]


class Networks:
    """The networks whose weights are given, each loaded when it is first used, on one device."""

    def __init__(self, settings: WeightsSettings, device: torch.device) -> None:
        self.paths = settings.weights()
        self.device = device

    def images(self, frames: NDArray[np.uint8]) -> Tensor:
        """Frames, uint8 [batch, height, width, 3], as input of the networks: [batch, 3, height, width]."""
        mean, deviation = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in (MEAN, DEVIATION))
        return (torch.from_numpy(frames).to(self.device).movedim(-1, 1).float() / 255 - mean) / deviation

    @cached_property
    def vgg16_of_lpips(self) -> Vgg16:
        """VGG16 with its own maximum pooling."""
        return self._vgg16(l2_pooling=False)

    @cached_property
    def vgg16_of_dists(self) -> Vgg16:
        """VGG16 with DISTS' pooling."""
        return self._vgg16(l2_pooling=True)

    @cached_property
    def lpips_weights(self) -> list[Tensor]:
        """LPIPS' weight of each channel, by stage: [channels]."""
        shapes: dict[str, tuple[int, ...]] = {
            f"lin{stage}.model.1.weight": (1, count, 1, 1) for stage, count in enumerate(CHANNELS)
        }
        return [weight.flatten() for weight in self._tensors("lpips_weights", shapes)]

    @cached_property
    def dists_weights(self) -> list[list[Tensor]]:
        """DISTS' alpha and beta of each channel, by stage, of which the first is the image: [channels]."""
        shape = (1, 3 + sum(CHANNELS), 1, 1)
        weights = self._tensors("dists_weights", {"alpha": shape, "beta": shape})
        return [list(weight.flatten().split([3, *CHANNELS])) for weight in weights]

    @cached_property
    def dinov2(self) -> nn.Module:
        """DINOv2 without registers."""
        from transformers import Dinov2Model

        path = self.paths["dinov2_weights"]
        try:
            model, report = Dinov2Model.from_pretrained(
                path, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"{path}: can't be loaded: {first_line(error)}") from error
        if report["missing_keys"] or model.config.model_type != "dinov2":
            raise InputError(f"{path}: these are not the weights of a DINOv2 without registers")
        return model.to(self.device).eval().requires_grad_(False)

    def _vgg16(self, l2_pooling: bool) -> Vgg16:
        model = Vgg16(l2_pooling)
        wanted = {f"features.{name}": tuple(value.shape) for name, value in model.state_dict().items()}
        weights = self._tensors("vgg16_weights", wanted)
        model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
        return model.to(self.device).eval().requires_grad_(False)

    def _tensors(self, name: str, shapes: dict[str, tuple[int, ...]]) -> list[Tensor]:
        """The tensors with these names and shapes; raises InputError if the file lacks one, or one is not finite."""
        path = self.paths[name]
        state = _read(path)
        for key, shape in shapes.items():
            tensor = state.get(key)
            found = tuple(tensor.shape) if isinstance(tensor, Tensor) else "no tensor"
            if found != shape:
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{path}: {key} should have the shape {shape}, found {found}; see --help of {option}")
            if not torch.isfinite(state[key]).all():
                raise InputError(f"{path}: {key} holds NaN or infinity; give an undamaged copy")
        return [state[key].float().to(self.device) for key in shapes]


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file, of which nothing but tensors is read."""
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # each reader has errors of its own
        raise InputError(f"{path}: can't be read as weights: {first_line(error)}") from error
    if not isinstance(state, dict):
        raise InputError(f"{path}: should hold named weights, found {type(state).__name__}")
    return state
