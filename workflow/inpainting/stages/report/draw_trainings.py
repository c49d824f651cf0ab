"""`inpaint draw-trainings`: the losses and costs of all experiments on common axes."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.artifacts.training_log import read_metrics
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.figures import SERIES, SERIES_DASHES, new_figure, styled, write_figure
from inpainting.stages.report.draw_training import COSTS, from_zero, marker_style, running_mean
from inpainting.stages.report.settings import DrawTrainingsCommand

PANELS = {
    "loss_mask": ("Loss in the mask", 1.0),
    "loss_outside": ("Loss outside the mask", 1.0),
    "grad_norm": ("Gradient norm", 1.0),
    "rate_lora": ("Learning rate of LoRA", 1.0),
    **COSTS,
}
"""Heading and factor of the columns of metrics.jsonl, a panel each."""

ACROSS = 4


def draw_trainings(settings: DrawTrainingsCommand) -> None:
    """Draw the running means of all trainings' logs, a panel per column and a line per experiment."""
    trainings = {TrainingSummary.read(path, "--trainings").experiment: path for path in settings.trainings}
    rows = {name: read_metrics(path.with_name("metrics.jsonl"), "--trainings") for name, path in trainings.items()}
    with styled():
        write_figure(trainings_figure(rows), settings.png, settings.svg)


def trainings_figure(trainings: dict[str, pd.DataFrame]) -> Figure:
    """A panel per column of PANELS; trainings: rows of metrics.jsonl by experiment."""
    down = len(PANELS) // ACROSS
    columns = min(max(int(13 / (0.55 + 0.075 * max(map(len, trainings)))), 1), 6)
    figure = new_figure(13, 2.4 * down + 0.8 + 0.22 * (len(trainings) // columns))
    panels = figure.subplots(down, ACROSS, sharex=True)
    for axes, (column, (heading, factor)) in zip(panels.flat, PANELS.items(), strict=True):
        axes.set_title(heading)
        draw_column(axes, trainings, column, factor)
    for axes in panels[-1]:
        axes.set_xlabel("step")
    handles = [panels.flat[0].plot([], [], label=name, **line_style(n))[0] for n, name in enumerate(trainings)]
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=9)
    return figure


def draw_column(axes: Axes, trainings: dict[str, pd.DataFrame], column: str, factor: float) -> None:
    """Draw one column of all trainings; one that did not log it is left out."""
    logged = {name: factor * rows[column] for name, rows in trainings.items() if column in rows}
    for number, (name, rows) in enumerate(trainings.items()):
        if name in logged:
            axes.plot(rows["step"], running_mean(logged[name]), **line_style(number), **marker_style(rows))
    if column in COSTS:
        from_zero(axes, max((float(values.max()) for values in logged.values()), default=0.0))


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line: every pair of the first 24 differs."""
    dashes = SERIES_DASHES[number // len(SERIES) % len(SERIES_DASHES)]
    return {"color": SERIES[number % len(SERIES)], "linestyle": dashes, "linewidth": 1.4}
