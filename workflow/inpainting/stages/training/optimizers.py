"""From gradients to weights: which optimizer, which weights at which rate, and how the rates go over the updates."""

import importlib.util
from typing import Any

import torch
from diffusers.optimization import get_scheduler
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from inpainting.core.errors import UsageError
from inpainting.stages.training.combined_optimizer import CombinedOptimizer
from inpainting.stages.training.settings import OptimizerSettings

Group = dict[str, Any]
"""A group of weights as torch's optimizers take them: params, lr; and its name, lora or patch."""

SAID = ("initial_lr", "weight_decay", "betas")
"""What a group of weights has from the settings, beside its rate."""


def rate_groups(parameters: dict[str, Parameter], settings: OptimizerSettings) -> list[Group]:
    """LoRA and the patch embedding, each with its own peak rate; a group without weights is left out."""
    patch = [p for name, p in parameters.items() if name.startswith("patch_embed.proj.")]
    low_rank = [p for name, p in parameters.items() if not name.startswith("patch_embed.proj.")]
    groups = [
        {"name": "lora", "params": low_rank, "lr": settings.learning_rate},
        {"name": "patch", "params": patch, "lr": settings.patch_learning_rate},
    ]
    return [group for group in groups if group["params"]]


def check_installed(settings: OptimizerSettings) -> None:
    """Raise UsageError where the optimizer's package is not installed; bitsandbytes is large, and optional."""
    if settings.optimizer == "adamw_8bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(
            "--optimizer: adamw_8bit needs the package bitsandbytes, which is not installed; "
            "`pip install bitsandbytes`, or choose adamw"
        )


def make_optimizer(parameters: dict[str, Parameter], settings: OptimizerSettings) -> Optimizer:
    """The optimizer that the settings name."""
    groups = rate_groups(parameters, settings)
    adam: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": settings.betas,
        "weight_decay": settings.weight_decay,
    }
    if settings.optimizer == "adamw_8bit":
        return _adamw_8bit(groups, adam)
    if settings.optimizer == "prodigy":
        return _prodigy(groups, settings)
    return torch.optim.AdamW(groups, **adam)


def make_schedule(optimizer: Optimizer, settings: OptimizerSettings) -> LambdaLR:
    """The rates' course over all updates; `step` it once after each."""
    return get_scheduler(
        settings.schedule,
        optimizer,
        num_warmup_steps=settings.warmup_steps,
        num_training_steps=settings.steps,
        num_cycles=settings.schedule_cycles,
        power=settings.schedule_power,
    )


def resume(optimizer: Optimizer, rates: LambdaLR, state: dict[str, Any], step: int) -> None:
    """Take up the optimizer's state after `step` updates; what the settings say of rates and decay goes before it."""
    said = [{name: group[name] for name in SAID if name in group} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    rates.last_epoch = step
    for group, values, peak, course in zip(optimizer.param_groups, said, rates.base_lrs, rates.lr_lambdas, strict=True):
        group.update(values, lr=peak * course(step))


def current_rates(optimizer: Optimizer) -> dict[str, float]:
    """The rate of the next update of every group: rate_lora, rate_patch; with Prodigy, times its own estimate."""
    return {f"rate_{group['name']}": group["lr"] * group.get("d", 1.0) for group in optimizer.param_groups}


def _adamw_8bit(groups: list[Group], adam: dict[str, Any]) -> Optimizer:
    from bitsandbytes.optim import AdamW8bit

    optimizer: Optimizer = AdamW8bit(groups, **adam)
    return optimizer


def _prodigy(groups: list[Group], settings: OptimizerSettings) -> CombinedOptimizer:
    """Prodigy (Mishchenko & Defazio 2024, arXiv 2306.06101), which finds the rate of each group apart."""
    from prodigyopt import Prodigy

    options: dict[str, Any] = {"betas": settings.betas, "weight_decay": settings.weight_decay}
    return CombinedOptimizer(
        [Prodigy([group], use_bias_correction=True, safeguard_warmup=True, **options) for group in groups]
    )
