"""What validation chose for an adapter, kept in its configuration; apart, since choosing needs no model loaded."""

from pathlib import Path

from inpainting.files import read_json, write_json

CONFIG_FILE = "inpainting.json"
"""The adapter's configuration, an `AdapterConfig`."""


def write_sampling_steps(folder: Path, steps: int) -> None:
    """Write into the adapter's configuration with how many denoising steps it does best."""
    write_json(folder / CONFIG_FILE, read_json(folder / CONFIG_FILE) | {"sampling_steps": steps})
