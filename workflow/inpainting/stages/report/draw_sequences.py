"""`inpaint draw-sequences`: the best adapter against the best classical method, sequence by sequence."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.artifacts.comparison import COMPARISON_TABLE
from inpainting.artifacts.examples import RAW
from inpainting.artifacts.method_kinds import ADAPTER, BASE, CLASSICAL, FLOOR, display_name
from inpainting.artifacts.sequence_scores import SEQUENCE_SCORES
from inpainting.core.figures import BLUE, GREY, INK, ORANGE, PALE, new_figure, styled, title, write_figure
from inpainting.stages.report.settings import DrawSequencesCommand

AXIS_KINDS = {"y": (ADAPTER, BASE), "x": (CLASSICAL, FLOOR)}
"""Kinds of methods by axis: the best method of the first kind that was compared is drawn."""

Rows = dict[str, dict[str, str]]
"""Method and kind by axis, x and y."""


def draw_sequences(settings: DrawSequencesCommand) -> None:
    """Draw the PSNR of two methods against each other, one point per test sequence."""
    comparison = COMPARISON_TABLE.read(settings.comparison, "--comparison")
    rows: Rows = {axis: best_of_kinds(comparison, kinds) for axis, kinds in AXIS_KINDS.items()}
    sequences = SEQUENCE_SCORES.read(settings.sequences, "--sequences")
    raw = sequences[sequences["output"] == RAW].pivot(index="sequence", columns="method", values="psnr_mask")
    scores = pd.DataFrame({axis: raw[row["method"]] for axis, row in rows.items()})
    with styled():
        write_figure(sequences_figure(scores.dropna(), rows), settings.png, settings.svg)


def best_of_kinds(comparison: pd.DataFrame, kinds: tuple[str, ...]) -> dict[str, str]:
    """Method and kind of the best method of the first of these kinds that was compared, or of the best of all."""
    for kind in kinds:
        if (comparison["kind"] == kind).any():
            comparison = comparison[comparison["kind"] == kind]
            break
    best = comparison.sort_values("psnr_mask", ascending=False, kind="stable").iloc[0]
    return {"method": str(best["method"]), "kind": str(best["kind"])}


def sequences_figure(scores: pd.DataFrame, rows: Rows) -> Figure:
    """A scatter plot of the two methods' scores, and their differences in descending order.

    scores: a row per sequence with the columns x and y, PSNR inside the mask in dB.
    """
    names = {axis: display_name(row["method"], row["kind"]) for axis, row in rows.items()}
    figure = new_figure(11, 5)
    scatter, gains = figure.subplots(1, 2, width_ratios=[1, 1.25])
    gain = (scores["y"] - scores["x"]).sort_values(ascending=False)
    wins = f"{names['y']} scores higher on {(gain > 0).sum():,} of {len(gain):,} sequences"
    title(scatter, "PSNR in the mask, dB", wins)
    draw_scatter(scatter, scores)
    scatter.set_xlabel(names["x"])
    scatter.set_ylabel(names["y"])
    title(gains, "Difference, dB", f"{names['y']} minus {names['x']}, largest first; the dashed line is the mean")
    draw_gains(gains, gain)
    gains.set_xlabel("sequences")
    return figure


def draw_scatter(axes: Axes, scores: pd.DataFrame) -> None:
    """Draw a point per sequence, and the diagonal on which both methods score the same."""
    size = 34 if len(scores) < 200 else 10
    colours = [BLUE if y > x else ORANGE for y, x in zip(scores["y"], scores["x"], strict=True)]
    axes.scatter(scores["x"], scores["y"], s=size, c=colours, alpha=0.75, linewidths=0)
    if len(scores):
        ends = (float(scores.min().min()) - 1, float(scores.max().max()) + 1)
        axes.plot(ends, ends, color=PALE, linewidth=1, zorder=1.5)
        axes.set_xlim(ends)
        axes.set_ylim(ends)
    axes.set_box_aspect(1)
    axes.grid(True, axis="both")


def draw_gains(axes: Axes, gain: pd.Series) -> None:
    """Draw the differences, in dB, as one bar per sequence in the given order, and their mean."""
    axes.axhline(0, color=GREY, linewidth=1)
    if len(gain):
        steps = np.append(gain, gain.iloc[-1])
        for half, colour in ((steps.clip(min=0), BLUE), (steps.clip(max=0), ORANGE)):
            axes.fill_between(range(len(steps)), half, step="post", color=colour, linewidth=0)
        mean = float(gain.mean())
        axes.axhline(mean, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{mean:+.1f}".replace("-", "\N{MINUS SIGN}"), (1, mean), (3, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip
    axes.set_xticks([])
