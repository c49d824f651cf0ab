"""groups.tsv beside a dataset's sequences: which of them belong together, columns id and group.

A group is never parted by the split. Written by whoever knows how the dataset was made, or by `inpaint import`; read by
the audit. Sequences that it does not name stand alone.
"""

from collections.abc import Mapping
from pathlib import Path

from inpainting.artifacts.formats import TextTable
from inpainting.core.errors import InputError

GROUPS = "groups.tsv"

GROUPS_TABLE = TextTable({"id": "str", "group": "str"}, wanted="a table of id and group, parted by tabs")


def read_groups(dataset: Path) -> dict[str, str]:
    """The group of each id that the table in a dataset's folder names; empty where there is no such table.

    Raises InputError for a file without the columns id and group, with an empty cell or with an id in two groups.
    """
    path = dataset / GROUPS
    if not path.exists():
        return {}
    table = GROUPS_TABLE.read(path).drop_duplicates()
    if (table == "").any(axis=None):
        raise InputError(f"{path} has an empty id or group; leave out the sequences that stand alone")
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{path} puts {twice.iloc[0]} into two groups; one is needed")
    return dict(zip(table["id"], table["group"], strict=True))


def write_groups(dataset: Path, groups: Mapping[str, str]) -> None:
    """Write the table of groups by id into a dataset's folder."""
    import pandas as pd

    GROUPS_TABLE.write(dataset / GROUPS, pd.DataFrame(sorted(groups.items()), columns=["id", "group"]))
