"""Snakemake's linter finds nothing but what is so on purpose."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

NO_SOFTWARE = "Specify a conda environment or container for each rule."
"""Rules run the `inpaint` of the installation that runs Snakemake, whose Snakefile imports the same package."""


def test_the_workflow_has_no_lint_but_that_rules_bring_no_software() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr
    assert set(re.findall(r"^    \* (.*):$", told, re.MULTILINE)) == {NO_SOFTWARE}
