"""Numbers that are held: how they are kept on disk, compared, and written anew on purpose."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Number = float | int | str
Numbers = dict[str, Number]

VERSION = "version"
"""What the version of the files that hold the numbers is called among them."""


@dataclass(frozen=True)
class Golden:
    """The numbers on disk, a file per stage, and whether they are to be written anew."""

    folder: Path
    renew: bool

    def hold(self, stage: str, version: int, numbers: Numbers, relative: float, absolute: float = 0.0) -> None:
        """Fail, naming each, where numbers are not those on disk, or are of another version.

        Floats may differ by `relative` of the larger, or by `absolute`; whole numbers and text not at all. version:
        that of the files that hold the numbers. Numbers that moved are written anew only under another version.
        """
        path = self.folder / f"{stage}.json"
        golden: Numbers = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        moved = differences(golden, {VERSION: version, **numbers}, relative, absolute)
        on_purpose = version != golden.get(VERSION) or all(": is new" in line for line in moved)
        if self.renew and on_purpose:
            written = {VERSION: version, **{name: rounded(value) for name, value in numbers.items()}}
            path.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        elif moved:
            pytest.fail(
                f"{len(moved)} of the {len(golden)} numbers in {path.name} moved:\n  "
                + "\n  ".join(moved)
                + "\nIf that was on purpose, raise the version of the files that hold these numbers, say why in the "
                "commit, and write them anew: pytest tests/golden --renew-golden",
                pytrace=False,
            )


def differences(golden: Numbers, found: Numbers, relative: float, absolute: float) -> list[str]:
    """A line for each number that is another, is no longer there, or is new."""
    lines = []
    for name in sorted({*golden, *found}):
        if name not in found:
            lines.append(f"{name}: was {golden[name]}, is no longer there")
        elif name not in golden:
            lines.append(f"{name}: is new, {rounded(found[name])}")
        elif not same(golden[name], found[name], relative, absolute):
            lines.append(f"{name}: from {golden[name]} to {rounded(found[name])}")
    return lines


def same(old: Number, new: Number, relative: float, absolute: float) -> bool:
    """Whether two numbers are the same within a tolerance; whole numbers and text exactly."""
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=relative, abs_tol=absolute)
    return old == new and type(old) is type(new)


def rounded(value: Number) -> Number:
    """Six significant digits, so that what is written does not change with every machine that writes it."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def statistics(values: NDArray[np.generic]) -> Numbers:
    """Mean, spread, range, and the first entry of each quarter."""
    exact = np.asarray(values, np.float64)
    entries = {f"entry {at}": float(exact.flat[at]) for at in range(0, exact.size, -(-exact.size // 4))}
    return {
        "mean": float(exact.mean()),
        "std": float(exact.std()),
        "min": float(exact.min()),
        "max": float(exact.max()),
        **entries,
    }


def named(prefix: str, numbers: Numbers) -> Numbers:
    """The numbers with a prefix to their names."""
    return {f"{prefix}/{name}": value for name, value in numbers.items()}
