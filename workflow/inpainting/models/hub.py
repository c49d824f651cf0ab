"""Bases on the Hugging Face Hub: `inpaint fetch` downloads them; all else reads the local cache, without network."""

import re
import shlex
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from inpainting.core.errors import InputError, first_line
from inpainting.core.files import read_json

INDEX = "model_index.json"
WITH_WEIGHTS = ("transformer", "vae", "text_encoder")
FILES = (
    INDEX,
    "scheduler/*.json",
    "tokenizer/*",
    *(f"{part}/*{suffix}" for part in WITH_WEIGHTS for suffix in (".json", ".safetensors")),
)
"""Patterns of the files that are downloaded."""


def fetch_snapshot(name: str, revision: str | None) -> Path:
    """Download what is missing of a base and return its folder in the cache.

    revision: branch, tag or commit; None for the main branch. Raises InputError if a file can't be downloaded, or if
    the repository lacks some.
    """
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=[*FILES]))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise InputError(
            f"{name}: can't be downloaded: {first_line(error)}; check the name and the network, or name a folder with "
            "the base"
        ) from error
    if missing := missing_file(folder):
        raise InputError(f"{name}: {missing} is missing in {revision or 'main'}; give a base in diffusers' layout")
    return folder


def cached_snapshot(name: str, revision: str | None) -> Path | None:
    """The folder of a base in the cache, without network; None if it was not downloaded."""
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def complete_snapshot(name: str, revision: str | None) -> Path:
    """As `cached_snapshot`; raises InputError, with the command that downloads it, unless it is there and complete."""
    folder = cached_snapshot(name, revision)
    missing = missing_file(folder) if folder else "every file"
    if folder is None or missing:
        command = ["inpaint", "fetch", "--base", name, *(["--revision", revision] if revision else [])]
        cache = constants.HF_HUB_CACHE
        raise InputError(f"{name}: {missing} is missing in the cache {cache}; run `{shlex.join(command)}` first")
    return folder


def missing_file(folder: Path) -> str | None:
    """A file that a base's folder should have by its model_index.json and its weights' indices; None if it has all."""
    if not (folder / INDEX).is_file():
        return INDEX
    for part, kind in read_json(folder / INDEX).items():
        if not isinstance(kind, list) or kind[0] is None:
            continue
        found = sorted((folder / part).glob("*"))
        if not found:
            return f"{part}/*"
        weights = [path.name for path in found if path.suffix == ".safetensors"]
        wanted = {file for path in found if path.name.endswith(".safetensors.index.json") for file in _shards(path)}
        if absent := sorted(wanted.difference(weights)):
            return f"{part}/{absent[0]}"
        if part in WITH_WEIGHTS and not weights:
            return f"{part}/*.safetensors"
    return None


def _shards(index: Path) -> set[str]:
    return set(read_json(index)["weight_map"].values())


def origin(folder: str) -> tuple[str, str] | None:
    """Hub name and commit of a base's folder in the cache; None for any other folder."""
    found = re.search(r"models--([^/]+?)--([^/]+)/snapshots/([0-9a-f]{40})/?$", Path(folder).absolute().as_posix())
    return (f"{found[1]}/{found[2]}", found[3]) if found else None
