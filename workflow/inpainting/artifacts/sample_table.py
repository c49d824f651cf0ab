"""sample.tsv beside sample sequences: what each is made of. Written by `inpaint sample`, for people to read.

Columns: id; scene, the photograph's name, "texture" or "plain"; camera, "still" or "moving"; coverage, mean share of
the frames that is masked, 0 to 1.
"""

from inpainting.artifacts.formats import TextTable

SAMPLE_VERSION = 1
"""Raised by hand when the sample sequences change on purpose: what another version made is made anew."""

SAMPLE_TABLE = TextTable(
    {"id": "str", "scene": "str", "camera": "str", "coverage": "float64"}, wanted="the sample.tsv of `inpaint sample`"
)
