"""Base models by folder or hub name: their location, their configuration and their model family."""

from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import RemoteEntryNotFoundError

import inpainting
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import read_json
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.family import Config, Family

PROJECT = Path(inpainting.__file__).parents[2]
"""The project's folder, which holds models/nano."""

FAMILIES: tuple[Family, ...] = (COGVIDEOX_2B,)

CONFIG_FILES = {
    "transformer": "transformer/config.json",
    "vae": "vae/config.json",
    "scheduler": "scheduler/scheduler_config.json",
}
"""Configuration file of each part, relative to the base's folder."""


def family_of(transformer: Config, vae: Config, scheduler: Config) -> Family:
    """The model family of a base with these configurations; an empty configuration is not checked.

    Raises ValueError that names the features that no family supports, and the supported bases.
    """
    candidates = [(family.unsupported(transformer, vae, scheduler), family) for family in FAMILIES]
    unsupported, closest = min(candidates, key=lambda pair: len(pair[0]))
    if unsupported:
        supported = "; or ".join(family.supported_bases for family in FAMILIES)
        raise ValueError(f"has {', '.join(unsupported)}, which is not supported; supported bases are {supported}")
    return closest


def family(base: str, option: str = "--base") -> Family:
    """The family of a base; raises UsageError, naming the option, if it does not exist or no family supports it."""
    return _family(base, read_configs(base, option), option)


def family_unless_remote(base: str, option: str) -> Family | None:
    """As `family`, without network access: None for a hub model whose configuration is not in the local cache."""
    configs = read_configs(base, option, download=False)
    return _family(base, configs, option) if configs["transformer"] else None


def _family(base: str, configs: dict[str, dict[str, Any]], option: str) -> Family:
    if not configs["transformer"]:
        raise UsageError(f"{option}: {base} holds no transformer/config.json; give a base in diffusers' layout")
    try:
        return family_of(**configs)
    except ValueError as error:
        raise UsageError(f"{option}: {base} {error}") from error


def check_window(family: Family, frames: int, option: str = "--window") -> None:
    """Raise UsageError, naming the option, if the family's VAE does not reconstruct windows of `frames` frames."""
    try:
        family.geometry.check_window(frames)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def latent_channels(base: str) -> int:
    """Channels of a base's latents."""
    return family(base).latent_channels(read_configs(base)["transformer"])


def text_size(base: str) -> tuple[int, int]:
    """(tokens that texts are padded to, width of a token's embedding)."""
    return family(base).text_size(read_configs(base)["transformer"])


def native_size(base: str) -> tuple[tuple[int, int], int]:
    """The frame size (width, height) in pixels and the number of frames that a base was trained with."""
    return family(base).native_size(read_configs(base)["transformer"])


def read_configs(base: str, option: str = "--base", download: bool = True) -> dict[str, dict[str, Any]]:
    """The configuration of each part of a base, by the names in CONFIG_FILES; empty for a missing part.

    Raises UsageError if the base does not exist, InputError if a file can't be read or downloaded.
    """
    if "local_files_only" in load_options(base, option):
        paths: dict[str, Path | None] = {part: Path(base) / name for part, name in CONFIG_FILES.items()}
    else:
        paths = {part: _from_hub(base, name, download) for part, name in CONFIG_FILES.items()}
    return {part: _read(path) if path and path.is_file() else {} for part, path in paths.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); download it again") from error


def _from_hub(base: str, name: str, download: bool) -> Path | None:
    """Path of a hub model's file in the local cache; None if the hub has no such file or it is not downloaded yet."""
    try:
        cached = try_to_load_from_cache(base, name)
        if isinstance(cached, str):
            return Path(cached)
        return Path(hf_hub_download(base, name)) if download else None
    except RemoteEntryNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{base}: {name} can't be downloaded: {str(error).strip().splitlines()[0]}") from error


def find_folder(base: str) -> str | None:
    """The folder of a base: as given, seen from the current folder, else from the project's; None if neither exists."""
    if Path(base).is_dir():
        return base
    return str(PROJECT / base) if (PROJECT / base).is_dir() else None


def load_options(base: str, option: str = "--base") -> dict[str, Any]:
    """Arguments of diffusers' `from_pretrained`; only a hub name may use the network.

    Raises UsageError, naming the option, if the base is neither a folder in diffusers' layout nor a hub name. A name
    whose owner is a folder here or in the project is taken for a folder that does not exist, without asking the hub.
    """
    if Path(base).is_dir():
        if not (Path(base) / CONFIG_FILES["transformer"]).is_file():
            raise UsageError(f"{option}: {base} holds no transformer/config.json; give a folder in diffusers' layout")
        return {"pretrained_model_name_or_path": base, "local_files_only": True}
    if base.count("/") == 1 and not base.startswith((".", "/", "~")):
        if find_folder(str(Path(base).parent)):
            raise UsageError(f"{option}: {base} does not exist; give a folder in diffusers' layout or a hub name")
        return {"pretrained_model_name_or_path": base}
    raise UsageError(f"{option}: {base} is neither a folder nor a hub name of the form owner/name")
