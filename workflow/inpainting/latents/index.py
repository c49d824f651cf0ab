"""`inpaint index`: one row per encoded window, over all shards."""

import logging

import pandas as pd

from inpainting.errors import InputError
from inpainting.files import read_table, write_table
from inpainting.latents.settings import IndexCommand
from inpainting.settings import existing
from inpainting.shards import INDEX_COLUMNS, open_shard
from inpainting.video import masks

log = logging.getLogger(__name__)


def index(settings: IndexCommand) -> None:
    """Write index.parquet beside the shards, with the columns INDEX_COLUMNS.

    A shard's digest is among them, so that latents made anew under the same names are another index, and training sees
    that they are others.
    """
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    split_of = dict(zip(split["id"], split["split"], strict=True))
    rows = []
    for path in settings.shards:
        shard = open_shard(existing(path, "--shards", "the shards that `inpaint encode` wrote"))
        digest = (shard.metadata() or {}).get("digest")
        for name in shard.keys():  # noqa: SIM118 (a safetensors file is no mapping)
            sequence, start, what = name.rsplit("/", 2)
            if what != "hole":
                continue
            if sequence not in split_of:
                raise InputError(f"{path} holds {sequence}, which {settings.split_file} does not; encode it again")
            frames, height, _ = shard.get_slice(name).get_shape()
            width = 8 * shard.get_slice(f"{sequence}/{start}/truth").get_shape()[3]
            coverage = float(masks.unpack(shard.get_tensor(name).numpy(), width).mean())
            found = [sequence, split_of[sequence], int(start), frames, height, width, coverage, path.name, digest]
            rows.append(found)
    if not rows:
        raise InputError(f"{', '.join(map(str, settings.shards))}: no window in any shard; is the split empty?")
    table = pd.DataFrame(rows, columns=INDEX_COLUMNS).sort_values(["sequence", "start"], ignore_index=True)
    twice = table[table.duplicated(["sequence", "start"], keep=False)]
    if not twice.empty:
        name, shards = twice["sequence"].iloc[0], " and ".join(twice["shard"].head(2))
        raise InputError(f"{name} is in {shards}, which were not encoded as parts of one whole; encode them again")
    write_table(settings.out, table)
    log.info("%d windows of %d sequences in %d shards", len(table), table["sequence"].nunique(), len(settings.shards))
