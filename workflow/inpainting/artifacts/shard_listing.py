"""results/latents/<content>/shard-N.parquet: one row per window of a shard, so that indexing does not open shards.

Columns: sequence and start, the window's sequence and first frame, from 0; only for truths, frames, height and width in
pixels, and coverage, the share of hole pixels, 0..1; shard, the file name of the shard beside the listing, and its
content, digest and source, see `artifacts.latents`. Written by `inpaint encode`, read by `inpaint index`.
"""

from pathlib import Path

import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable

LATENTS_VERSION = 1
"""Raised by hand when the latents of the same pixels change on purpose; latents of another version are made again."""

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


def shard_path(latents: Path, content: str, number: int) -> Path:
    """Path of a shard of truths (`truth`) or of a source's conditions in the folder of the latents."""
    return latents / ("truth" if content == "truth" else f"condition/{content}") / f"shard-{number}.safetensors"


def listing_path(shard: Path) -> Path:
    """Path of a shard's listing."""
    return shard.with_suffix(".parquet")
