"""A shard's listing: a row per window, in a small table beside the shard, so that an index opens no shard."""

from pathlib import Path

import pandas as pd

from inpainting.artifacts.latents import Shard
from inpainting.core.files import write_table
from inpainting.video import masks

COLUMNS = ["sequence", "start", "frames", "height", "width", "coverage", "content", "shard", "digest", "source"]
"""A window's sequence, first frame and, of a truth, size and share of pixels that are hole; its shard's content, name,
digest and source (see `shards`)."""


def listing_path(shard: Path) -> Path:
    """Where a shard's listing lies."""
    return shard.with_suffix(".parquet")


def write_listing(path: Path) -> None:
    """Write the listing of a shard."""
    shard = Shard(path)
    about = {"content": shard.content, "shard": path.name, "digest": shard.digest, "source": shard.source}
    main = "truth" if shard.content == "truth" else "condition"
    rows = []
    for name in shard.names:
        sequence, start, what = name.rsplit("/", 2)
        if what == main:
            rows.append({"sequence": sequence, "start": int(start), **_hole(shard, f"{sequence}/{start}"), **about})
    write_table(listing_path(path), pd.DataFrame(rows, columns=COLUMNS))


def _hole(shard: Shard, window: str) -> dict[str, int | float]:
    """The size of a window's hole in frames and pixels, and its share of all pixels; nothing for a condition.

    The hole's bits are padded to whole bytes, so its width follows from the truth's columns of square latent cells.
    """
    if shard.content != "truth":
        return {}
    frames, height, _ = shard.shape(f"{window}/hole")
    _, _, rows, columns = shard.shape(f"{window}/truth")
    width = columns * (height // rows)
    coverage = float(masks.unpack(shard.tensor(f"{window}/hole").numpy(), width).mean())
    return {"frames": frames, "height": height, "width": width, "coverage": coverage}
