"""The same training repeated with other seeds, as one method of the tables.

Scores are averaged over a group's trainings sequence by sequence, and the sequences are then treated as for any method:
a training that happened to go well is not picked, and does not count as further sequences.
"""

import math

import pandas as pd

from inpainting.artifacts.method_kinds import ADAPTER
from inpainting.core.errors import InputError
from inpainting.stages.evaluation.comparison import SCORES, mean_scores

REPEATS = ("method", "experiment", *SCORES)
"""A row per training: the method that the tables count it to, and its own means over sequences, raw output."""


def members_of(methods: list[str], groups: dict[str, str]) -> dict[str, list[str]]:
    """The results that make each method of the tables: those of a group, or its own alone.

    groups: group by experiment. Raises InputError for a group that bears the name of results outside it.
    """
    members: dict[str, list[str]] = {}
    for method in methods:
        members.setdefault(groups.get(method, method), []).append(method)
    for group, its in members.items():
        if group in methods and group not in groups and its != [group]:
            raise InputError(f"--groups: {group} is the name of results outside the group; name the group otherwise")
    return members


def average_repeats(sequences: pd.DataFrame, members: dict[str, list[str]]) -> pd.DataFrame:
    """Scores of sequences (`aggregate.per_sequence`) by the tables' methods: means over the results that make each.

    PSNR is averaged in dB; `capped` says whether any of a sequence's was.
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
    """A row per training with the columns REPEATS, so that what an average is made of can be seen."""
    raw = sequences[sequences["output"] == "raw"]
    rows = []
    for method, its in members.items():
        for experiment in its if kinds[method] == ADAPTER else ():
            scores = mean_scores(raw[raw["method"] == experiment], seed)
            rows.append({"method": method, "experiment": experiment, **scores})
    return pd.DataFrame(rows, columns=list(REPEATS))


def spread(sequences: pd.DataFrame, members: list[str]) -> float:
    """Standard deviation over trainings of their mean PSNR in the mask, in dB; NaN for a single one."""
    if len(members) < 2:
        return math.nan
    raw = sequences[(sequences["output"] == "raw") & sequences["method"].isin(members)]
    return float(raw.groupby("method")["psnr_mask"].mean().std(ddof=1))
