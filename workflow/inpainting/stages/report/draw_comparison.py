"""`inpaint draw-comparison`: the scores of all methods: over all test sequences, by stratum, and against run time."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from inpainting.artifacts.comparison import COMPARISON_TABLE, STRATA_TABLE, stratum_heading
from inpainting.artifacts.method_kinds import (
    ADAPTER,
    BASE,
    CEILING,
    CLASSICAL,
    DEGRADED,
    EXTERNAL,
    FLOOR,
    display_name,
)
from inpainting.core.figures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    new_figure,
    outlined,
    styled,
    write_figure,
)
from inpainting.stages.report.settings import DrawComparisonCommand

KIND_COLOURS = {
    ADAPTER: BLUE,
    DEGRADED: BLUE,
    BASE: PURPLE,
    CLASSICAL: ORANGE,
    EXTERNAL: GREEN,
    FLOOR: PALE,
    CEILING: GREY,
}
KIND_MARKERS = {
    ADAPTER: "o",
    DEGRADED: "x",
    BASE: "D",
    CLASSICAL: "s",
    EXTERNAL: "P",
    FLOOR: "v",
    CEILING: "|",
}
KIND_NAMES = {
    ADAPTER: "fine-tuned",
    DEGRADED: "fine-tuned, given damaged masks",
    BASE: "base model, not fine-tuned",
    CLASSICAL: "classical",
    EXTERNAL: "another tool",
    FLOOR: "floor (grey fill)",
}

SCORE_FORMATS = {"psnr_mask": ("PSNR in the mask, dB", "{:.1f}"), "ssim_mask": ("SSIM in the mask", "{:.3f}")}
"""Title and number format of each score."""

SHORTEST = 1e-4
"""Seconds per frame below which methods are drawn as equally fast."""

LIKE, LABEL_HEIGHT = 1.3, 0.18
"""Factor between seconds within which labels share a column, and their height in inches."""

PANELS_ACROSS = 5
"""Panels per row of the figure of strata."""


def draw_comparison(settings: DrawComparisonCommand) -> None:
    """Draw three figures: PSNR and SSIM of every method, PSNR by stratum, and PSNR against run time."""
    comparison = COMPARISON_TABLE.read(settings.comparison, "--comparison")
    strata = STRATA_TABLE.read(settings.strata, "--strata")
    with styled():
        write_figure(comparison_figure(comparison), settings.png, settings.svg)
        write_figure(strata_figure(strata, ranked(comparison)), settings.strata_png, settings.strata_svg)
        write_figure(cost_figure(comparison), settings.cost_png, settings.cost_svg)


def ranked(comparison: pd.DataFrame) -> list[str]:
    """The methods by descending PSNR inside the mask, without the ceiling."""
    rows = comparison[comparison["kind"] != CEILING]
    return [str(name) for name in rows.sort_values("psnr_mask", ascending=False, kind="stable")["method"]]


def comparison_figure(comparison: pd.DataFrame) -> Figure:
    """A panel per score, with a row per method (best at the top) and the ceiling as a line."""
    order = ranked(comparison)
    figure = new_figure(11, 1.5 + 0.42 * len(order))
    for (score, (name, form)), axes in zip(SCORE_FORMATS.items(), figure.subplots(1, 2, sharey=True), strict=True):
        draw_rows(axes, comparison, order, score, form)
        axes.set_title(name, pad=22)
    label_rows(figure.axes[0], comparison, order)
    draw_legend(figure, comparison)
    return figure


def what_is_shown(comparison: pd.DataFrame) -> str:
    """What a point and its bar are, and how many sequences and trainings they are of: for a figure without caption."""
    trained = comparison[comparison["kind"] == ADAPTER]
    counts = sorted({members.count(",") + 1 for members in trained["members"]})
    trainings = f"; fine-tuned: {' or '.join(map(str, counts))} training{'s' * (counts[-1] > 1)} each" if counts else ""
    number = int(comparison["sequences"].max())
    return f"mean over {number:,} sequences, bar: 95 % bootstrap interval over sequences{trainings}"


def strata_figure(strata: pd.DataFrame, order: list[str]) -> Figure:
    """A panel per subset with the PSNR inside the mask; order: the methods, from top to bottom in every panel."""
    subsets = [subset for _, subset in strata.groupby(["stratum", "value"], sort=False)]
    across = min(len(subsets), PANELS_ACROSS)
    down = -(-len(subsets) // across)
    longest = max(map(len, order), default=0)  # none if ceilings alone were scored
    figure = new_figure(max(11.0, 2.6 * across) + 0.09 * max(longest - 18, 0), 0.7 + down * (1.0 + 0.42 * len(order)))
    panels = figure.subplots(down, across, sharey=True, sharex=True, squeeze=False)
    for axes, subset in zip(panels.flat, subsets, strict=False):
        draw_rows(axes, subset, order, "psnr_mask", "{:.1f}")
        name = stratum_heading(subset["stratum"].iloc[0], subset["value"].iloc[0], int(subset["sequences"].max()))
        axes.set_title(name.replace(" sequences)", ")").replace(" sequence)", ")"), pad=22, fontsize=9.5)
    for axes in panels.flat[len(subsets) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        label_rows(axes, strata.drop_duplicates("method"), order)
    figure.supxlabel(
        "PSNR in the mask, dB; in brackets: sequences; bar: 95 % bootstrap interval, from 5 sequences on",
        fontsize=9.5,
        color=GREY,
    )
    return figure


def cost_figure(comparison: pd.DataFrame) -> Figure:
    """PSNR inside the mask against seconds per frame, on a logarithmic axis, a labelled marker per method."""
    height = max(3.6, LABEL_HEIGHT * len(comparison))
    figure = new_figure(11, 1.4 + height)
    axes = figure.subplots()
    rows = comparison[comparison["kind"] != CEILING].dropna(subset=["psnr_mask", "seconds_per_frame"])
    rows = rows.assign(seconds=rows["seconds_per_frame"].clip(lower=SHORTEST))
    beside = offset_copy(axes.transData, figure, x=8, units="points")
    line = {"arrowstyle": "-", "color": PALE, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
    for row, place in zip(rows.to_dict("records"), label_places(rows, LABEL_HEIGHT / height), strict=True):
        colour, marker = KIND_COLOURS[row["kind"]], KIND_MARKERS[row["kind"]]
        ends, point = [row["psnr_mask_low"], row["psnr_mask_high"]], (row["seconds"], row["psnr_mask"])
        axes.plot([row["seconds"]] * 2, ends, color=colour, linewidth=2, alpha=0.55)
        axes.plot(*point, marker, color=colour, markersize=8)
        style: Any = {"va": "center", "fontsize": 9, "color": INK, "arrowprops": line, "zorder": 1.5}
        outlined(axes.annotate(display_name(row["method"], row["kind"]), point, place, textcoords=beside, **style))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.15)
    axes.grid(True, axis="both")
    axes.set_title("PSNR in the mask, dB")
    axes.set_xlabel("seconds per frame, median over sequences")
    draw_legend(figure, comparison)
    return figure


def label_places(rows: pd.DataFrame, height: float) -> list[tuple[float, float]]:
    """Where each point's label begins, in seconds and dB: right of it, or in a column beside points of like seconds.

    rows: seconds and psnr_mask with its interval; height: of a label, as a share of the range of scores. In a column,
    labels are moved down until they do not overlap.
    """
    gap = height * float(np.ptp(rows[[name for name in rows if str(name).startswith("psnr_mask")]].stack()))
    places: dict[Any, tuple[float, float]] = {}
    column: list[Any] = []
    for index in [*rows.sort_values("seconds").index, None]:
        if column and (index is None or rows["seconds"][index] > LIKE * rows["seconds"][column[0]]):
            last = math.inf
            for member in sorted(column, key=lambda member: -rows["psnr_mask"][member]):
                last = min(rows["psnr_mask"][member], last - gap)
                places[member] = (rows["seconds"][column[-1]], last)
            column = []
        column.append(index)
    return [places[index] for index in rows.index]


def draw_rows(axes: Axes, table: pd.DataFrame, order: list[str], score: str, form: str) -> None:
    """Draw a score per method, as a marker with interval and value, and the ceiling as a vertical line."""
    rows = {row["method"]: row for row in table.to_dict("records")}
    for place, method in enumerate(order):
        row = rows.get(method)
        if row is None or math.isnan(row[score]):
            continue
        colour, marker = KIND_COLOURS[row["kind"]], KIND_MARKERS[row["kind"]]
        axes.plot([row[f"{score}_low"], row[f"{score}_high"]], [place, place], color=colour, linewidth=2, alpha=0.55)
        axes.plot(row[score], place, marker, color=colour, markersize=7)
        value = axes.annotate(
            form.format(row[score]), (row[score], place), (0, 7), textcoords="offset points", ha="center", fontsize=8.5
        )
        outlined(value)
    for row in table[table["kind"] == CEILING].to_dict("records"):
        axes.axvline(row[score], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        text = f"ceiling {form.format(row[score])}"
        axes.annotate(
            text, (row[score], 1), (0, 4), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="right", fontsize=8.5, color=GREY,
        )  # fmt: skip
    axes.set_ylim(len(order) - 0.4, -0.75)
    axes.margins(x=0.08)
    axes.grid(True, axis="both")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def label_rows(axes: Axes, table: pd.DataFrame, order: list[str]) -> None:
    """Label the rows with the methods' names in the colour of their kind; experiments in bold."""
    kinds = dict(zip(table["method"], table["kind"], strict=True))
    axes.set_yticks(range(len(order)), [display_name(method, kinds[method]) for method in order])
    for label, method in zip(axes.get_yticklabels(), order, strict=True):
        label.set_color(KIND_COLOURS[kinds[method]] if kinds[method] != FLOOR else GREY)
        label.set_fontweight("bold" if kinds[method] == ADAPTER else "normal")


def draw_legend(figure: Figure, comparison: pd.DataFrame) -> None:
    """Draw the legend of the markers below the panels, and what a point and its bar are."""
    axes = figure.axes[0]
    handles = [
        axes.plot([], [], KIND_MARKERS[kind], color=KIND_COLOURS[kind], markersize=7, label=name)[0]
        for kind, name in KIND_NAMES.items()
        if (comparison["kind"] == kind).any()
    ]
    place: Any = {"loc": "outside lower left", "ncols": len(handles), "frameon": False, "alignment": "left"}
    legend = figure.legend(handles=handles, title=what_is_shown(comparison), labelcolor=GREY, title_fontsize=9, **place)
    legend.get_title().set_color(GREY)
