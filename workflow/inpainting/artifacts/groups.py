"""groups.tsv beside a dataset's sequences: sequences that belong together; columns id and group.

The split keeps all sequences of a group in one set. Written by hand or by `inpaint import`; read by the audit. A
sequence that is not in the table is a group of its own.
"""

from collections.abc import Mapping
from pathlib import Path

from inpainting.artifacts.formats import TextTable
from inpainting.core.errors import InputError

GROUPS = "groups.tsv"

GROUPS_TABLE = TextTable({"id": "str", "group": "str"}, wanted="a tab-separated table with the columns id and group")


def read_groups(dataset: Path) -> dict[str, str]:
    """Read groups by id from the table in a dataset's folder; empty if there is no such table.

    Raises InputError if the columns id and group are missing, a cell is empty or an id is in two groups.
    """
    path = dataset / GROUPS
    if not path.exists():
        return {}
    table = GROUPS_TABLE.read(path).drop_duplicates()
    if (table == "").any(axis=None):
        raise InputError(f"{path} has an empty id or group; leave out sequences that belong to no group")
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{path} puts {twice.iloc[0]} into two groups; give it one")
    return dict(zip(table["id"], table["group"], strict=True))


def write_groups(dataset: Path, groups: Mapping[str, str]) -> None:
    """Write the table of groups by id into a dataset's folder."""
    import pandas as pd

    GROUPS_TABLE.write(dataset / GROUPS, pd.DataFrame(sorted(groups.items()), columns=["id", "group"]))
