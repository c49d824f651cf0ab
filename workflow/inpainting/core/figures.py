"""Style of all figures, and reproducible output: the same figure is written as the same bytes."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from inpainting.core.files import atomic_path

INK, GREY, PALE, HAIR = "#1f2933", "#616e7c", "#9aa5b1", "#e4e7eb"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#a5508c"
"""Distinguishable for colour-blind readers (M. Okabe, K. Ito: Color Universal Design, 2008); the purple is darkened."""

SERIES = (BLUE, ORANGE, GREEN, PURPLE, "#56b4e9", "#e69f00", "#7f7f7f", "#000000")
"""Colours of lines that are many, from the same source; beyond them, lines also differ by SERIES_DASHES."""

SERIES_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 1.5, 1.5, 1.5)))

RULES: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": PALE,
    "axes.labelcolor": GREY,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": HAIR,
    "grid.linewidth": 0.8,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": GREY,
    "ytick.labelcolor": GREY,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.dpi": 150,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "inpainting",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Use the report's style for figures made and written inside; the user's matplotlibrc is ignored."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RULES)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, size in inches (100 pixels of the report each), with constrained layout."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def write_figure(figure: Figure, png: Path, svg: Path) -> None:
    """Write a figure as PNG (150 pixels per inch) and SVG, without dates and versions in the metadata."""
    for path, metadata in ((png, {"Software": None}), (svg, {"Date": None, "Creator": None})):
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=metadata)


def write_png(figure: Figure, png: Path) -> None:
    """Write a figure of pictures as PNG alone, as `write_figure` does."""
    with atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=150, metadata={"Software": None})


def title(axes: Axes, text: str, below: str = "") -> None:
    """Set a title above the axes, with a small grey line of text below it."""
    axes.set_title(text, pad=24)
    axes.annotate(
        below, (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points", color=GREY, fontsize=9
    ).set_in_layout(False)


def outlined(artist: Artist, width: float = 3) -> None:
    """Give text or a line a white outline, `width` points wide in all, so that it is legible on lines and points."""
    artist.set_path_effects([withStroke(linewidth=width, foreground="white")])
