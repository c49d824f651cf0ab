"""results/tables/sequences.tsv: every method's scores per sequence. Written by `inpaint tables`.

One row per method, sequence and output (raw or composited), with the columns of `metrics.aggregate.per_sequence`.
"""

from inpainting.artifacts.formats import TextTable

SEQUENCE_SCORES = TextTable(
    {
        "method": "str",
        "sequence": "str",
        "output": "str",
        "frames": "int64",
        "masked_frames": "int64",
        "mask_pixels": "int64",
        "capped": "bool",
        "psnr_mask": "float64",
    },
    wanted="the sequences.tsv of `inpaint tables`",
    digest_file="summary.json",
    others="float64",
)
