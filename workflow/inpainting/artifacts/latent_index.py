"""results/latents/index-<source>.parquet: a row per encoded window, over all shards. Written by `inpaint index`.

Columns: sequence, split, start, frames, height, width and coverage, as in the listings; condition_source, what the
condition was encoded of; truth and condition, the shards, as seen from the index's folder, with their digests beside
them, so that latents made anew under the same names are another index.
"""

import pyarrow as pa

from inpainting.artifacts.formats import ParquetTable

LATENT_INDEX = ParquetTable(
    pa.schema(
        [
            ("sequence", pa.string()),
            ("split", pa.string()),
            ("start", pa.int64()),
            ("frames", pa.int64()),
            ("height", pa.int64()),
            ("width", pa.int64()),
            ("coverage", pa.float64()),
            ("condition_source", pa.string()),
            ("truth", pa.string()),
            ("truth_digest", pa.string()),
            ("condition", pa.string()),
            ("condition_digest", pa.string()),
        ]
    ),
    wanted="the index of `inpaint index`",
)
