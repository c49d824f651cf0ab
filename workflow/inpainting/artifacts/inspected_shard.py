"""results/dataset/inspected/N.jsonl: what was found of one shard's sequences, as lines of JSON.

The first line says what they were inspected with, and has a digest of all else; then there is one per sequence, by id,
with what `artifacts.record.Soundness` and `Content` say of it. Written by `inpaint inspect`, read by `inpaint audit`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inpainting.artifacts.formats import Damaged, reading
from inpainting.artifacts.record import Content, Soundness, from_values, to_values
from inpainting.core.files import value_digest, write_text

INSPECTION_VERSION = 1
"""Raised by hand when the findings of a sequence change on purpose: what another version made is made anew."""


@dataclass(frozen=True)
class InspectedShard:
    """A shard's findings."""

    settings: dict[str, Any]
    """The settings that shape what is found of a sequence."""
    shards: int
    """How many shards there are."""
    stray: int
    """Entries of the dataset's folder that are no sequences."""
    sequences: list[tuple[str, Soundness, Content]]
    """By id."""

    def write(self, path: Path) -> None:
        """Write the shard, complete or not at all."""
        lines = [
            json.dumps({"id": name, "sound": to_values(sound), "content": to_values(content)}) + "\n"
            for name, sound, content in self.sequences
        ]
        about = {"settings": self.settings, "shards": self.shards, "stray": self.stray}
        write_text(path, "".join([json.dumps(about | {"digest": value_digest([about, lines])}) + "\n", *lines]))

    @classmethod
    def read(cls, path: Path, option: str | None = None) -> "InspectedShard":
        """What `write` wrote; raises InputError for anything else."""
        with reading(path, "a shard of `inpaint inspect`", option):
            first, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True) or [""]
            about = json.loads(first)
            if about.pop("digest") != value_digest([about, lines]):
                raise Damaged("its lines are not those that were written")
            return cls(**about, sequences=[_sequence(json.loads(line)) for line in lines])


def _sequence(values: dict[str, Any]) -> tuple[str, Soundness, Content]:
    return values["id"], from_values(Soundness, values["sound"]), from_values(Content, values["content"])
