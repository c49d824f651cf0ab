"""Running Snakemake in a folder with a configuration of its own."""

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def snakemake(folder: Path, *options: str) -> list[str]:
    """The command line of a run in `folder`."""
    snakefile = ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "workflow/profiles/default")]
    run = [*snakefile, "--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--cores", "2"]
    return [sys.executable, "-m", "snakemake", *run, *options]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever that is."""
    return subprocess.run(snakemake(folder, *options), capture_output=True, text=True, check=False)


def configure(folder: Path, **changes: object) -> None:
    """Write config.yaml: what is there already, and changes to its sections."""
    path = folder / "config.yaml"
    values = yaml.safe_load(path.read_text()) if path.is_file() else {}
    for section, change in changes.items():
        both = isinstance(change, dict) and isinstance(values.get(section), dict)
        values[section] = values[section] | change if both else change
    path.write_text(yaml.safe_dump(values))
