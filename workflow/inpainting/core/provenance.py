"""Where a result comes from: settings, seed, versions, digests of inputs. No times: same run, same bytes."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("inpainting", "torch", "diffusers", "peft", "accelerate", "numpy", "scikit-image", "snakemake")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape results."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def describe(shaping: Mapping[str, Any], inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The provenance that a result carries: the settings that shaped it, versions, and digests of its inputs.

    shaping: of `Settings.shaping`, seed included. Where the result lies and how fast it was made change no byte of it.
    """
    return {"settings": dict(shaping), "versions": versions(), "inputs": dict(inputs or {})}
