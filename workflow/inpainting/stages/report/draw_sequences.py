"""`inpaint draw-sequences`: the best adapter against the best classical method, and a list, sequence by sequence."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.artifacts.comparison import COMPARISON_TABLE
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.sequence_scores import SEQUENCE_SCORES
from inpainting.core.figures import BLUE, GREY, INK, ORANGE, PALE, new_figure, styled, title, write_figure
from inpainting.core.files import write_text
from inpainting.core.settings import existing
from inpainting.stages.report.difficulty import difficulty_figure
from inpainting.stages.report.rivals import Rivals
from inpainting.stages.report.sequence_page import read_clips, sequence_page
from inpainting.stages.report.settings import DrawSequencesCommand


def draw_sequences(settings: DrawSequencesCommand) -> None:
    """Draw two methods' PSNR by sequence, against each other and against mask size and motion; list all sequences."""
    comparison = COMPARISON_TABLE.read(settings.comparison, "--comparison")
    rivals = Rivals.of(comparison)
    sequences = SEQUENCE_SCORES.read(settings.sequences, "--sequences")
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    scores = rivals.scores(sequences)
    with styled():
        write_figure(sequences_figure(scores, rivals), settings.png, settings.svg)
        figure = difficulty_figure(scores, manifest, rivals)
        write_figure(figure, settings.difficulty_png, settings.difficulty_svg)
    clips = read_clips(existing(settings.examples, "--examples", "the folder of `inpaint draw-examples`"))
    write_text(settings.page, sequence_page(comparison, sequences, manifest, clips))


def sequences_figure(scores: pd.DataFrame, rivals: Rivals) -> Figure:
    """A scatter plot of the two methods' scores, and their differences in descending order.

    scores: `Rivals.scores`.
    """
    ours, reference = rivals.ours.name, rivals.reference.name
    figure = new_figure(11, 5)
    scatter, gains = figure.subplots(1, 2, width_ratios=[1, 1.25])
    gain = scores["gain"].sort_values(ascending=False)
    wins = f"vertical axis scores higher on {(gain > 0).sum():,} of {len(gain):,} sequences"
    title(scatter, "PSNR in the mask, dB", wins)
    draw_scatter(scatter, scores)
    scatter.set_xlabel(reference)
    scatter.set_ylabel(ours)
    title(gains, "Difference, dB", "a bar per sequence, largest first; the dashed line is the mean")
    draw_gains(gains, gain)
    gains.set_ylabel(f"{ours}\nminus {reference}")
    gains.set_xlabel("sequences")
    return figure


def draw_scatter(axes: Axes, scores: pd.DataFrame) -> None:
    """Draw a point per sequence, and the diagonal on which both methods score the same."""
    size = 34 if len(scores) < 200 else 10
    colours = np.where(scores["gain"] > 0, BLUE, ORANGE)
    axes.scatter(scores["reference"], scores["ours"], rasterized=True, s=size, c=colours, alpha=0.75, linewidths=0)
    if len(scores):
        both = scores[["reference", "ours"]]
        ends = (float(both.min().min()) - 1, float(both.max().max()) + 1)
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
