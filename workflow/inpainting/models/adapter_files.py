"""File names of an adapter folder, the adapter's digest, and the one value that is written after training."""

from pathlib import Path

from inpainting.core.files import folder_digest, read_json, write_json

LORA_FILE, WIDENED_FILE = "pytorch_lora_weights.safetensors", "widened.safetensors"
PROMPT_FILE, CONFIG_FILE = "prompt.safetensors", "inpainting.json"
ADAPTER_FILES = (LORA_FILE, WIDENED_FILE, PROMPT_FILE, CONFIG_FILE)


def adapter_files(folder: Path) -> list[str]:
    """Sorted names of the adapter's files in a folder; other files there, such as Snakemake's, are ignored."""
    return sorted(name for name in ADAPTER_FILES if (folder / name).is_file())


def adapter_digest(folder: Path) -> str:
    """SHA-256 over the adapter's own files, in hex; other files in the folder do not change it."""
    return folder_digest(folder, ADAPTER_FILES)


def write_sampling_steps(folder: Path, steps: int) -> None:
    """Store the number of denoising steps that validation chose in the adapter's configuration."""
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | {"sampling_steps": steps})
