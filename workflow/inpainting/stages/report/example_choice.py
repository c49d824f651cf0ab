"""Which test sequences the report shows: chosen by rule, never by hand."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from inpainting.core import seeds
from inpainting.stages.report.rivals import Rivals

Role = Literal["best", "worst", "random"]


@dataclass(frozen=True)
class Example:
    """A sequence that is shown, and the rule by which it was chosen."""

    role: Role
    sequence: str
    why: str

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.role}-{self.sequence}"


def choose_examples(kept: set[str], scores: pd.DataFrame, rivals: Rivals, count: int) -> list[Example]:
    """At most `count` of the kept sequences: those of the smallest and the largest gain, and random ones.

    scores: `Rivals.scores`. Random sequences are the first by a hash of their ids. One example is a random one.
    """
    gains = scores["gain"][scores.index.isin(kept)].sort_index().sort_values(kind="stable")
    chosen = []
    if count > 1 and len(gains) > 1:
        of = f"of {rivals.ours.name} over {rivals.reference.name} among the {len(kept)} sequences with kept frames"
        for role, place, extreme in (("worst", 0, "smallest"), ("best", -1, "largest")):
            text = f"the {extreme} gain, {gains.iloc[place]:+.1f} dB, {of}".replace("-", "\N{MINUS SIGN}")
            chosen.append(Example(role, str(gains.index[place]), text))  # type: ignore[arg-type]
    others = kept - {example.sequence for example in chosen}
    shuffled = sorted(others, key=lambda name: seeds.derive(0, "report.examples", name))
    why = f"chosen at random from the {len(kept)} sequences with kept frames"
    return chosen + [Example("random", name, why) for name in shuffled[: count - len(chosen)]]


def example_folder_parts(name: str) -> tuple[str, str]:
    """(role, sequence) of an example's folder."""
    role, _, sequence = name.partition("-")
    return role, sequence
