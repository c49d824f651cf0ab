"""Scores from people's choices, beside the scores that are computed."""

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.metrics.aggregate import interval_columns


def with_preference(comparison: pd.DataFrame, judged: pd.DataFrame, group_of: dict[str, str]) -> pd.DataFrame:
    """The comparison with the columns preference, preference_low and preference_high, NaN for methods not judged.

    judged: `PREFERENCE_TABLE`; group_of: names in the tables by experiment. Raises InputError if two trainings of one
    group were judged, whose scores have no common interval.
    """
    renamed = judged.assign(method=[group_of.get(name, name) for name in judged["method"]])
    if (twice := renamed["method"][renamed["method"].duplicated()]).any():
        raise InputError(f"--preference: two trainings of {twice.iloc[0]} were judged; compare one of them")
    names = dict(zip(interval_columns("score"), interval_columns("preference"), strict=True))
    return comparison.merge(renamed.rename(columns=names)[["method", *names.values()]], on="method", how="left")


def preference_captions(judged: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    """What the column means and which judged methods the comparison lacks; judged: `PREFERENCE_TABLE`."""
    caption = (
        "Preferred by people: the log-odds of being preferred to a method of average strength among those judged, by "
        f"{judged['votes'].sum() // 2} choices between composited outputs (Bradley and Terry), with a bootstrap "
        "interval over sequences."
    )
    shown = int(comparison["preference"].notna().sum())
    if shown < len(judged):
        caption += f" {len(judged) - shown} of the {len(judged)} methods that were judged are not in this table."
    return [caption]
