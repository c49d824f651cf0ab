"""Scores of single sequences against what makes them hard: mask size, motion of mask and camera."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.core.figures import BLUE, GREY, ORANGE, new_figure, outlined
from inpainting.stages.report.rivals import Rivals

PANELS = (
    ("coverage_mean", "Mask size", "% of the frame", 100.0),
    ("mask_motion", "Mask motion", "pixels per frame, median", 1.0),
    ("camera_motion", "Camera motion", "pixels per frame, median", 1.0),
)
"""Column of the manifest, title, unit and factor."""

LEAST_FOR_LINE = 60
"""Fewest sequences for which the running median is drawn."""


def difficulty_figure(scores: pd.DataFrame, manifest: pd.DataFrame, rivals: Rivals) -> Figure:
    """A panel per property: PSNR in the mask of both rivals, a point per sequence, and their running medians.

    scores: `Rivals.scores`; manifest: as the audit wrote it.
    """
    properties = manifest.set_index("id").reindex(scores.index)
    figure = new_figure(11, 4.8)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (column, heading, unit, factor) in zip(panels, PANELS, strict=True):
        for side, name, colour, marker in (
            ("reference", rivals.reference.name, ORANGE, "s"),
            ("ours", rivals.ours.name, BLUE, "o"),
        ):
            pairs = pd.DataFrame({"x": factor * properties[column], "y": scores[side]}).dropna().sort_values("x")
            draw_scores(axes, pairs, name, colour, marker)
        axes.set_title(heading)
        axes.set_xlabel(unit)
    panels[0].set_ylabel("PSNR in the mask, dB")
    each = f"a point per method and sequence, {len(scores):,} sequences"
    running = "; lines: running medians over a quarter of them" if len(scores) >= LEAST_FOR_LINE else ""
    figure.supxlabel(each + running, fontsize=9, color=GREY)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return figure


def draw_scores(axes: Axes, pairs: pd.DataFrame, name: str, colour: str, marker: str) -> None:
    """Draw points x, y, sorted by x, and their running median over a quarter of them."""
    size, alpha = (22, 0.45) if len(pairs) < 200 else (5, 0.25)
    axes.scatter(pairs["x"], pairs["y"], s=size, c=colour, marker=marker, alpha=alpha, linewidths=0, rasterized=True)
    if len(pairs) >= LEAST_FOR_LINE:
        running = pairs.rolling(len(pairs) // 4, center=True).median().dropna()
        outlined(axes.plot(running["x"], running["y"], color=colour, label=name)[0], 5)
    else:
        axes.plot([], [], marker, color=colour, label=name)
