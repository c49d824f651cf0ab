"""Kinds of methods, as in the column `kind` of tables, and display names of methods."""

from typing import Final, Literal

Kind = Literal["adapter", "base", "classical", "external", "ceiling", "floor", "degraded"]

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
DEGRADED: Final = "degraded"
"""A fine-tuned model that was shown damaged masks: what it loses by them, not ranked with the others."""

UNRANKED: Final = (CEILING, DEGRADED)
"""Kinds that are in the tables for comparison, and never the best of them."""


def display_name(method: str, kind: str) -> str:
    """A method's display name: underscores become spaces, except in the names of adapters."""
    return method if kind in (ADAPTER, DEGRADED) else method.replace("_", " ")
