"""results/latents/<content>/shard-N.parquet: a row per window of a shard, so that an index opens no shard.

Columns: sequence and start, the window's sequence and first frame; frames, height, width, its size in pixels, and
coverage, the share of its pixels that are hole, 0 to 1, all of a truth alone; content, shard, digest and source of the
shard, which lies beside the listing: see `artifacts.latents`. Written by `inpaint encode`, gathered by `inpaint index`.
"""

from pathlib import Path

import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable

LATENTS_VERSION = 1
"""Raised by hand when the latents of the same pixels change on purpose: what another version made is made anew."""

SHARD_LISTING = ParquetTable(
    pa.schema(
        [
            ("sequence", pa.string()),
            ("start", pa.int64()),
            ("frames", pa.int64()),
            ("height", pa.int64()),
            ("width", pa.int64()),
            ("coverage", pa.float64()),
            ("content", pa.string()),
            ("shard", pa.string()),
            ("digest", pa.string()),
            ("source", pa.string()),
        ]
    ),
    wanted="the .parquet that `inpaint encode` wrote beside each shard",
)


def listing_path(shard: Path) -> Path:
    """Where a shard's listing lies."""
    return shard.with_suffix(".parquet")
