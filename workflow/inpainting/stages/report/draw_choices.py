"""What each criterion's checkpoint paints: pictures of the validation sequences side by side, beside the truth."""

from pathlib import Path

from matplotlib.figure import Figure

from inpainting.artifacts.best import BestCheckpoint, Choice
from inpainting.artifacts.validation_pictures import cache_folder, read_pictures, steps_folder
from inpainting.core.figures import GREY, new_figure
from inpainting.stages.report.criteria import NAMES

SHOWN = 4
"""Sequences, the first by id."""


def choices_figure(experiment: str, validation: Path, best: BestCheckpoint) -> Figure:
    """A row per sequence: the truth, and the raw output of what each criterion would have chosen, in the largest hole.

    validation: the folder of the experiment's step-N.json. Criteria that agree share a column.
    """
    columns: dict[tuple[int, int], list[str]] = {}
    for name, choice in best.by_criterion.items():
        columns.setdefault((choice.step, choice.sampling_steps), []).append(NAMES[name])
    pictures = [
        read_pictures(steps_folder(cache_folder(validation / f"step-{step}.json"), sampling_steps))
        for step, sampling_steps in columns
    ]
    sequences = sorted(set.intersection(*map(set, pictures)))[:SHOWN]
    figure = new_figure(2.4 * (1 + len(columns)), 2.3 * max(len(sequences), 1) + 0.8)
    figure.suptitle(f"{experiment}: what each criterion chooses", x=0.01, ha="left")
    if not sequences:
        text = "No pictures were kept when these checkpoints were validated."
        figure.text(0.02, 0.5, text, color=GREY)
        return figure
    headings = ["truth", *(_heading(Choice(step=s, sampling_steps=k), by) for (s, k), by in columns.items())]
    rows = figure.subplots(len(sequences), len(headings), squeeze=False)
    for row, sequence in zip(rows, sequences, strict=True):
        images = [pictures[0][sequence][0], *(kept[sequence][1] for kept in pictures)]
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image)
            axes.set_axis_off()
    for axes, heading in zip(rows[0], headings, strict=True):
        axes.set_title(heading, fontsize=8.5, loc="left")
    return figure


def _heading(choice: Choice, criteria: list[str]) -> str:
    steps = f"{choice.sampling_steps} denoising step{'s' * (choice.sampling_steps > 1)}"
    return "\n".join([f"step {choice.step:,}, {steps}", *(f"by {name}" for name in criteria)])
