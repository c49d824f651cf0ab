"""What was found of one shard's sequences, as JSON lines: what it was found with, then a line per sequence, by id."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from inpainting.artifacts.record import Content, Soundness, from_values, to_values
from inpainting.core.errors import InputError
from inpainting.core.files import write_text
from inpainting.stages.dataset.inspection import Inspected


class Shard(NamedTuple):
    """A shard's findings."""

    about: dict[str, Any]
    """settings, shards (how many there are), stray (entries of the root that are no sequence)."""
    sequences: list[tuple[str, Soundness, Content]]


def write_shard(path: Path, entries: Sequence[Inspected], about: dict[str, Any]) -> None:
    """Write a shard, complete or not at all; times of files play no part."""
    lines = [about] + [
        {"id": entry.id, "sound": to_values(entry.sound), "content": to_values(entry.content)} for entry in entries
    ]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def read_shard(path: Path) -> Shard:
    """Read what `write_shard` wrote; raises InputError for anything else."""
    try:
        with path.open(encoding="utf-8") as stream:
            about = json.loads(next(stream))
            sequences = []
            for line in stream:
                values = json.loads(line)
                sound, content = from_values(Soundness, values["sound"]), from_values(Content, values["content"])
                sequences.append((values["id"], sound, content))
            return Shard({name: about[name] for name in ("settings", "shards", "stray")}, sequences)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise InputError(f"{path} is no shard of an audit ({error!r}); make it with `inpaint inspect`") from error
