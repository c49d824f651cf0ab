"""Base models by folder or hub name: their location, their configuration and their model family."""

from pathlib import Path
from typing import Any, TypeVar

import inpainting
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import read_json
from inpainting.models import hub
from inpainting.models.cogvideox_1_5 import COGVIDEOX_1_5
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.cogvideox_5b import COGVIDEOX_5B
from inpainting.models.cogvideox_fun_inp import COGVIDEOX_FUN_2B_INP, COGVIDEOX_FUN_5B_INP
from inpainting.models.family import Config, Family
from inpainting.models.settings import ModelSettings

ModelSettingsT = TypeVar("ModelSettingsT", bound=ModelSettings)

PROJECT = Path(inpainting.__file__).parents[2]
"""The project's folder, which holds models/nano."""

FAMILIES: tuple[Family, ...] = (
    COGVIDEOX_2B,
    COGVIDEOX_5B,
    COGVIDEOX_1_5,
    COGVIDEOX_FUN_2B_INP,
    COGVIDEOX_FUN_5B_INP,
)

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
        supported = ", ".join(f"{family.name} ({family.features})" for family in FAMILIES)
        raise ValueError(
            f"has {', '.join(unsupported)}, which is not supported; supported bases are {supported} and bases like "
            "them: a VAE that compresses 8x8 pixels and 4 frames, and v-prediction over 1000 timesteps"
        )
    return closest


def family(base: str, option: str = "--base") -> Family:
    """The family of a base; raises UsageError, naming the option, if it does not exist or no family supports it."""
    return _family(base, read_configs(base, option), option)


def family_named(name: str) -> Family:
    """The family of that name, as in an adapter's configuration; raises InputError if there is none."""
    for known in FAMILIES:
        if known.name == name:
            return known
    raise InputError(f"there is no model family {name!r}; this version has {', '.join(f.name for f in FAMILIES)}")


def family_unless_remote(base: str, revision: str | None, option: str) -> Family | None:
    """As `family`, but None for a hub model that is not in the local cache."""
    configs = configs_unless_remote(base, revision, option)
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


def read_configs(base: str, option: str = "--base") -> dict[str, dict[str, Any]]:
    """The configuration of each part of a base, by the names in CONFIG_FILES; empty for a missing part.

    Raises UsageError if the base does not exist, InputError if it is not downloaded or a file can't be read.
    """
    return _read_parts(local_folder(base, option))


def configs_unless_remote(base: str, revision: str | None, option: str) -> dict[str, dict[str, Any]]:
    """As `read_configs`, but every part is empty for a hub model that is not in the local cache."""
    check_name(base, option)
    folder = Path(base) if Path(base).is_dir() else hub.cached_snapshot(base, revision)
    return _read_parts(folder) if folder else {part: {} for part in CONFIG_FILES}


def _read_parts(folder: Path) -> dict[str, dict[str, Any]]:
    return {part: _read(folder / name) if (folder / name).is_file() else {} for part, name in CONFIG_FILES.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); download it again") from error


def find_folder(base: str) -> str | None:
    """The folder of a base: as given, seen from the current folder, else from the project's; None if neither exists."""
    if Path(base).is_dir():
        return base
    return str(PROJECT / base) if (PROJECT / base).is_dir() else None


def load_options(base: str) -> dict[str, Any]:
    """Arguments of diffusers' `from_pretrained`, which then needs no network; raises as `local_folder` does."""
    return {"pretrained_model_name_or_path": str(local_folder(base)), "local_files_only": True}


def local_folder(base: str, option: str = "--base", revision: str | None = None) -> Path:
    """The folder of a base, which for a hub name is in the local cache.

    Raises UsageError as `check_name` does, and InputError if a hub model is not downloaded.
    """
    check_name(base, option)
    return Path(base) if Path(base).is_dir() else hub.complete_snapshot(base, revision)


def with_local_base(settings: ModelSettingsT) -> ModelSettingsT:
    """The same settings with the folder of their base, see `find_folder`, instead of its hub name and revision.

    Raises as `local_folder` does, and UsageError if a folder is given with a revision.
    """
    folder = find_folder(settings.base) if settings.base else ""
    if folder is None:
        folder = str(local_folder(settings.base, revision=settings.revision))
    elif settings.revision is not None:
        raise UsageError(f"--revision: {settings.revision} was given, but --base is no hub name; leave it out")
    return settings.model_copy(update={"base": folder, "revision": None})


def provenance(base: str) -> dict[str, str]:
    """For a folder of the hub's cache its name and commit, as `base`: owner/name@commit; else empty."""
    origin = hub.origin(base)
    return {"base": "@".join(origin)} if origin else {}


def check_name(base: str, option: str = "--base") -> None:
    """Raise UsageError, naming the option, if a base is neither a folder in diffusers' layout nor a hub name.

    A name whose owner is a folder here or in the project is taken for a folder that does not exist.
    """
    if Path(base).is_dir():
        if not (Path(base) / CONFIG_FILES["transformer"]).is_file():
            raise UsageError(f"{option}: {base} holds no transformer/config.json; give a folder in diffusers' layout")
    elif base.count("/") != 1 or base.startswith((".", "/", "~")):
        raise UsageError(f"{option}: {base} is neither a folder nor a hub name of the form owner/name")
    elif find_folder(str(Path(base).parent)):
        raise UsageError(f"{option}: {base} does not exist; give a folder in diffusers' layout or a hub name")
