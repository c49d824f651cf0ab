"""Where a result comes from: settings, seed, versions, digests of inputs and code. No times: same run, same bytes."""

import hashlib
import platform
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from inpainting.settings import Settings

PACKAGES = ("inpainting", "torch", "diffusers", "peft", "accelerate", "numpy", "scikit-image", "snakemake")
PACKAGE_FOLDER = Path(__file__).parent


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape results."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def code_digest(*rooms: str) -> str:
    """Digest (12 hex digits) of the source of some rooms: files or subpackages, relative to this package.

    A rule gives it as a parameter, so that an edit to the code that shapes an output, and no other, runs it again.
    """
    digest = hashlib.sha256()
    for room in rooms:
        place = PACKAGE_FOLDER / room
        paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for path in paths:
            digest.update(path.relative_to(PACKAGE_FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def describe(
    settings: Settings, inputs: Mapping[str, str] | None = None, leave_out: Collection[str] = ()
) -> dict[str, Any]:
    """The provenance that a result carries: the step's settings (seed included), versions and digests of its inputs.

    `leave_out`: settings that do not shape the result (where it is written, how many workers), so that its bytes do not
    depend on them.
    """
    shaping = settings.model_dump(mode="json", exclude=set(leave_out))
    return {"settings": shaping, "versions": versions(), "inputs": dict(inputs or {})}
