"""`inpaint index`: one row per encoded window, over all shards."""

import logging
from os import path as paths
from pathlib import Path

import pandas as pd

from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.shard_listing import SHARD_LISTING
from inpainting.artifacts.split import SPLIT_TABLE
from inpainting.core.errors import InputError
from inpainting.stages.latents.settings import IndexCommand

log = logging.getLogger(__name__)

WINDOW = ["sequence", "start"]


def index(settings: IndexCommand) -> None:
    """Write the index; raises InputError where truths, conditions and split do not belong together."""
    split = SPLIT_TABLE.read(settings.split_file, "--split-file")
    truths = _gathered(settings.truths, "--truths", settings.out.parent)
    conditions = _gathered(settings.conditions, "--conditions", settings.out.parent)
    _check_contents(truths, conditions)
    unknown = truths[~truths["sequence"].isin(split["id"])]
    if not unknown.empty:
        name, shard = unknown[["sequence", "shard"]].iloc[0]
        raise InputError(f"{shard} holds {name}, which {settings.split_file} does not; encode it again")
    table = truths.merge(
        conditions[[*WINDOW, "shard", "digest", "source", "content"]],
        on=WINDOW,
        how="outer",
        suffixes=("", "_of_condition"),
    )
    _check_sources(table)
    table = table.rename(
        columns={
            **{"shard": "truth", "digest": "truth_digest", "content_of_condition": "condition_source"},
            **{"shard_of_condition": "condition", "digest_of_condition": "condition_digest"},
        }
    ).merge(split.rename(columns={"id": "sequence"}), on="sequence")
    LATENT_INDEX.write(settings.out, table.sort_values(WINDOW))
    sequences, source = table["sequence"].nunique(), table["condition_source"].iloc[0]
    log.info("%d windows of %d sequences, their conditions of %s", len(table), sequences, source)


def _gathered(listings: tuple[Path, ...], option: str, folder: Path) -> pd.DataFrame:
    """The rows of listings, the shards' paths as seen from a folder; no window may be there twice."""
    tables = []
    for path in listings:
        table = SHARD_LISTING.read(path, option)
        place = Path(paths.relpath(path.parent, folder))
        tables.append(table.assign(shard=[(place / name).as_posix() for name in table["shard"]]))
    found = [table for table in tables if not table.empty]
    if not found:
        raise InputError(f"{', '.join(map(str, listings))}: no window in any shard; is the split empty?")
    gathered = pd.concat(found, ignore_index=True)
    twice = gathered[gathered.duplicated(WINDOW, keep=False)]
    if not twice.empty:
        name = twice["sequence"].iloc[0]
        shards = " and ".join(twice.loc[twice["sequence"] == name, "shard"].unique())
        raise InputError(f"{name} is in {shards}, which were not encoded as parts of one whole; encode them again")
    return gathered


def _check_contents(truths: pd.DataFrame, conditions: pd.DataFrame) -> None:
    odd = truths[truths["content"] != "truth"]
    if not odd.empty:
        raise InputError(f"{odd['shard'].iloc[0]} holds no truths; give --truths those of `encode --content truth`")
    sources = sorted(set(conditions["content"]))
    if "truth" in sources or len(sources) > 1:
        raise InputError(f"--conditions: conditions of one source are needed, but these are {', '.join(sources)}")


def _check_sources(table: pd.DataFrame) -> None:
    """A truth and its condition must be of the same pixels, holes and windows."""
    odd = table[table["source"] != table["source_of_condition"]]
    if not odd.empty:
        name, truth, condition = odd[["sequence", "shard", "shard_of_condition"]].iloc[0]
        raise InputError(
            f"{name}: its truth (in {truth}) and its condition (in {condition}) were not encoded of the same windows; "
            "encode both again"
        )
