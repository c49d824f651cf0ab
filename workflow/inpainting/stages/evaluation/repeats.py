"""Trainings repeated with other seeds, which the tables treat as one method.

Scores are averaged over the trainings of a group sequence by sequence. The averages are then treated like the scores of
any method, so that no lucky training is picked and repeats do not count as additional sequences.
"""

import math

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER
from inpainting.core.errors import InputError
from inpainting.stages.evaluation.comparison import MEAN_COLUMNS, mean_scores

REPEATS = ("method", "experiment", *MEAN_COLUMNS)
"""A row per training: its method in the tables, and its own means over sequences (raw output)."""


def members_of(methods: list[str], groups: dict[str, str]) -> dict[str, list[str]]:
    """The results that each method of the tables averages: those of a group, or a single one.

    groups: group by experiment. Raises InputError if a group has the name of results outside it.
    """
    members: dict[str, list[str]] = {}
    for method in methods:
        members.setdefault(groups.get(method, method), []).append(method)
    for group, its in members.items():
        if group in methods and group not in groups and its != [group]:
            raise InputError(
                f"--groups: {group} is also the name of results outside the group; give the group another name"
            )
    return members


def average_repeats(sequences: pd.DataFrame, members: dict[str, list[str]]) -> pd.DataFrame:
    """Scores of sequences (`aggregate.per_sequence`) averaged over the members of each method.

    PSNR is averaged in dB; `capped` is true if it is true for any member.
    """
    group_of = {member: group for group, its in members.items() for member in its}
    named = sequences.assign(method=sequences["method"].map(group_of))
    numbers = [name for name in named.columns if name not in ("method", "sequence", "output", "capped")]
    groups = named.groupby(["method", "sequence", "output"], sort=True)
    averaged = groups[numbers].mean().assign(capped=groups["capped"].any()).reset_index()
    return averaged.astype({name: sequences[name].dtype for name in ("frames", "masked_frames", "mask_pixels")})


def repeat_table(
    sequences: pd.DataFrame, members: dict[str, list[str]], kinds: dict[str, str], seed: int
) -> pd.DataFrame:
    """A row per training of an adapter, with the columns REPEATS."""
    raw = sequences[sequences["output"] == "raw"]
    rows = []
    for method, its in members.items():
        for experiment in its if kinds[method] == ADAPTER else ():
            scores = mean_scores(raw[raw["method"] == experiment], seed)
            rows.append({"method": method, "experiment": experiment, **scores})
    return pd.DataFrame(rows, columns=list(REPEATS))


def training_deviation(sequences: pd.DataFrame, members: list[str]) -> float:
    """Standard deviation over trainings of their mean PSNR inside the mask, in dB; NaN for a single training."""
    if len(members) < 2:
        return math.nan
    raw = sequences[(sequences["output"] == "raw") & sequences["method"].isin(members)]
    return float(raw.groupby("method")["psnr_mask"].mean().std(ddof=1))
