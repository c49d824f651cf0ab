"""`inpaint find-rate`: the learning rate range test, a training at rising rates of which no weights are kept.

The rates rise exponentially from one update to the next (L. Smith 2017, arXiv 1506.01186). Updates, batches and noise
are those with which the training itself begins. A batch's loss depends on its windows and timesteps far more than on a
few updates, so the loss is measured after every update on the same probe batches, which are not trained on.
"""

import math

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inpainting.core import seeds
from inpainting.core.errors import InputError, UsageError
from inpainting.core.figures import BLUE, GREY, ORANGE, new_figure, outlined, styled, title, write_figure
from inpainting.core.files import write_table
from inpainting.core.progress import Progress
from inpainting.stages.training import optimizers
from inpainting.stages.training.batches import Batch
from inpainting.stages.training.loop import Run
from inpainting.stages.training.loss import areas
from inpainting.stages.training.settings import FindRateCommand
from inpainting.stages.training.train import fresh_run

DIVERGED = 2.0
"""The loss has diverged from this multiple of the untrained model's loss on."""
NEIGHBOURS = 5
"""Width of the running mean that smooths the loss, in updates."""
MIN_FALL = 0.01
"""Share by which the smoothed loss has to fall for a rate to be suggested."""


def find_rate(settings: FindRateCommand) -> None:
    """Write rates and losses as a table and a figure, and print the suggested rates as options.

    Raises InputError, after both are written, if no rate made the loss fall; UsageError for prodigy.
    """
    if settings.optimizer == "prodigy":
        raise UsageError("--optimizer: prodigy was given, which estimates its rates itself; use adamw")
    table = sweep(fresh_run(settings), settings)
    found, fell = steepest_fall(table), float(table["smoothed"].min()) < 1 - MIN_FALL
    write_table(settings.out / "learning-rate.tsv", table)
    with styled():
        name = settings.out / "learning-rate"
        figure = rate_figure(table, found if fell else None, f"{settings.experiment}, {settings.optimizer}")
        write_figure(figure, name.with_suffix(".png"), name.with_suffix(".svg"))
    if not fell:
        raise InputError(
            f"no rate from {settings.lowest_rate:g} to {table['rate_lora'].iloc[-1]:g} made the loss fall by "
            f"{MIN_FALL:.0%}, see {name}.png; try another --highest-rate or more --updates"
        )
    print(f"--learning-rate {found:.1e}")
    if "rate_patch" in table:
        print(f"--patch-learning-rate {found * settings.patch_learning_rate / settings.learning_rate:.1e}")


def sweep(run: Run, settings: FindRateCommand) -> pd.DataFrame:
    """Train with a higher rate at each update, up to the last rate or until the loss has diverged.

    Columns: update, from 0, the untrained model; rate_lora, and rate_patch where the patch embedding trains; loss,
    after the update; and smoothed, the loss's running mean divided by the untrained model's.
    """
    run.transformer.train()
    probes = [_micro_batches(run, settings.updates + number) for number in range(1, settings.probe_batches + 1)]
    rates = np.geomspace(settings.lowest_rate, settings.highest_rate, settings.updates)
    losses, named = [_loss(run, probes)], [dict.fromkeys(optimizers.current_rates(run.optimizer), 0.0)]
    progress = Progress("find rate", "updates", len(rates))
    for update, rate in enumerate(rates, 1):
        for group in run.optimizer.param_groups:
            group["lr"] = rate * group["initial_lr"] / settings.learning_rate
        named.append(optimizers.current_rates(run.optimizer))
        _update(run, update)
        losses.append(_loss(run, probes))
        progress.step(note=f", rate {rate:.1e}, loss {losses[-1] / losses[0]:.3f} of the untrained")
        if not losses[-1] < DIVERGED * losses[0]:
            break
    table = pd.DataFrame(named).assign(loss=losses)
    table.insert(0, "update", range(len(table)))
    table = table[np.isfinite(table["loss"])]
    return table.assign(smoothed=table["loss"].rolling(NEIGHBOURS, center=True, min_periods=1).mean() / losses[0])


def steepest_fall(table: pd.DataFrame) -> float:
    """LoRA's rate with the steepest fall of the smoothed loss over the logarithm of the rate, before its minimum."""
    trained = table.iloc[1:]
    slopes = np.gradient(trained["smoothed"], np.log(trained["rate_lora"]))
    before_lowest = slopes[: int(trained["smoothed"].to_numpy().argmin()) + 1]
    return float(trained["rate_lora"].iloc[int(before_lowest.argmin())])


def rate_figure(table: pd.DataFrame, suggested: float | None, name: str) -> Figure:
    """The loss over the rate, with the suggested rate if there is one."""
    figure = new_figure(7, 4)
    axes: Axes = figure.subplots()
    trained = table.iloc[1:]
    relative = trained["loss"] / table["loss"].iloc[0]
    title(axes, "Learning rate", name)
    axes.plot(trained["rate_lora"], relative, color=BLUE, alpha=0.25, linewidth=0.9)
    axes.plot(trained["rate_lora"], trained["smoothed"], color=BLUE)
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.0e}")
    axes.set_ylim(0.95 * float(trained["smoothed"].min()), 1.2)
    axes.set_xlabel("LoRA's learning rate")
    axes.set_ylabel("loss, as a share of the untrained model's")
    if suggested is not None:
        axes.axvline(suggested, color=ORANGE, linewidth=1.2)
        place, text = (suggested, 0.02), f" steepest fall: {suggested:.1e}"
        outlined(axes.annotate(text, place, xycoords=("data", "axes fraction"), color=ORANGE, fontsize=9, va="bottom"))
    return figure


def _micro_batches(run: Run, step: int) -> list[Batch]:
    return [batch.to(run.accelerator.device) for batch in run.micro_batches(step)]


@torch.no_grad()
def _loss(run: Run, batches: list[list[Batch]]) -> float:
    """The loss over all batches together; infinite if a prediction is not finite."""
    weight, micro_batches = run.settings.outside_weight, [micro_batch for batch in batches for micro_batch in batch]
    run.transformer.eval()
    errors = sum(float(run.errors(batch).total().weighted(weight)) for batch in micro_batches)
    run.transformer.train()
    area = sum(float(areas(b.region, b.truth.shape[2]).total().weighted(weight)) for b in micro_batches)
    return errors / area if math.isfinite(errors) else math.inf


def _update(run: Run, update: int) -> None:
    """One update, as in the training loop."""
    torch.manual_seed(seeds.derive(run.settings.seed, "training.dropout", update, run.accelerator.process_index))
    run.backward(_micro_batches(run, update))
    run.accelerator.clip_grad_norm_(run.parameters, run.settings.max_grad_norm)
    run.optimizer.step()
    run.optimizer.zero_grad()
