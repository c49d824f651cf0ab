"""The files of an adapter's folder: which they are, their digest, and what is written into one of them later."""

from pathlib import Path

from inpainting.core.files import folder_digest, read_json, write_json

LORA_FILE, WIDENED_FILE = "pytorch_lora_weights.safetensors", "widened.safetensors"
PROMPT_FILE, CONFIG_FILE = "prompt.safetensors", "inpainting.json"
ADAPTER_FILES = (LORA_FILE, WIDENED_FILE, PROMPT_FILE, CONFIG_FILE)


def adapter_files(folder: Path) -> list[str]:
    """Names of the adapter's files that a folder holds, sorted; what others put there is not the adapter's."""
    return sorted(name for name in ADAPTER_FILES if (folder / name).is_file())


def adapter_digest(folder: Path) -> str:
    """Digest of an adapter, by which results name it: of its own files, whatever else lies in the folder."""
    return folder_digest(folder, ADAPTER_FILES)


def write_sampling_steps(folder: Path, steps: int) -> None:
    """Write the number of denoising steps that validation chose into the adapter's configuration."""
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | {"sampling_steps": steps})
