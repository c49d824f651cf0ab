"""`inpaint draw-checkpoints`: validation scores of an experiment's checkpoints."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.artifacts.best import BestCheckpoint, Candidate
from inpainting.artifacts.validation_scores import MeanScore, Score
from inpainting.core.figures import BLUE, GREY, INK, PALE, new_figure, outlined, styled, title, write_figure, write_png
from inpainting.stages.report.criteria import NAMES
from inpainting.stages.report.draw_choices import choices_figure
from inpainting.stages.report.settings import DrawCheckpointsCommand

PANELS: dict[Score, tuple[str, str]] = {
    "psnr_mask": ("PSNR in the mask, dB", "{:.2f} dB"),
    "ssim_mask": ("SSIM in the mask", "{:.3f}"),
    "detail_mask": ("Detail in the mask, dB", "{:+.1f} dB"),
}
"""Title and number format of each score."""


def draw_checkpoints(settings: DrawCheckpointsCommand) -> None:
    """Draw the scores of an experiment's checkpoints by training step, and what each criterion's choice paints."""
    best = BestCheckpoint.read(settings.best, "--best")
    with styled():
        write_figure(checkpoints_figure(settings.experiment, best), settings.png, settings.svg)
        if settings.choices is not None:
            write_png(choices_figure(settings.experiment, settings.best.parent, best), settings.choices)


def checkpoints_figure(experiment: str, best: BestCheckpoint) -> Figure:
    """A panel per score by training step and, if several numbers of denoising steps were tried, one that compares them.

    The chosen checkpoint is circled. The panels by training step show scores with the chosen number of denoising steps.
    """
    same_sampling = [row for row in best.candidates if row.sampling_steps == best.sampling_steps]
    tried = [row for row in best.candidates if row.step == best.step]
    panels = len(PANELS) + (len(tried) > 1)
    figure = new_figure(3.8 * panels, 4.4)
    figure.suptitle(choice_sentence(best), x=0.01, ha="left", fontsize=9, color=GREY)
    every = figure.subplots(1, panels)
    for (name, (heading, form)), axes in zip(PANELS.items(), every, strict=False):
        draw_scores(axes, [(row.step, row.scores[name]) for row in same_sampling])
        mark_best(axes, best.step, best.scores[name].mean, form)
        first = axes is figure.axes[0]
        title(axes, f"{experiment}: {heading}" if first else heading)
        axes.set_xlabel("step")
    if len(tried) > 1:
        draw_sampling(every[-1], tried, best)
    return figure


def draw_sampling(axes: Axes, tried: list[Candidate], best: BestCheckpoint) -> None:
    """Draw the criterion, or PSNR, against seconds per frame, one point per number of denoising steps."""
    name: Score = "psnr_mask" if best.criterion == "mean_rank" else best.criterion
    heading, form = PANELS[name]
    tried = sorted(tried, key=lambda row: row.seconds_per_frame)
    seconds = [row.seconds_per_frame for row in tried]
    means = [row.scores[name].mean for row in tried]
    axes.plot(seconds, means, "o-", color=BLUE, markersize=5)
    for row, place, mean in zip(tried, seconds, means, strict=True):
        offset = (0, -14) if row.sampling_steps == best.sampling_steps else (0, 8)
        text = axes.annotate(
            str(row.sampling_steps), (place, mean), offset, textcoords="offset points", ha="center", fontsize=8.5
        )
        outlined(text)
    chosen = next(row for row in tried if row.sampling_steps == best.sampling_steps)
    mark_best(axes, chosen.seconds_per_frame, chosen.scores[name].mean, form)
    title(axes, heading, "by number of denoising steps")
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("seconds per frame")
    axes.margins(x=0.12, y=0.2)


def choice_sentence(best: BestCheckpoint) -> str:
    """The chosen training step, the reason, and what other criteria would have chosen."""
    why = best.why.replace(" of the raw output", "").replace("; ", ";\n", 1)
    for name, words in NAMES.items():
        why = why.replace(name, words)
    others = [
        f"step {choice.step:,} with {choice.sampling_steps} denoising step{'s' * (choice.sampling_steps > 1)}"
        f" by {NAMES[name]}"
        for name, choice in best.by_criterion.items()
        if (choice.step, choice.sampling_steps) != (best.step, best.sampling_steps)
    ]
    return f"step {best.step:,}: {why}\n" + (f"Other criteria: {', '.join(others)}" if others else "All criteria agree")


def mark_best(axes: Axes, step: float, score: float, form: str) -> None:
    """Circle a score and write its value above."""
    axes.plot(step, score, "o", markersize=13, markerfacecolor="none", markeredgecolor=INK)
    text = form.format(score).replace("-", "\N{MINUS SIGN}")
    outlined(axes.annotate(text, (step, score), (0, 11), textcoords="offset points", ha="center", fontweight="bold"))


def draw_scores(axes: Axes, scores: list[tuple[int, MeanScore]]) -> None:
    """Draw (training step, score) pairs as a line of means, with the intervals that are known."""
    steps = np.array([step for step, _ in scores])
    means = np.array([score.mean for _, score in scores], float)
    for step, score in scores:
        if score.low is not None and score.high is not None:
            axes.plot([step, step], [score.low, score.high], color=PALE, linewidth=1.2)
    axes.plot(steps, means, "o-", color=BLUE, markersize=5)
    axes.margins(x=0.08, y=0.18)
