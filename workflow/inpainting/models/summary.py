"""A transformer's weights by module, for people."""

import re

import pandas as pd
from torch import nn

from inpainting.models.quantization import stored_bytes

BLOCK = re.compile(r"^transformer_blocks\.\d+\.(\w+)\..*")


def by_module(transformer: nn.Module) -> pd.DataFrame:
    """A row per module, equal modules of all blocks together, and one for all.

    Columns: module; weights (count); megabytes; train, how many weights; share, that of the weights which train.
    """
    rows = [
        {
            "module": BLOCK.sub(r"blocks: \1", name).partition(".")[0],
            "weights": parameter.numel(),
            "megabytes": stored_bytes(parameter) / 1e6,
            "train": parameter.numel() * parameter.requires_grad,
        }
        for name, parameter in transformer.named_parameters()
    ]
    table = pd.DataFrame(rows).groupby("module", sort=False).sum().reset_index()
    everything = {"module": "all", **table.drop(columns="module").sum()}
    table = pd.concat([table, pd.DataFrame([everything])], ignore_index=True)
    return table.assign(share=table["train"] / table["weights"])


def as_text(table: pd.DataFrame) -> str:
    """The table of `by_module` as lines, a module's weights and how many of them train."""
    return table.to_string(
        index=False,
        formatters={
            **dict.fromkeys(("weights", "train"), "{:,.0f}".format),
            "megabytes": "{:,.1f}".format,
            "share": "{:.2%}".format,
        },
    )
