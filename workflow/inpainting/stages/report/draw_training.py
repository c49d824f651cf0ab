"""`inpaint draw-training`: losses, gradient norm and learning rates of a training."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.artifacts.training_log import read_metrics
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    new_figure,
    outlined,
    styled,
    title,
    write_figure,
)
from inpainting.stages.report.settings import DrawTrainingCommand

SMOOTHING = 20
"""The running mean is over 1 / SMOOTHING of all rows."""

LINES = {
    "loss_mask": ("in the mask", BLUE),
    "loss_outside": ("outside", ORANGE),
    "grad_norm": ("", GREEN),
    "rate_lora": ("LoRA", BLUE),
    "rate_patch": ("patch embedding", PURPLE),
}
"""Label and colour of the columns of metrics.jsonl that are drawn."""


COSTS = {
    "seconds_per_step": ("Seconds per step", 1.0),
    "data_wait_share": ("Waiting for data, %", 100.0),
    "peak_memory_gib": ("Peak memory, GiB", 1.0),
    "skipped_updates": ("Skipped updates", 1.0),
}
"""Heading and factor of the columns that are drawn as small panels."""


def draw_training(settings: DrawTrainingCommand) -> None:
    """Draw loss, gradient norm and learning rates over the steps."""
    summary = TrainingSummary.read(settings.training, "--training")
    rows = read_metrics(settings.metrics, "--metrics")
    with styled():
        write_figure(training_figure(summary.experiment, rows), settings.png, settings.svg)


def training_figure(experiment: str, rows: pd.DataFrame) -> Figure:
    """Losses on the left; gradient norm, learning rates and, if it was logged, the loss by timestep on the right.

    Below: what the training cost, and skipped updates.
    """
    ranges = timestep_losses(rows)
    right = ["norm", "rate"] + ([] if ranges.empty else ["timestep"])
    places: Any = [["loss", name] for name in right]
    figure = new_figure(11, 2 + 2.15 * len(right))
    main, costs = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.15 * len(right), 2])[:, 0]
    axes = main.subplot_mosaic(places, width_ratios=[1.7, 1])
    title(axes["loss"], f"{experiment}: loss", speed_text(rows))
    draw_smoothed(axes["loss"], rows, ["loss_mask", "loss_outside"])
    axes["norm"].set_title("Gradient norm")
    draw_smoothed(axes["norm"], rows, ["grad_norm"])
    axes["norm"].sharex(axes["loss"])
    axes["norm"].tick_params(labelbottom=False)
    axes["rate"].set_title("Learning rate")
    draw_rates(axes["rate"], rows)
    axes["rate"].sharex(axes["loss"])
    for panel, (column, (heading, _)) in zip(costs.subplots(1, len(COSTS)), COSTS.items(), strict=True):
        panel.set_title(heading, fontsize=9.5)
        draw_cost(panel, rows, column)
    axes["loss"].set_xlabel("step")
    axes["rate"].set_xlabel("step")
    if not ranges.empty:
        axes["timestep"].set_title("Loss in the mask by timestep")
        draw_timestep_losses(axes["timestep"], ranges)
    return figure


def timestep_losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean loss inside the mask over the first and the last quarter of the rows, by timestep range.

    Index: the middle of each range; columns: first and last. Ranges without a value in either quarter are left out.
    """
    names = {int(name.rpartition("_t")[2]): name for name in rows.columns if name.startswith("loss_mask_t")}
    starts = sorted(names)
    if len(starts) < 2:
        return pd.DataFrame(columns=["first", "last"])
    quarter = max(len(rows) // 4, 1)
    losses = rows[[names[start] for start in starts]]
    means = pd.DataFrame({"first": losses.iloc[:quarter].mean(), "last": losses.iloc[-quarter:].mean()})
    means.index = pd.Index([start + 50 for start in starts])
    return means.dropna()


def draw_timestep_losses(axes: Axes, means: pd.DataFrame) -> None:
    """Draw the loss over timesteps, in faint colour for the first quarter of the training."""
    axes.plot(means.index, means["first"], color=BLUE, alpha=0.35, marker="o", markersize=3, label="first quarter")
    axes.plot(means.index, means["last"], color=BLUE, marker="o", markersize=3, label="last quarter")
    axes.set_xlim(0, 1000)
    axes.set_xlabel("timestep (999: pure noise)")
    if spans_decades(means):
        set_logarithmic(axes)
    axes.legend(loc="best", frameon=False, fontsize=8)


def draw_smoothed(axes: Axes, rows: pd.DataFrame, columns: list[str]) -> None:
    """Draw columns over the training step: values in faint colour, and their running mean, labelled at its end."""
    ends = {}
    for column in columns:
        colour = LINES[column][1]
        line = running_mean(rows[column])
        axes.plot(rows["step"], rows[column], color=colour, alpha=0.25, linewidth=0.9)
        axes.plot(rows["step"], line, color=colour, **marker_style(rows))
        ends[column] = float(line.iloc[-1])
    for place, column in enumerate(sorted(ends, key=lambda column: ends[column])):
        name, colour = LINES[column]
        offset, side = ((6, -1), "top") if place == 0 else ((6, 1), "bottom")
        where = (rows["step"].iloc[-1], ends[column])
        axes.annotate(name, where, offset, textcoords="offset points", va=side, color=colour, fontsize=9)
    if spans_decades(rows[columns]):
        set_logarithmic(axes)
    elif (top := float(rows[columns].max().max())) > 0:
        axes.set_ylim(0, 1.05 * top)


def draw_rates(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the learning rates, each labelled at its maximum, as one line if they are equal."""
    columns = [column for column in ("rate_lora", "rate_patch") if column in rows]
    same = len(columns) == 2 and rows["rate_lora"].equals(rows["rate_patch"])
    for column in columns[:1] if same else columns:
        name, colour = LINES[column]
        axes.plot(rows["step"], rows[column], color=colour, **marker_style(rows))
        peak = int(rows[column].argmax())
        where = (rows["step"].iloc[peak], rows[column].iloc[peak])
        text = "LoRA and patch embedding" if same else name
        outlined(axes.annotate(text, where, (3, 3), textcoords="offset points", color=colour, fontsize=9, va="bottom"))
    if (top := float(rows[columns].max().max())) > 0:
        axes.set_ylim(0, 1.25 * top)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))


def draw_cost(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    """Draw a column of COSTS over the training step, from zero; a column that was not logged leaves the panel empty."""
    if column in rows:
        values = COSTS[column][1] * rows[column]
        axes.plot(rows["step"], values, color=BLUE, linewidth=1.2, **marker_style(rows))
        from_zero(axes, float(values.max()))
    axes.tick_params(labelsize=8)


def from_zero(axes: Axes, top: float) -> None:
    """Let the axis begin at zero and end above `top`, or at 1 if that is zero or not known."""
    axes.set_ylim(0, 1.1 * top if top > 0 else 1.0)


def marker_style(rows: pd.DataFrame) -> dict[str, Any]:
    """Markers for each row if there are fewer than ten."""
    return {"marker": "o", "markersize": 4} if len(rows) < 10 else {}


def running_mean(values: pd.Series) -> pd.Series:
    """Centred running mean; at the ends, over fewer rows."""
    return values.rolling(max(len(values) // SMOOTHING, 1), center=True, min_periods=1).mean()


def spans_decades(values: pd.DataFrame) -> bool:
    """Whether all values are positive and differ by more than a factor of 20, so that a logarithmic axis is clearer."""
    lowest, highest = float(values.min().min()), float(values.max().max())
    return lowest > 0 and highest / lowest > 20


def set_logarithmic(axes: Axes) -> None:
    """Use a logarithmic axis labelled with plain numbers; powers of ten need matplotlib's mathtext, which is off."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")


def speed_text(rows: pd.DataFrame) -> str:
    """Number of steps, seconds per step, share of the time spent waiting for data, and peak memory, in one line."""
    last = rows.iloc[-1]
    return (
        f"{int(last['step']):,} steps, {rows['seconds_per_step'].median():.2g} s each, "
        f"{rows['data_wait_share'].median():.0%} waiting for data, "
        f"{rows['peak_memory_gib'].max():.1f} GiB at most"
    )
