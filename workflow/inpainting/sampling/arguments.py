"""Checks of the arguments of the pipeline's call, before anything is computed."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from inpainting.core.errors import InputError


class ArgumentError(InputError, ValueError):
    """An argument of the pipeline's call is wrong: a ValueError for Python code, one sentence for the command line."""


def check_prompt(name: str, text: Any, embeds: Tensor | None, size: tuple[int, int], has_encoder: bool) -> None:
    """Raise ArgumentError for a prompt that is not one text, or embeddings that are not [1, *size]; name: its own.

    size: (tokens, width); has_encoder: whether the pipeline can embed a text.
    """
    if text is not None and embeds is not None:
        raise ArgumentError(f"{name} and {name}_embeds were both given; give one of them")
    if text is not None and not isinstance(text, str):
        raise ArgumentError(f"{name} is a {type(text).__name__}; give one text, since a call inpaints one clip")
    if text and not has_encoder:
        raise ArgumentError(f"the {name} {text!r} can't be used, since the pipeline has no text encoder")
    if embeds is not None and embeds.shape != (1, *size):
        raise ArgumentError(f"{name}_embeds is {list(embeds.shape)}; it has to be {[1, *size]}")


def check_latents(latents: Tensor | None, shape: tuple[int, ...]) -> None:
    """Raise ArgumentError for initial latents that are not [1, *shape]."""
    if latents is not None and latents.shape != (1, *shape):
        raise ArgumentError(f"latents is {list(latents.shape)}; for this clip it has to be {[1, *shape]}")


def check_generator(generator: Any) -> None:
    """Raise ArgumentError for what is not one generator, or not on the CPU."""
    if not isinstance(generator, torch.Generator | None):
        kind = type(generator).__name__
        raise ArgumentError(f"generator is a {kind}; give one torch.Generator, since a call inpaints one clip")
    if generator is not None and generator.device.type != "cpu":
        raise ArgumentError(
            f"the generator is on {generator.device}; give one on the CPU, which is the same on all machines"
        )


def check_number(name: str, value: Any, maximum: int | None = None) -> None:
    """Raise ArgumentError for a number, Python's or numpy's, that is not whole, below 1 or above a maximum."""
    if value is not None and (not hasattr(value, "__index__") or value < 1 or (maximum and value > maximum)):
        raise ArgumentError(
            f"{name} is {value}; it has to be a whole number from 1{f' to {maximum}' if maximum else ''}"
        )


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Raise ArgumentError for a value that is not known."""
    if value not in known:
        raise ArgumentError(f"{name}: {value!r} was given, but there are {', '.join(known)}")
