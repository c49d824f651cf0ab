"""The files of an adapter's folder, and what is written into one of them without a model being loaded."""

from pathlib import Path
from typing import Any

from inpainting.core.files import read_json, write_json

LORA_FILE, WIDENED_FILE = "pytorch_lora_weights.safetensors", "widened.safetensors"
PROMPT_FILE, CONFIG_FILE = "prompt.safetensors", "inpainting.json"


def write_findings(folder: Path, sampling_steps: int, fill_trust: dict[str, Any] | None) -> None:
    """Write into the adapter's configuration what validation found: see `AdapterConfig`."""
    found = {"sampling_steps": sampling_steps, "fill_trust": fill_trust}
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | found)
