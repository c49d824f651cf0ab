"""import.tsv beside imported sequences: the result for each clip, and why a clip was refused.

Written by `inpaint import`, which keeps the rows of earlier imports. Columns: clip, its name; id, of the sequence,
empty if none was made; verdict, see below; reason; frames; first_frame, from 1, after resampling; size and source_size,
WIDTHxHEIGHT in pixels; source_rate, frames per second, empty if unknown; coverage, mean share of masked pixels, 0..1;
group; video, mask and truth, the files.
"""

from inpainting.artifacts.formats import TextTable

IMPORT_VERSION = 2
"""Raised by hand when imported pixels change on purpose; sequences of another version are made again."""

IMPORTS = "import.tsv"

MADE, LEFT_OUT, REFUSED = "made", "left out", "refused"
"""Verdicts. left out: the sequence has nothing to inpaint, or nothing else; refused: the clip can't be used, or only
its beginning."""

IMPORT_TABLE = TextTable(
    {
        "clip": "str",
        "id": "str",
        "verdict": "str",
        "reason": "str",
        "frames": "Int64",
        "first_frame": "Int64",
        "size": "str",
        "source_size": "str",
        "source_rate": "float64",
        "coverage": "float64",
        "group": "str",
        "video": "str",
        "mask": "str",
        "truth": "str",
    },
    wanted="the import.tsv of `inpaint import`",
)
