"""Golden numbers: how they are stored, compared and, on purpose, written again."""

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
"""The key of the version, among the numbers, of the files that they come from."""


@dataclass(frozen=True)
class Golden:
    """The numbers on disk, a file per stage; renew: whether to write them again."""

    folder: Path
    renew: bool

    def check(self, stage: str, version: int, numbers: Numbers, relative: float, absolute: float = 0.0) -> None:
        """Fail if a number or the version differs from the file on disk, and list all differences.

        Floats may differ by `relative` times the larger, or by `absolute`; integers and text not at all. version: that
        of the files that the numbers come from. Numbers that moved are written again only with another version; with
        the same one, new numbers are added and the others keep the rounding of the machine that wrote them.
        """
        path = self.folder / f"{stage}.json"
        golden: Numbers = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        moved = differences(golden, {VERSION: version, **numbers}, relative, absolute)
        on_purpose = version != golden.get(VERSION) or all(": is new" in line for line in moved)
        if self.renew and moved and on_purpose:
            kept = golden if version == golden.get(VERSION) else {}
            written = {VERSION: version, **{name: kept.get(name, rounded(value)) for name, value in numbers.items()}}
            path.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        elif moved:
            pytest.fail(
                f"{len(moved)} of the {len(golden)} numbers in {path.name} moved:\n  "
                + "\n  ".join(moved)
                + "\nIf that was on purpose, raise the version of the files that these numbers come from, say why in "
                "the commit, and write the numbers again: pytest tests/golden --renew-golden",
                pytrace=False,
            )


def differences(golden: Numbers, found: Numbers, relative: float, absolute: float) -> list[str]:
    """A line for each number that moved, is missing or is new."""
    lines = []
    for name in sorted({*golden, *found}):
        if name not in found:
            lines.append(f"{name}: was {golden[name]}, is missing")
        elif name not in golden:
            lines.append(f"{name}: is new, {rounded(found[name])}")
        elif not same(golden[name], found[name], relative, absolute):
            lines.append(f"{name}: from {golden[name]} to {rounded(found[name])}")
    return lines


def same(old: Number, new: Number, relative: float, absolute: float) -> bool:
    """Whether two numbers are equal: floats within a tolerance, integers and text exactly."""
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=relative, abs_tol=absolute)
    return old == new and type(old) is type(new)


def rounded(value: Number) -> Number:
    """Floats with six significant digits, so that fewer digits change from machine to machine."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def statistics(values: NDArray[np.generic]) -> Numbers:
    """Mean, standard deviation, range, and the first entry of each quarter."""
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
    """The numbers with a prefix before their names."""
    return {f"{prefix}/{name}": value for name, value in numbers.items()}
