"""`inpaint index`: one row per encoded window, over all shards."""

import logging
from os import path as paths
from pathlib import Path
from typing import Any

import pandas as pd

from inpainting.errors import InputError
from inpainting.files import read_table, write_table
from inpainting.latents.settings import IndexCommand
from inpainting.settings import existing
from inpainting.shards import INDEX_COLUMNS, open_shard
from inpainting.video import masks

log = logging.getLogger(__name__)

WINDOW = ["sequence", "start"]


def index(settings: IndexCommand) -> None:
    """Write the index, with the columns INDEX_COLUMNS.

    The shards' digests are among them, so that latents made anew under the same names are another index, and training
    sees that they are others.
    """
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    truths = pd.DataFrame([row for shard in settings.truths for row in _truths(shard, settings.out.parent)])
    conditions = pd.DataFrame([row for shard in settings.conditions for row in _conditions(shard, settings.out.parent)])
    for table, content, shards in ((truths, "truth", settings.truths), (conditions, "condition", settings.conditions)):
        if table.empty:
            raise InputError(f"{', '.join(map(str, shards))}: no window in any shard; is the split empty?")
        _refuse_doubles(table, content)
    unknown = truths[~truths["sequence"].isin(split["id"])]
    if not unknown.empty:
        name, shard = unknown[["sequence", "truth"]].iloc[0]
        raise InputError(f"{shard} holds {name}, which {settings.split_file} does not; encode it again")
    _refuse_other_sources(truths, conditions)
    table = truths.merge(conditions, on=WINDOW).merge(split.rename(columns={"id": "sequence"}), on="sequence")
    write_table(settings.out, table.sort_values(WINDOW, ignore_index=True)[INDEX_COLUMNS])
    sequences, signal = table["sequence"].nunique(), table["signal"].iloc[0]
    log.info("%d windows of %d sequences, their conditions of %s", len(table), sequences, signal)


def _truths(path: Path, folder: Path) -> list[dict[str, Any]]:
    shard = open_shard(existing(path, "--truths", "the shards that `inpaint encode --content truth` wrote"))
    about = shard.metadata() or {}
    if about.get("content") != "truth":
        raise InputError(f"{path} holds no truths; give --truths the shards of `inpaint encode --content truth`")
    shared = {"truth": _seen_from(folder, path), "truth_digest": about["digest"], "source": about["source"]}
    rows = []
    for name in _windows(shard, "hole"):
        frames, height, _ = shard.get_slice(f"{name}/hole").get_shape()
        width = 8 * shard.get_slice(f"{name}/truth").get_shape()[3]
        coverage = float(masks.unpack(shard.get_tensor(f"{name}/hole").numpy(), width).mean())
        size = {"frames": frames, "height": height, "width": width, "coverage": coverage}
        rows.append({**_window(name), **size, **shared})
    return rows


def _conditions(path: Path, folder: Path) -> list[dict[str, Any]]:
    shard = open_shard(existing(path, "--conditions", "the shards that `inpaint encode` wrote of one signal"))
    about = shard.metadata() or {}
    if about.get("content") in (None, "truth"):
        raise InputError(f"{path} holds no conditions; give --conditions the shards of one signal")
    shared = {"condition": _seen_from(folder, path), "condition_digest": about["digest"], "signal": about["content"]}
    return [{**_window(name), **shared, "source": about["source"]} for name in _windows(shard, "condition")]


def _windows(shard: Any, what: str) -> list[str]:
    return [name.rpartition("/")[0] for name in shard.keys() if name.endswith(f"/{what}")]  # noqa: SIM118


def _window(name: str) -> dict[str, Any]:
    sequence, start = name.rsplit("/", 1)
    return {"sequence": sequence, "start": int(start)}


def _seen_from(folder: Path, path: Path) -> str:
    return Path(paths.relpath(path, folder)).as_posix()


def _refuse_doubles(table: pd.DataFrame, content: str) -> None:
    twice = table[table.duplicated(WINDOW, keep=False)]
    if not twice.empty:
        name = twice["sequence"].iloc[0]
        shards = " and ".join(twice.loc[twice["sequence"] == name, content].unique())
        raise InputError(f"{name} is in {shards}, which were not encoded as parts of one whole; encode them again")


def _refuse_other_sources(truths: pd.DataFrame, conditions: pd.DataFrame) -> None:
    """Truths and conditions must be of the same windows, pixels and holes, and the conditions of one signal."""
    signals = sorted(set(conditions["signal"]))
    if len(signals) > 1:
        raise InputError(f"--conditions: the shards are of several signals ({', '.join(signals)}); index them apart")
    both = truths.merge(conditions, on=WINDOW, how="outer", suffixes=("", "_of_condition"))
    odd = both[both["source"] != both["source_of_condition"]]
    if not odd.empty:
        name, truth, condition = odd[["sequence", "truth", "condition"]].iloc[0]
        raise InputError(
            f"{name}: its truth (in {truth}) and its condition (in {condition}) were not encoded of the same windows; "
            "encode both again"
        )
