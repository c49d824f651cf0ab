"""The table of experiments: each one's overrides of the training section, its seed and its group of repeats."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from inpainting.core.errors import UsageError
from inpainting.core.files import read_table
from inpainting.core.settings import error_sentences
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
    groups = rows["group"].fillna(rows["experiment"]) if "group" in rows else rows["experiment"]
    experiments = {
        str(row.experiment): Experiment(*_overridden(row, path, training, seed), str(group))
        for row, group in zip(rows.itertuples(), groups, strict=True)
    }
    _check_groups(path, experiments)
    return experiments


def _rows(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UsageError(f"experiments: {path} does not exist; give a table of experiment, overrides, description")
    try:
        table = read_table(path)
    except ValueError as error:
        raise UsageError(f"experiments: {path} can't be read as a table ({error})") from error
    if list(table.columns[:2]) != ["experiment", "overrides"]:
        raise UsageError(f"{path}: the columns should be experiment, overrides, description and, optionally, group")
    twice = table["experiment"][table["experiment"].duplicated()]
    if not twice.empty:
        raise UsageError(f"{path}: the experiment {twice.iloc[0]} occurs twice; names should be unique")
    for name in [*table["experiment"], *(table["group"].dropna() if "group" in table else ())]:
        if name in METHODS:
            raise UsageError(f"{path}: {name} is another method's name; rename the experiment")
        if not re.fullmatch(NAME, str(name)):
            raise UsageError(f"{path}: the name {name} {NAME_RULE}")
    return table


def _overridden(row: Any, path: Path, training: TrainSettings, seed: int) -> tuple[TrainSettings, int]:
    """A row's training settings and its seed."""
    values = dict(pair.partition("=")[::2] for pair in row.overrides.split()) if isinstance(row.overrides, str) else {}
    own = values.pop("seed", str(seed))
    if not own.isdecimal():
        raise UsageError(f"{path}, experiment {row.experiment}: seed: {own} was given, but it should be a number")
    lists = {name: value.split(",") for name, value in values.items() if isinstance(getattr(training, name, 0), tuple)}
    try:
        # What was not set keeps its default, which may follow an overridden setting.
        return TrainSettings(**{**training.model_dump(exclude_unset=True), **values, **lists}), int(own)
    except ValidationError as error:
        sentences = error_sentences(error, TrainSettings, option=False)
        raise UsageError(f"{path}, experiment {row.experiment}: {'; '.join(sentences)}") from error


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
