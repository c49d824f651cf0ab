"""The files of an adapter's folder, and what is written into one of them without a model being loaded."""

from pathlib import Path

from inpainting.core.files import read_json, write_json

LORA_FILE, WIDENED_FILE = "pytorch_lora_weights.safetensors", "widened.safetensors"
PROMPT_FILE, CONFIG_FILE = "prompt.safetensors", "inpainting.json"


def write_sampling_steps(folder: Path, steps: int) -> None:
    """Write the number of denoising steps that validation chose into the adapter's configuration."""
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | {"sampling_steps": steps})
