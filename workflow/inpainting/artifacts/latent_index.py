"""results/latents/index-<source>.parquet: one row per encoded window of all shards. Written by `inpaint index`.

Columns: sequence, start, frames, height, width and coverage as in the shards' listings; split; condition_source, what
the condition was encoded from; truth and condition, paths of the shards relative to the index's folder; truth_digest
and condition_digest, so that the index changes when shards are encoded again under the same names.
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
