"""Histograms of the audit's measurements: masks, motion, and differences between input and ground truth."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from inpainting.core.figures import BLUE, GREY, INK, new_figure

PANELS = (
    ("coverage_mean", "Mask coverage", "share of the frame, mean over a sequence", True),
    ("mask_motion", "Mask motion", "pixels per frame, median", False),
    ("camera_motion", "Camera motion", "pixels per frame, median", False),
    ("difference_inside", "Difference inside the mask", "levels of 255, mean", False),
    ("difference_outside", "Difference outside the mask", "levels of 255, mean", False),
    ("effect_share", "Changed outside the mask", "share of the known pixels", True),
)
"""Column of the manifest, title, unit, whether it is a share (drawn in per cent)."""

COLUMNS = 3


def coverage_figure(accepted: pd.DataFrame) -> Figure:
    """One histogram per measurement; accepted: the manifest's rows of accepted sequences."""
    figure = new_figure(11, 6.4)
    panels = figure.subplots(len(PANELS) // COLUMNS, COLUMNS)
    for (column, title, unit, share), axes in zip(PANELS, panels.flat, strict=True):
        draw_histogram(axes, accepted[column].dropna().to_numpy(float), share)
        axes.set_title(title, pad=20)
        axes.set_xlabel(unit)
    for axes in panels[:, 0]:
        axes.set_ylabel(f"sequences, of {len(accepted):,}")
    return figure


def draw_histogram(axes: Axes, values: NDArray[np.float64], share: bool) -> None:
    """A histogram from zero to the largest value, with a line at the median; values: [sequences]."""
    top = float(values.max()) if len(values) and values.max() > 0 else 1.0
    bins = int(np.clip(2 * np.sqrt(len(values)), 5, 40))
    axes.hist(values, bins=bins, range=(0, top), color=BLUE, edgecolor="white", linewidth=0.8)
    axes.set_xlim(0, top * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    if share:
        axes.xaxis.set_major_formatter(lambda place, _: f"{100 * place:.3g}%")
    if len(values):
        median = float(np.median(values))
        axes.axvline(median, color=INK, linewidth=1)
        place: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        text = f"median {median:.1%}" if share else f"median {median:.2g}"
        axes.annotate(text, (median, 1), (0, 2), ha="center", va="bottom", fontsize=8.5, color=GREY, **place)
