"""Commands, files and links in the README exist."""

import re
import shlex
from pathlib import Path

import pytest
from inpainting.cli import COMMANDS, parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINES = [line.strip() for line in README.splitlines() if line.startswith("    ") and line.strip()]


@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if line.startswith(".venv/bin/inpaint ")])
def test_inpaint_commands_are_understood(line: str) -> None:
    _, step, *options = shlex.split(line)
    if step != "--help":
        parse(step, options)


@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if line.startswith("make ")])
def test_make_targets_exist(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_steps_of_the_table_are_commands() -> None:
    section = README.split("## Each step alone")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    steps = {step for row in rows for step in re.findall(r"`([a-z-]+)`", row)}
    assert steps - {"draw-"} <= set(COMMANDS)
    assert {"audit", "split", "encode", "train", "validate", "evaluate", "run"} <= steps


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_linked_files_exist(target: str) -> None:
    assert target.startswith("http") or (ROOT / target).exists()


@pytest.mark.parametrize("profile", re.findall(r"workflow/profiles/\w+(?= *$|/)", README, re.MULTILINE))
def test_profiles_exist(profile: str) -> None:
    assert (ROOT / profile / "config.yaml").is_file()
