"""Random weights of the networks that score, as the files of their publishers are laid out."""

from pathlib import Path

import torch
from inpainting.metrics.settings import WeightsSettings
from transformers import Dinov2Config, Dinov2Model

VGG16 = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256)} | {
    number: (256 if number == 17 else 512, 512) for number in (17, 19, 21, 24, 26, 28)
}
"""Channels in and out of torchvision's VGG16, by the number of the layer in `features`."""

CHANNELS = (64, 128, 256, 512, 512)


def write_weights(folder: Path) -> WeightsSettings:
    """VGG16, LPIPS, DISTS and a small DINOv2 (32 wide, 2 layers)."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw)

    vgg16 = {"classifier.0.bias": normal(4096)}
    for number, (before, after) in VGG16.items():
        vgg16[f"features.{number}.weight"] = normal(after, before, 3, 3) * (2 / (9 * before)) ** 0.5
        vgg16[f"features.{number}.bias"] = normal(after) / 10
    torch.save(vgg16, folder / "vgg16.pth")
    lpips = {f"lin{n}.model.1.weight": normal(1, count, 1, 1).abs() for n, count in enumerate(CHANNELS)}
    torch.save(lpips, folder / "lpips.pth")
    count = 3 + sum(CHANNELS)
    torch.save({name: normal(1, count, 1, 1).abs() for name in ("alpha", "beta")}, folder / "dists.pt")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2}
        Dinov2Model(Dinov2Config(image_size=448, patch_size=14, **sizes)).save_pretrained(folder / "dinov2")
    return WeightsSettings(
        vgg16_weights=folder / "vgg16.pth",
        lpips_weights=folder / "lpips.pth",
        dists_weights=folder / "dists.pt",
        dinov2_weights=folder / "dinov2",
    )
