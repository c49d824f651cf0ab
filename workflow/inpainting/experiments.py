"""The table of experiments: each one's overrides of the training section, its seed and its group of repeats."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from inpainting.core.errors import InputError, UsageError
from inpainting.core.settings import error_sentences
from inpainting.core.tables import read_written_table
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.evaluation.settings import NAME, NAME_RULE
from inpainting.stages.training.settings import TrainSettings


@dataclass(frozen=True)
class Experiment:
    """One of the trainings that are compared."""

    training: TrainSettings
    seed: int
    group: str
    """Name in the tables: shared by trainings that differ only in their seed, else the experiment's own name."""


def read_experiments(path: Path, training: TrainSettings, seed: int) -> dict[str, Experiment]:
    """Read the experiments by name, in the table's order: `training` with overrides, and the row's `seed=` or `seed`.

    Raises UsageError if the table does not exist, has an experiment twice or overrides an unknown setting; also if
    trainings of a group differ in more than their seeds or share a seed, or a group has the name of an experiment
    outside it.
    """
    rows = _rows(path)
    experiments = {
        row["experiment"]: Experiment(*_overridden(row, path, training, seed), row["group"] or row["experiment"])
        for row in rows
    }
    _check_groups(path, experiments)
    return experiments


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise UsageError(f"experiments: {path} does not exist; give a table of experiment, overrides, description")
    try:
        rows = read_written_table(path, ("experiment", "overrides"), ("description", "group"))
    except InputError as error:
        raise UsageError(f"experiments: {error}") from error
    if not rows:
        raise UsageError(f"{path} names no experiment; add a row, or set experiments to null to train nothing")
    names = [row["experiment"] for row in rows]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"{path}: the experiment {twice[0]} occurs twice; names should be unique")
    for name in [*names, *filter(None, (row["group"] for row in rows))]:
        if name in METHODS:
            raise UsageError(f"{path}: {name} is another method's name; rename the experiment")
        if not re.fullmatch(NAME, name):
            raise UsageError(f"{path}: the name {name} {NAME_RULE}")
    return rows


def _overridden(row: dict[str, str], path: Path, training: TrainSettings, seed: int) -> tuple[TrainSettings, int]:
    """A row's training settings and its seed."""
    pairs = [pair.partition("=")[::2] for pair in row["overrides"].split()]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise UsageError(f"{path}, experiment {row['experiment']}: a setting is overridden twice; give it once")
    own = values.pop("seed", str(seed))
    if not own.isdecimal():
        raise UsageError(f"{path}, experiment {row['experiment']}: seed: {own} was given, but it should be a number")
    lists = {name: value.split(",") for name, value in values.items() if isinstance(getattr(training, name, 0), tuple)}
    try:
        # What was not set keeps its default, which may follow an overridden setting.
        return TrainSettings(**{**training.model_dump(exclude_unset=True), **values, **lists}), int(own)
    except ValidationError as error:
        sentences = error_sentences(error, TrainSettings, option=False)
        raise UsageError(f"{path}, experiment {row['experiment']}: {'; '.join(sentences)}") from error


def _check_groups(path: Path, experiments: dict[str, Experiment]) -> None:
    for group in sorted({experiment.group for experiment in experiments.values()}):
        first, *others = [experiment for experiment in experiments.values() if experiment.group == group]
        if group in experiments and experiments[group].group != group:
            raise UsageError(f"{path}: the group {group} has the name of an experiment outside it; rename the group")
        if any(other.training != first.training for other in others):
            raise UsageError(f"{path}: the experiments of the group {group} should differ only in their seed")
        if len({first.seed, *(other.seed for other in others)}) <= len(others):
            raise UsageError(
                f"{path}: two experiments of the group {group} have the same seed; give each its own `seed=`"
            )
