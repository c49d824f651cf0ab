"""Records of the steps of `on_gpu.sh`, and their table.

    python benchmarks/on_gpu_table.py record FOLDER NAME BEGAN ENDED CODE EXPECTED SIZE COMMAND
    python benchmarks/on_gpu_table.py write FOLDER OUT

FOLDER/NAME.log is a step's log, FOLDER/NAME.facts.json has its own measurements, and FOLDER/NAME.json becomes its
record. table.md, figures.json and logs.txt are written to OUT.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

NEEDED = {"2b": {"forward": 99.7, "step": 260.0, "encode": 132.0, "decode": 280.0}, "nano": {}}
"""TFLOP for a window of 49 x 480 x 640, counted on meta tensors for CogVideoX-2b. The training step is with a frozen
base and excludes what gradient checkpointing recomputes."""

COLUMNS = ("what", "seconds", "windows/s", "TFLOP/s", "of peak", "GPU GiB", "host GiB", "note")
TIMED_OUT = (124, 137)


def record(folder: Path, name: str, began: str, ended: str, code: str, expected: str, size: str, command: str) -> None:
    """Write the record of a step and print it on one line. code: its exit code, "-" if it was not run."""
    log, facts = folder / f"{name}.log", folder / f"{name}.facts.json"
    found = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {}
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    about: dict[str, Any] = {"name": name, "size": size, "began": float(began), "command": command, **found}
    if code == "-":
        about |= {"state": "not run", "said": "out of time"}
    else:
        good = code in expected.split("|") and "Traceback (most recent call last)" not in text
        about |= {"state": "done" if good else "failed", "code": int(code), "seconds": float(ended) - float(began)}
        last = re.sub(r"^\d\d:\d\d:\d\d ", "", lines[-1]) if lines else ""
        about["said"] = f"timed out: {last}" if int(code) in TIMED_OUT else last
    (folder / f"{name}.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    shown = f"{about['seconds']:.1f} s" if "seconds" in about else "-"
    peak = _number(about.get("peak_gib"), 1) or "-"
    print(f"{about['state']:8} {name:26} {shown:>8} {peak:>6} GiB  {note(about)[:120]}")
    for row in about.get("rows", []):
        seconds, peak = _number(row.get("seconds"), 3) or "-", _number(row.get("peak_gib"), 1) or "-"
        print(f"{seconds:>42} s {peak:>6} GiB  {row['what']}: {row.get('note', '')[:80]}")


def write(folder: Path, out: Path) -> int:
    """Write table, figures and logs. Returns 1 if a step failed or was not run, otherwise 0."""
    paths = [path for path in folder.glob("*.json") if not path.name.endswith(".facts.json")]
    records = sorted((json.loads(path.read_text(encoding="utf-8")) for path in paths), key=lambda about: about["began"])
    machine = next((about["machine"] for about in records if "machine" in about), {})
    peak = machine.get("peak_tflops")
    rows = [row for about in records for row in rows_of(about, peak)]
    lines = [f"# {machine.get('device', 'unknown device')}", ""]
    lines += [f"- {name}: {value}" for name, value in machine.items() if value is not None]
    lines += ["", _line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line([row[c] for c in COLUMNS]) for row in rows)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "figures.json").write_text(json.dumps({"machine": machine, "steps": records}, indent=1), encoding="utf-8")
    logs = [f"{'=' * 20} {about['name']}: {about['command']}\n{_log(folder, about['name'])}\n" for about in records]
    (out / "logs.txt").write_text("\n".join(logs), encoding="utf-8")
    return int(any(about["state"] != "done" for about in records))


def rows_of(about: dict[str, Any], peak: float | None) -> list[dict[str, str]]:
    """A step's row, followed by the rows of its measurements."""
    needed = NEEDED[about["size"]]
    own = {**about, "what": about["name"], "note": note(about), "windows": None}
    return [_row(own, needed, peak), *(_row(row, needed, peak) for row in about.get("rows", []))]


def _row(about: dict[str, Any], needed: dict[str, float], peak: float | None) -> dict[str, str]:
    seconds, windows = about.get("seconds"), about.get("windows")
    tflop = about.get("tflop") or (needed.get(about.get("work", ""), 0) * windows if windows else 0)
    rate = tflop / seconds if seconds else None
    inner = "" if "state" in about else "· "
    cells = {
        "what": inner + about["what"],
        "seconds": _number(seconds, 3 if inner else 1),
        "windows/s": _number(windows / seconds if seconds and windows else None, 3),
        "TFLOP/s": _number(rate or None, 1),
        "of peak": f"{rate / peak:.1%}" if rate and peak else "",
        "GPU GiB": _number(about.get("peak_gib"), 1),
        "host GiB": _number(about.get("host_gib"), 1),
        "note": about.get("note", ""),
    }
    return {name: cell.replace("|", "/") for name, cell in cells.items()}


def note(about: dict[str, Any]) -> str:
    """The note of a step: its own, and the last line of its log if it failed."""
    said = [about["note"]] if "note" in about else []
    if about["state"] != "done":
        said.append(f"{about['state']}: {about['said'][:200]}")
    elif about["code"] or not (said or about.get("rows")):
        said.append(about["said"][:200])
    return "; ".join(said)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _log(folder: Path, name: str) -> str:
    path = folder / f"{name}.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(Path(sys.argv[2]), *sys.argv[3:])
    else:
        sys.exit(write(Path(sys.argv[2]), Path(sys.argv[3])))
