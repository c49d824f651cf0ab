"""results/dataset/inspected/N.jsonl: findings for one shard's sequences, as lines of JSON.

The first line holds the settings and a digest of all lines; each further line holds `artifacts.record.Soundness` and
`Content` of one sequence, sorted by id. Written by `inpaint inspect`, read by `inpaint audit`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpainting.artifacts.formats import Damaged, reading
from inpainting.artifacts.record import Content, Soundness, from_values, to_values
from inpainting.core.files import value_digest, write_text

INSPECTION_VERSION = 2
"""Raised by hand when the findings of a sequence change on purpose; findings of another version are made again."""


@dataclass(frozen=True)
class InspectedShard:
    """A shard's findings."""

    settings: dict[str, Any]
    """Settings that affect the findings."""
    shards: int
    """Number of shards."""
    stray: int
    """Entries of the dataset's folder that are not sequences."""
    sequences: list[tuple[str, Soundness, Content]]
    """By id."""

    def write(self, path: Path) -> None:
        """Write the shard atomically."""
        lines = [
            json.dumps({"id": name, "sound": to_values(sound), "content": to_values(content)}) + "\n"
            for name, sound, content in self.sequences
        ]
        header = {"settings": self.settings, "shards": self.shards, "stray": self.stray}
        write_text(path, "".join([json.dumps(header | {"digest": value_digest([header, lines])}) + "\n", *lines]))

    @classmethod
    def read(cls, path: Path, option: str | None = None) -> "InspectedShard":
        """Read a shard; raises InputError if the file is damaged or of another kind."""
        with reading(path, "a shard of `inpaint inspect`", option):
            first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True) or [""]
            header = json.loads(first)
            if header.pop("digest") != value_digest([header, lines]):
                raise Damaged("its lines are not those that were written")
            return cls(**header, sequences=[_sequence(json.loads(line)) for line in lines])


def _sequence(values: dict[str, Any]) -> tuple[str, Soundness, Content]:
    return values["id"], from_values(Soundness, values["sound"]), from_values(Content, values["content"])
