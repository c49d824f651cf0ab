"""The kinds of methods that tables and figures tell apart, as their column `kind` says, and how methods are named."""

from typing import Final, Literal

Kind = Literal["adapter", "base", "classical", "external", "ceiling", "floor"]

ADAPTER: Final = "adapter"
"""A fine-tuned model; its methods are called as their experiments are."""
BASE: Final = "base"
"""The untouched base model."""
CLASSICAL: Final = "classical"
"""A fill that nothing was trained for."""
EXTERNAL: Final = "external"
"""Another tool's frames."""
CEILING: Final = "ceiling"
"""The truth through the VAE: it takes no part in comparisons."""
FLOOR: Final = "floor"
"""The masked input itself."""


def display_name(method: str, kind: str) -> str:
    """A method's name as a person reads it; an adapter keeps the name of its experiment."""
    return method if kind == ADAPTER else method.replace("_", " ")
