"""import.tsv beside imported sequences: what became of each clip. Written by `inpaint import`, which keeps the rows of
earlier imports; people read why a clip was refused.

Columns: clip, its name; id, of the sequence, empty where none was made; verdict, see below; reason; frames;
first_frame, from 1, after resampling; size and source_size, WIDTHxHEIGHT; source_rate, frames a second, empty where it
is not known; coverage, mean share of the frames that is masked, 0 to 1; group; video, mask and truth, the files.
"""

from inpainting.artifacts.formats import TextTable

IMPORT_VERSION = 1
"""Raised by hand when the pixels of imported sequences change on purpose: what another version made is made anew."""

IMPORTS = "import.tsv"

MADE, LEFT_OUT, REFUSED = "made", "left out", "refused"
"""Verdicts: left out, where a sequence has nothing to inpaint; refused, where a clip can't be used, or only up to a
point."""

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
