"""The two methods that the report compares sequence by sequence, and their scores."""

from dataclasses import dataclass

import pandas as pd

from inpainting.artifacts.comparison import best_of
from inpainting.artifacts.examples import RAW
from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, FLOOR, display_name


@dataclass(frozen=True)
class Rival:
    """A method of the comparison, by its name in the tables and its kind."""

    method: str
    kind: str

    @property
    def name(self) -> str:
        """Its display name."""
        return display_name(self.method, self.kind)


@dataclass(frozen=True)
class Rivals:
    """The best adapter, or the best base without one, and the best classical method, or the best floor without one."""

    ours: Rival
    reference: Rival

    @classmethod
    def of(cls, comparison: pd.DataFrame) -> "Rivals":
        """The rivals of a comparison of methods; where no method is of these kinds, the best of all stands in."""
        return cls(_best(comparison, ADAPTER, BASE), _best(comparison, CLASSICAL, FLOOR))

    def scores(self, sequences: pd.DataFrame) -> pd.DataFrame:
        """Index: sequence; columns ours, reference: PSNR of the raw output in the mask, and gain, their difference, dB.

        sequences: `artifacts.sequence_scores`. Sequences without a score are left out.
        """
        raw = sequences[sequences["output"] == RAW].pivot(index="sequence", columns="method", values="psnr_mask")
        found = pd.DataFrame({"ours": raw[self.ours.method], "reference": raw[self.reference.method]}).dropna()
        return found.assign(gain=found["ours"] - found["reference"])


def _best(comparison: pd.DataFrame, *kinds: str) -> Rival:
    """The best method of the first of these kinds that was compared, or of all."""
    found = best_of(comparison, *kinds)
    best = (found if len(found) else comparison.sort_values("psnr_mask", ascending=False, kind="stable")).iloc[0]
    return Rival(str(best["method"]), str(best["kind"]))
