"""benchmarks/on_gpu.sh, rehearsed at nano size on the CPU."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "on_gpu.sh"
STEPS = re.findall(r"^step (\S+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
TRAININGS = {name for name in STEPS if name.startswith("train-")}

pytestmark = pytest.mark.slow


def on_gpu(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the script; nothing is compiled, which another test does."""
    environment = {**os.environ, "PYTHON": sys.executable, "TORCH_COMPILE_DISABLE": "1"}
    return subprocess.run(["bash", str(SCRIPT), *options], capture_output=True, text=True, env=environment)


def rows(out: Path) -> dict[str, list[str]]:
    """The cells of the table by the name of their row: seconds, windows/s and so on."""
    lines = [line for line in (out / "table.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {name: rest for name, *rest in cells}


def test_all_steps_run_at_nano_size_and_every_row_has_its_numbers(tmp_path: Path) -> None:
    done = on_gpu("--size", "nano", "--out", str(tmp_path), "--minutes", "60")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    table = rows(tmp_path)
    assert table.keys() >= set(STEPS)
    assert all(float(table[name][0]) >= 0 for name in STEPS)
    steps = {step["name"]: step for step in json.loads((tmp_path / "figures.json").read_text())["steps"]}
    assert all(step["state"] == "done" for step in steps.values())
    assert all(row["seconds"] > 0 for name in TRAININGS for row in steps[name]["rows"])
    assert all(steps[name]["rows"] for name in (*TRAININGS, "speed-transformer", "speed-vae"))
    assert all(row["seconds"] > 0 for row in steps["speed-vae"]["rows"])
    logs = (tmp_path / "logs.txt").read_text()
    assert "pytorch_lora_weights the same bytes; widened the same bytes" in logs
    assert "stopped by SIGTERM" in logs


def test_steps_without_time_are_listed_and_fail_the_whole(tmp_path: Path) -> None:
    done = on_gpu("--size", "nano", "--out", str(tmp_path), "--minutes", "0")
    assert done.returncode == 1
    assert {name: cells[-1] for name, cells in rows(tmp_path).items()} == dict.fromkeys(STEPS, "not run: out of time")


def test_a_failed_step_shows_the_last_line_of_its_log_and_the_others_go_on(tmp_path: Path) -> None:
    records = tmp_path / "work" / "records"
    records.mkdir(parents=True)
    (records / "base.log").write_text("Traceback (most recent call last):\nRuntimeError: no space left\n")
    table = [sys.executable, str(SCRIPT.parent / "on_gpu_table.py")]
    subprocess.run([*table, "record", str(records), "base", "1.0", "3.5", "1", "0", "nano", "cp a b"], check=True)
    done = on_gpu("--size", "nano", "--out", str(tmp_path), "--minutes", "0")
    found = rows(tmp_path)
    assert done.returncode == 1
    assert found["base"][0] == "2.5"
    assert found["base"][-1] == "failed: RuntimeError: no space left"
    assert found["audit"][-1] == "not run: out of time"


def test_a_dry_run_counts_the_weights_of_the_real_model(tmp_path: Path) -> None:
    done = on_gpu("--dry", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "transformer: 1.694 B weights\nvae: 0.216 B weights\n" in done.stdout
    assert all(f"\n{name}, " in done.stdout for name in STEPS)
