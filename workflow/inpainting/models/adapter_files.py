"""File names of an adapter folder, its digests, copies of it, and the one value that is written after training."""

import shutil
from pathlib import Path

from inpainting.artifacts.best import BEST_FILE, BestCheckpoint
from inpainting.core.errors import InputError
from inpainting.core.files import folder_digest, read_json, write_json
from inpainting.core.sums import damage, summed, write_sums

LORA_FILE, WIDENED_FILE = "pytorch_lora_weights.safetensors", "widened.safetensors"
PROMPT_FILE, CONFIG_FILE = "prompt.safetensors", "inpainting.json"
ADAPTER_FILES = (LORA_FILE, WIDENED_FILE, PROMPT_FILE, CONFIG_FILE)


def adapter_files(folder: Path) -> list[str]:
    """Sorted names of the adapter's files in a folder; other files there, such as Snakemake's, are ignored."""
    return sorted(name for name in ADAPTER_FILES if (folder / name).is_file())


def adapter_digest(folder: Path) -> str:
    """SHA-256 over the adapter's own files, in hex; other files in the folder do not change it."""
    return folder_digest(folder, ADAPTER_FILES)


def write_adapter_sums(folder: Path) -> None:
    """Write the digests of a complete adapter's files, see `core.sums`."""
    write_sums(folder, adapter_files(folder))


def refuse_damaged(folder: Path) -> None:
    """Raise InputError if a file of the adapter is not what was written, or if best.json beside it names another one.

    An adapter of an earlier version, without SHA256SUMS, is checked by best.json alone.
    """
    if wrong := damage(folder, summed(folder) | set(adapter_files(folder))):
        raise InputError(
            f"{wrong}; give an undamaged copy of the adapter, or make it again (`inpaint train`, `best` or `export`)"
        )
    chosen = folder.with_name(BEST_FILE)
    if folder.name == chosen.stem and chosen.is_file():
        expected = BestCheckpoint.read(chosen).provenance.inputs.get("adapter")
        if expected not in (None, adapter_digest(folder)):
            raise InputError(f"{folder} is not the adapter that {chosen} names; run `inpaint best` again")


def copy_adapter(source: Path, target: Path) -> None:
    """Copy an adapter's files, bit for bit, into an existing folder; raises InputError if one is damaged."""
    refuse_damaged(source)
    for name in adapter_files(source):
        shutil.copyfile(source / name, target / name)
    write_adapter_sums(target)
    if adapter_digest(target) != adapter_digest(source):
        raise InputError(f"{source} changed while it was copied; copy it again")


def write_sampling_steps(folder: Path, steps: int) -> None:
    """Store the number of denoising steps that validation chose in the adapter's configuration."""
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | {"sampling_steps": steps})
    write_adapter_sums(folder)
