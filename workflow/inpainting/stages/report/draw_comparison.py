"""`inpaint draw-comparison`: the scores of all methods: over all test sequences, by stratum, and against run time."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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


def strata_figure(strata: pd.DataFrame, order: list[str]) -> Figure:
    """A panel per subset with the PSNR inside the mask; order: the methods, from top to bottom in every panel."""
    subsets = [subset for _, subset in strata.groupby(["stratum", "value"], sort=False)]
    across = min(len(subsets), PANELS_ACROSS)
    down = -(-len(subsets) // across)
    figure = new_figure(max(11.0, 2.6 * across), 0.7 + down * (1.0 + 0.42 * len(order)))
    panels = figure.subplots(down, across, sharey=True, sharex=True, squeeze=False)
    for axes, subset in zip(panels.flat, subsets, strict=False):
        draw_rows(axes, subset, order, "psnr_mask", "{:.1f}")
        name = stratum_heading(subset["stratum"].iloc[0], subset["value"].iloc[0], int(subset["sequences"].max()))
        axes.set_title(name.replace(" sequences)", ")").replace(" sequence)", ")"), pad=22, fontsize=9.5)
    for axes in panels.flat[len(subsets) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        label_rows(axes, strata.drop_duplicates("method"), order)
    figure.supxlabel("PSNR in the mask, dB (number of sequences in brackets)", fontsize=9.5, color=GREY)
    return figure


def cost_figure(comparison: pd.DataFrame) -> Figure:
    """PSNR inside the mask against seconds per frame, on a logarithmic axis, a labelled marker per method."""
    figure = new_figure(11, 5)
    axes = figure.subplots()
    rows = comparison[comparison["kind"] != CEILING].dropna(subset=["psnr_mask", "seconds_per_frame"])
    for row in rows.to_dict("records"):
        colour, marker = KIND_COLOURS[row["kind"]], KIND_MARKERS[row["kind"]]
        seconds = max(row["seconds_per_frame"], SHORTEST)
        axes.plot([seconds] * 2, [row["psnr_mask_low"], row["psnr_mask_high"]], color=colour, linewidth=2, alpha=0.55)
        axes.plot(seconds, row["psnr_mask"], marker, color=colour, markersize=8)
        name, place = display_name(row["method"], row["kind"]), (seconds, row["psnr_mask"])
        outlined(axes.annotate(name, place, (8, 0), textcoords="offset points", va="center", fontsize=9, color=INK))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.15)
    axes.grid(True, axis="both")
    axes.set_title("PSNR in the mask, dB")
    axes.set_xlabel("seconds per frame, median over sequences")
    draw_legend(figure, comparison)
    return figure


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
    """Draw the legend of the markers below the panels."""
    axes = figure.axes[0]
    handles = [
        axes.plot([], [], KIND_MARKERS[kind], color=KIND_COLOURS[kind], markersize=7, label=name)[0]
        for kind, name in KIND_NAMES.items()
        if (comparison["kind"] == kind).any()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, labelcolor=GREY)
