"""The table of experiments: what each overrides in the training section, its seed, and which are repeats of one."""

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
from inpainting.stages.evaluation.settings import NAME
from inpainting.stages.training.settings import TrainSettings


@dataclass(frozen=True)
class Experiment:
    """A training that is compared with others."""

    training: TrainSettings
    seed: int
    group: str
    """What the tables call it: the name that it shares with trainings that differ from it in their seeds alone, or its
    own."""


def read_experiments(path: Path, training: TrainSettings, seed: int) -> dict[str, Experiment]:
    """Every experiment by its name, in the table's order: `training` with its overrides, and its own `seed=` or `seed`.

    Raises UsageError when the table is not there, names an experiment twice or overrides what there is not, and for a
    group whose trainings differ in more than their seeds, or not at all, or that is called as an experiment outside it.
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
        raise UsageError(f"{path}: its columns should be experiment, overrides, description and, if any, group")
    twice = table["experiment"][table["experiment"].duplicated()]
    if not twice.empty:
        raise UsageError(f"{path}: the experiment {twice.iloc[0]} is there twice; give each a name of its own")
    for name in [*table["experiment"], *(table["group"].dropna() if "group" in table else ())]:
        if name in METHODS:
            raise UsageError(f"{path}: {name} is another method's name; call the experiment otherwise")
        if not re.fullmatch(NAME, str(name)):
            raise UsageError(f"{path}: the name {name} should be made of letters, digits, '_', '.' and '-'")
    return table


def _overridden(row: Any, path: Path, training: TrainSettings, seed: int) -> tuple[TrainSettings, int]:
    """A row's settings, and the seed of its training."""
    values = dict(pair.partition("=")[::2] for pair in row.overrides.split()) if isinstance(row.overrides, str) else {}
    own = values.pop("seed", str(seed))
    if not own.isdecimal():
        raise UsageError(f"{path}, experiment {row.experiment}: seed: {own} was given, but it should be a number")
    defaults = training.model_dump()
    lists = {name: value.split(",") for name, value in values.items() if isinstance(defaults.get(name), tuple)}
    try:
        return TrainSettings(**{**defaults, **values, **lists}), int(own)
    except ValidationError as error:
        sentences = error_sentences(error, TrainSettings, option=False)
        raise UsageError(f"{path}, experiment {row.experiment}: {'; '.join(sentences)}") from error


def _check_groups(path: Path, experiments: dict[str, Experiment]) -> None:
    for group in sorted({experiment.group for experiment in experiments.values()}):
        first, *others = [experiment for experiment in experiments.values() if experiment.group == group]
        if group in experiments and experiments[group].group != group:
            raise UsageError(f"{path}: the group {group} is called as an experiment outside it; name it otherwise")
        if any(other.training != first.training for other in others):
            raise UsageError(f"{path}: the experiments of the group {group} differ in more than their seed")
        if len({first.seed, *(other.seed for other in others)}) <= len(others):
            raise UsageError(f"{path}: two experiments of the group {group} have the same seed; vary `seed=`")
