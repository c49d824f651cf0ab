"""sample.tsv beside sample sequences: how each was made. Written by `inpaint sample`, for people to read.

Columns: id; scene, the photograph's name, "texture" or "plain"; camera, "still" or "moving"; coverage, mean share of
masked pixels, 0..1.
"""

from inpainting.artifacts.formats import TextTable

SAMPLE_VERSION = 1
"""Raised by hand when the sample sequences change on purpose; sequences of another version are made again."""

SAMPLE_TABLE = TextTable(
    {"id": "str", "scene": "str", "camera": "str", "coverage": "float64"}, wanted="the sample.tsv of `inpaint sample`"
)
