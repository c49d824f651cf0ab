"""`inpaint index`: one row per encoded window, over all shards."""

import logging

import pandas as pd
from safetensors import safe_open

from inpainting.errors import InputError
from inpainting.files import read_table, write_table
from inpainting.latents.settings import IndexCommand
from inpainting.settings import existing
from inpainting.shards import INDEX_COLUMNS, shard_metadata
from inpainting.video import masks

log = logging.getLogger(__name__)


def index(settings: IndexCommand) -> None:
    """Write index.parquet beside the shards: sequence, split, start, frames, height, width, coverage, shard (name)."""
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    split_of = dict(zip(split["id"], split["split"], strict=True))
    rows = []
    for path in settings.shards:
        shard_metadata(existing(path, "--shards", "the shards that `inpaint encode` wrote"))
        with safe_open(path, "pt") as shard:
            for name in shard.keys():  # noqa: SIM118 (a safetensors file is no mapping)
                sequence, start, what = name.rsplit("/", 2)
                if what != "hole":
                    continue
                frames, height, _ = shard.get_slice(name).get_shape()
                width = 8 * shard.get_slice(f"{sequence}/{start}/truth").get_shape()[3]
                coverage = float(masks.unpack(shard.get_tensor(name).numpy(), width).mean())
                rows.append([sequence, split_of[sequence], int(start), frames, height, width, coverage, path.name])
    if not rows:
        raise InputError(f"{', '.join(map(str, settings.shards))}: no window in any shard; is the split empty?")
    table = pd.DataFrame(rows, columns=INDEX_COLUMNS).sort_values(["sequence", "start"], ignore_index=True)
    write_table(settings.out, table)
    log.info("%d windows of %d sequences in %d shards", len(table), table["sequence"].nunique(), len(settings.shards))
