"""`inpaint preference`: the methods' scores from pairwise choices, by the model of Bradley and Terry."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.artifacts.preference import PREFERENCE_TABLE, Pair, PairsKey, Votes
from inpainting.core import seeds
from inpainting.core.errors import InputError, UsageError
from inpainting.stages.preference.settings import PreferenceCommand

log = logging.getLogger(__name__)

RESAMPLES = 1000
"""Bootstrap samples of an interval."""

PRIOR = 0.5
"""Wins that each method of a pair is given beforehand, so that one that always wins keeps a finite score."""


def preference(settings: PreferenceCommand) -> None:
    """Write and log the methods' scores, see `PREFERENCE_TABLE`.

    Raises InputError for votes of another page, UsageError for the same votes twice.
    """
    key = PairsKey.read(settings.key, "--key")
    if twice := [path for path in settings.votes if settings.votes.count(path) > 1]:
        raise UsageError(f"--votes: {twice[0]} was given twice; give one file per person")
    judged = [choice for path in settings.votes for choice in _read(path, key)]
    if not judged:
        raise InputError(f"--votes: {', '.join(map(str, settings.votes))} hold no choice; judge some pairs first")
    shown = {method for pair, _ in judged for method in (pair.left, pair.right)}
    if unjudged := [method for method in key.methods if method not in shown]:
        log.warning("no pair with %s was judged; the table is without", ", ".join(unjudged))
    table = scores([method for method in key.methods if method in shown], judged, settings.seed)
    PREFERENCE_TABLE.write(settings.out, table)
    log.info("%d choices\n%s", len(judged), table.to_string(index=False, float_format="{:.2f}".format))


def _read(path: Path, key: PairsKey) -> list[tuple[Pair, str]]:
    votes = Votes.read(path, "--votes")
    if votes.page != key.page or any(not 0 <= place < len(key.pairs) for place in votes.votes):
        raise InputError(f"--votes: {path} was saved by another page than --key is of; give the key beside that page")
    return [(key.pairs[place], choice) for place, choice in sorted(votes.votes.items())]


def scores(methods: list[str], judged: list[tuple[Pair, str]], seed: int) -> pd.DataFrame:
    """See `PREFERENCE_TABLE`; judged: pairs with the choice that was made. Resampling is over sequences."""
    numbers = {method: number for number, method in enumerate(methods)}
    sequences = sorted({pair.sequence for pair, _ in judged})
    wins = np.zeros((len(sequences), len(methods), len(methods)))
    for pair, choice in judged:
        left, right, where = numbers[pair.left], numbers[pair.right], sequences.index(pair.sequence)
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[choice]
        wins[where, left, right] += share
        wins[where, right, left] += 1 - share
    rng = np.random.default_rng(seeds.derive(seed, "preference.bootstrap"))
    draws = rng.integers(len(sequences), size=(RESAMPLES, len(sequences)))
    resampled = np.array([strengths(wins[draw].sum(axis=0)) for draw in draws])
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    of = {method: _choices_of(method, judged) for method in methods}
    table = pd.DataFrame(
        {
            "method": methods,
            "votes": [len(of[method]) for method in methods],
            "wins": [of[method].count("win") for method in methods],
            "ties": [of[method].count("tie") for method in methods],
            "score": strengths(wins.sum(axis=0)),
            "score_low": low,
            "score_high": high,
        },
    )
    return table.sort_values("score", ascending=False, ignore_index=True)


def _choices_of(method: str, judged: list[tuple[Pair, str]]) -> list[str]:
    """What each judged pair with a method was for it: win, loss or tie."""
    outcomes = {"left": ("win", "loss"), "right": ("loss", "win"), "tie": ("tie", "tie")}
    return [outcomes[choice][method == pair.right] for pair, choice in judged if method in (pair.left, pair.right)]


def strengths(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-strengths of Bradley and Terry's model with a mean of 0: float64 [methods].

    wins: [methods, methods], how often the row's method was preferred to the column's, a tie being half a win for both.
    PRIOR is added to each pair that was judged. The iteration is that of D. R. Hunter: MM algorithms for generalized
    Bradley-Terry models, Annals of Statistics 32(1), 2004.
    """
    met = (wins + wins.T) > 0
    wins = wins + PRIOR * met
    games, total = wins + wins.T, wins.sum(axis=1)
    strength = np.ones(len(wins))
    for _ in range(10_000):
        expected = (games / (strength[:, None] + strength[None])).sum(axis=1)
        updated = np.where(expected > 0, total / np.where(expected > 0, expected, 1), 1.0)
        updated /= np.exp(np.log(updated).mean())
        if np.abs(np.log(updated / strength)).max() < 1e-9:
            break
        strength = updated
    return np.asarray(np.log(updated))
