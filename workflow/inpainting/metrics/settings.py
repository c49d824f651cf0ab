"""Settings that name the weights of the networks which some metrics need."""

import os
from collections.abc import Collection
from pathlib import Path

from inpainting.core.files import file_digest, folder_digest
from inpainting.core.settings import Settings, existing


class WeightsSettings(Settings):
    """Weights of networks that score perceived quality. A score whose weights are missing is not computed; nothing is
    downloaded."""

    vgg16_weights: Path | None = None
    """torchvision's VGG16 (.pth or .safetensors), for LPIPS and DISTS; by default vgg16-397923af.pth in torch's cache
    (TORCH_HOME), if it is there."""
    lpips_weights: Path | None = None
    """The file weights/v0.1/vgg.pth of the package lpips, for LPIPS."""
    dists_weights: Path | None = None
    """The file weights.pt of the package DISTS_pytorch, for DISTS."""
    dinov2_weights: Path | None = None
    """Folder of a DINOv2 in transformers' layout, for RC-S and RC-T; PROVE's scores are of facebook/dinov2-giant."""

    def weights(self, section: str = "") -> dict[str, Path]:
        """The files and folders that were given or found, by setting; raises UsageError if a given one is missing.

        section: of the configuration, for that error; by default it names the command's option.
        """
        given = {name: path for name in WeightsSettings.model_fields if (path := getattr(self, name)) is not None}
        for name, path in given.items():
            existing(path, f"{section}.{name}" if section else f"--{name.replace('_', '-')}", "the weights")
        cached = _torch_home() / "hub" / "checkpoints" / "vgg16-397923af.pth"
        return {"vgg16_weights": cached, **given} if cached.is_file() else given

    def weight_digests(self, names: Collection[str]) -> dict[str, str]:
        """SHA-256 of the weights that these settings name, by setting."""
        paths = {name: path for name, path in self.weights().items() if name in names}
        return {name: (folder_digest if path.is_dir() else file_digest)(path) for name, path in paths.items()}


def _torch_home() -> Path:
    """The folder of torch's cache, as torch.hub defines it."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{caches}/torch")).expanduser()
