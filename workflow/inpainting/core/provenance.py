"""Where a result comes from: settings, seed, versions, digests of inputs. No times: same run, same bytes."""

import platform
from collections.abc import Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inpainting.core.settings import Settings

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


def describe(
    settings: Settings, inputs: Mapping[str, str] | None = None, leave_out: Collection[str] = ()
) -> dict[str, Any]:
    """The provenance that a result carries: the step's settings (seed included), versions and digests of its inputs.

    `leave_out`: settings that do not shape the result (where it is written, how many workers), so that its bytes do not
    depend on them.
    """
    shaping = settings.model_dump(mode="json", exclude=set(leave_out))
    return {"settings": shaping, "versions": versions(), "inputs": dict(inputs or {})}
