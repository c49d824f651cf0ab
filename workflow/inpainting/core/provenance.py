"""Provenance of results: settings, seed, versions, digests of inputs; no times, so equal runs write equal bytes."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("inpainting", "torch", "diffusers", "peft", "accelerate", "numpy", "scikit-image", "snakemake")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect results."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def describe(shaping: Mapping[str, Any], inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The provenance stored with a result: the settings that affect it, versions, and digests of its inputs.

    shaping: from `Settings.shaping`, seed included; output paths and execution settings are not part of it. inputs:
    SHA-256 by the input's name.
    """
    return {"settings": dict(shaping), "versions": versions(), "inputs": dict(inputs or {})}
