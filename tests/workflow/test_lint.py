"""What `snakemake --lint` says of the workflow."""

import re
import subprocess
import sys

from snakemake_runs import ROOT

BY_DESIGN = {"Specify a conda environment or container for each rule."}
"""The Snakefile imports the package: whatever runs it has the environment of its jobs, one for all rules."""


def test_the_workflow_is_clean_but_for_what_is_so_by_design() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lints = re.findall(r"^    \* (.*?):\n", done.stderr, re.MULTILINE)
    assert lints, done.stderr  # it did look
    assert set(lints) <= BY_DESIGN, done.stderr
