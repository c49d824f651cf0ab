"""`inpaint index`: a table of all encoded windows, from the listings of all shards."""

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
    """Write the index: a row per window that has a truth and a condition.

    Raises InputError if truths, conditions and split do not belong together.
    """
    split = SPLIT_TABLE.read(settings.split_file, "--split-file")
    truths = _combined(settings.truths, "--truths", settings.out.parent)
    conditions = _combined(settings.conditions, "--conditions", settings.out.parent)
    _check_contents(truths, conditions)
    truths, conditions = _without_left_out(truths, conditions), _without_left_out(conditions, truths)
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
    log.info("%d windows of %d sequences with conditions of %s", len(table), sequences, source)
    _log_missing(table, split)
    _log_without_hole(table)


def _combined(listings: tuple[Path, ...], option: str, folder: Path) -> pd.DataFrame:
    """The rows of all listings, with the shards' paths relative to `folder`; raises InputError for repeated windows."""
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
        raise InputError(f"{name} is in {shards}, which are not shards of one encoding; encode them again")
    return gathered


def _without_left_out(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows without sequences that encoding left out of the other content.

    Two shards of one source were encoded from the same sequences: what one of them lacks was left out.
    """
    left_out = table["source"].isin(other["source"]) & ~table["sequence"].isin(other["sequence"])
    return table[~left_out]


def _log_missing(table: pd.DataFrame, split: pd.DataFrame) -> None:
    """Warn of sequences of the encoded splits that are not in the index."""
    wanted = split[split["split"].isin(table["split"])]
    missing = wanted[~wanted["id"].isin(table["sequence"])]
    if not missing.empty:
        log.warning(
            "%d of %d sequences are missing, such as %s; the .left_out.tsv of each shard says why",
            *(len(missing), len(wanted), missing["id"].iloc[0]),
        )


def _log_without_hole(table: pd.DataFrame) -> None:
    """Warn of windows in which nothing is masked: training leaves them out."""
    without = table[table["coverage"] == 0]
    if not without.empty:
        example = f"{without['sequence'].iloc[0]} from frame {without['start'].iloc[0]}"
        log.warning("%d windows have no hole and are not trained on, such as %s", len(without), example)


def _check_contents(truths: pd.DataFrame, conditions: pd.DataFrame) -> None:
    wrong = truths[truths["content"] != "truth"]
    if not wrong.empty:
        raise InputError(f"{wrong['shard'].iloc[0]} holds no truths; give --truths those of `encode --contents truth`")
    sources = sorted(set(conditions["content"]))
    if "truth" in sources or len(sources) > 1:
        raise InputError(f"--conditions: conditions of one source are needed, but these are {', '.join(sources)}")


def _check_sources(table: pd.DataFrame) -> None:
    """Raise InputError for a truth and a condition that were not encoded from the same pixels, holes and windows."""
    wrong = table[table["source"] != table["source_of_condition"]]
    if not wrong.empty:
        name, truth, condition = wrong[["sequence", "shard", "shard_of_condition"]].iloc[0]
        raise InputError(
            f"{name}: its truth (in {truth}) and its condition (in {condition}) were not encoded from the same "
            "windows; encode both again"
        )
