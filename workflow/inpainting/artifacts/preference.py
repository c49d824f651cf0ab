"""The key of a page of blinded pairs, the choices that the page saves, and the scores computed from them.

<page>.key.json is written by `inpaint compare`, votes.json by the page, preference.tsv by `inpaint preference`;
`inpaint tables` joins its scores to the comparison.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel

from inpainting.artifacts.formats import JsonFile, TextTable

PREFERENCE_TABLE = TextTable(
    {
        "method": "str",
        "votes": "int64",
        "wins": "int64",
        "ties": "int64",
        "score": "float64",
        "score_low": "float64",
        "score_high": "float64",
    },
    wanted="the table of `inpaint preference`",
)
"""preference.tsv, a row per method, best first.

votes: pairs with it that were judged; wins, ties: how many of them; score: log-odds of winning against a method of
average strength; score_low, score_high: 95 % interval from a bootstrap over sequences.
"""

Choice = Literal["left", "right", "tie"]


class Pair(BaseModel):
    """Two methods' outputs for one sequence."""

    sequence: str
    left: str
    right: str


class PairsKey(JsonFile):
    """<page>.key.json."""

    wanted: ClassVar = "the .key.json of `inpaint compare`"

    page: str
    """Digest that the page and its votes carry."""
    methods: list[str]
    pairs: list[Pair]
    """In the order of the page."""


class Votes(JsonFile):
    """votes.json."""

    wanted: ClassVar = "the votes that a page of `inpaint compare` saved"

    page: str
    """Digest of the page."""
    votes: dict[int, Choice]
    """Choice by the pair's place on the page, counted from 0."""
