"""Kinds of methods, as in the column `kind` of tables, and display names of methods."""

from typing import Final, Literal

Kind = Literal["adapter", "base", "classical", "external", "ceiling", "floor"]

ADAPTER: Final = "adapter"
"""A fine-tuned model, named after its experiment."""
BASE: Final = "base"
"""The base model without fine-tuning."""
CLASSICAL: Final = "classical"
"""A fill without a trained model."""
EXTERNAL: Final = "external"
"""Frames of another tool."""
CEILING: Final = "ceiling"
"""The truth encoded and decoded by the VAE: an upper bound, not ranked with the others."""
FLOOR: Final = "floor"
"""The masked input: a lower bound."""


def display_name(method: str, kind: str) -> str:
    """A method's display name: underscores become spaces, except in the names of adapters."""
    return method if kind == ADAPTER else method.replace("_", " ")
