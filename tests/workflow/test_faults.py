"""A run that is disturbed, and then resumed, ends with the same results or with one clear error.

    FAULTS=200 FAULT_TABLE=faults.tsv .venv/bin/pytest tests/workflow/test_faults.py

tries more faults, in all stages, and writes a line about each: number, fault, stage, outcome.
"""

import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fault_trials import Trial, outcome
from faults import FAULTS, stages_of

TRIES = int(os.environ.get("FAULTS", len(FAULTS)))
"""By default, each fault once, in one of the stages that load no model: these take the least time."""
FAST = {"dataset", "tables", "report"}


def try_one(finished: Path, folder: Path, number: int) -> tuple[str, str, str]:
    """The fault, the stage and the outcome of a numbered try."""
    rng = random.Random(number)
    name = list(FAULTS)[number % len(FAULTS)]
    stages = stages_of(name)
    stage = rng.choice(stages if "FAULTS" in os.environ else [stage for stage in stages if stage in FAST])
    try:
        trial = Trial(finished, folder, stage, rng)
        found = outcome(trial, FAULTS[name](trial))
    except Exception as error:
        return name, stage, f"FAILED {error!r}"
    shutil.rmtree(folder)
    return name, stage, found


@pytest.mark.slow
@pytest.mark.timeout(20 * 60 + 60 * TRIES)
def test_after_any_fault_a_run_ends_in_the_same_results(finished: Path, tmp_path: Path) -> None:
    table = Path(os.environ.get("FAULT_TABLE", tmp_path / "faults.tsv"))
    with ThreadPoolExecutor(2) as pool, table.open("a") as stream:
        rows = pool.map(lambda number: try_one(finished, tmp_path / str(number), number), range(TRIES))
        for number, row in enumerate(rows):
            stream.write("\t".join([str(number), *row]).replace("\n", "\\n") + "\n")
            stream.flush()
    failed = [line for line in table.read_text().splitlines() if "\tFAILED " in line]
    assert not failed, "\n".join(failed).replace("\\n", "\n")
