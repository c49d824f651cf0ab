"""Optimizer, parameter groups and learning rate schedule."""

from typing import Any

import torch
from diffusers.optimization import get_scheduler
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from inpainting.models.shapes import PATCH_EMBEDDING
from inpainting.stages.training.combined_optimizer import CombinedOptimizer
from inpainting.stages.training.settings import OptimizerSettings

Group = dict[str, Any]
"""A parameter group of torch's optimizers: params, lr; and its name, lora or patch."""

FROM_SETTINGS = ("initial_lr", "weight_decay", "betas")
"""What a parameter group takes from the settings, beside its rate."""


def rate_groups(parameters: dict[str, Parameter], settings: OptimizerSettings) -> list[Group]:
    """Parameter groups of LoRA and the patch embedding with their peak rates; an empty one is left out."""
    patch = [p for name, p in parameters.items() if name.startswith(PATCH_EMBEDDING)]
    low_rank = [p for name, p in parameters.items() if not name.startswith(PATCH_EMBEDDING)]
    groups = [
        {"name": "lora", "params": low_rank, "lr": settings.learning_rate},
        {"name": "patch", "params": patch, "lr": settings.patch_learning_rate},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(parameters: dict[str, Parameter], settings: OptimizerSettings) -> Optimizer:
    """The optimizer that the settings name."""
    groups = rate_groups(parameters, settings)
    if settings.optimizer == "prodigy":
        return _prodigy(groups, settings)
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay
    )


def make_schedule(optimizer: Optimizer, settings: OptimizerSettings) -> LambdaLR:
    """The learning rate schedule; call its `step` once after each update."""
    return get_scheduler(
        settings.schedule,
        optimizer,
        num_warmup_steps=settings.warmup_steps,
        num_training_steps=settings.steps,
        num_cycles=settings.schedule_cycles,
        power=settings.schedule_power,
    )


def resume(optimizer: Optimizer, rates: LambdaLR, state: dict[str, Any], step: int) -> None:
    """Load the optimizer's state after `step` updates, but keep the rates, decay and betas of the settings."""
    given = [{name: group[name] for name in FROM_SETTINGS if name in group} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    rates.last_epoch = step
    for group, values, peak, factor in zip(
        optimizer.param_groups, given, rates.base_lrs, rates.lr_lambdas, strict=True
    ):
        group.update(values, lr=peak * factor(step))


def current_rates(optimizer: Optimizer) -> dict[str, float]:
    """The learning rates of the next update: rate_lora, rate_patch; with Prodigy, times its own estimate."""
    return {f"rate_{group['name']}": group["lr"] * group.get("d", 1.0) for group in optimizer.param_groups}


def _prodigy(groups: list[Group], settings: OptimizerSettings) -> CombinedOptimizer:
    """Prodigy (Mishchenko & Defazio 2024, arXiv 2306.06101), which estimates the rate of each group separately."""
    from prodigyopt import Prodigy

    options: dict[str, Any] = {"betas": settings.betas, "weight_decay": settings.weight_decay}
    return CombinedOptimizer(
        [Prodigy([group], use_bias_correction=True, safeguard_warmup=True, **options) for group in groups]
    )
