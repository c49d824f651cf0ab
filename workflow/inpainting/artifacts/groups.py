"""groups.tsv beside a dataset's sequences: sequences that belong together; columns id and group.

The split keeps all sequences of a group in one set. Written by hand or by `inpaint import`; read by the audit. A
sequence that is not in the table is a group of its own.
"""

from collections.abc import Mapping
from pathlib import Path

from inpainting.artifacts.formats import TextTable
from inpainting.core.errors import InputError
from inpainting.core.tables import read_written_table

GROUPS = "groups.tsv"

GROUPS_TABLE = TextTable({"id": "str", "group": "str"}, wanted="a tab-separated table with the columns id and group")


def read_groups(dataset: Path) -> dict[str, str]:
    """Read groups by id from the table in a dataset's folder; empty if there is no such table.

    Raises InputError if the columns id and group are missing, a cell is empty or an id is in two groups.
    """
    path = dataset / GROUPS
    if not path.exists():
        return {}
    groups: dict[str, str] = {}
    for row in read_written_table(path, ("id", "group")):
        if not row["id"] or not row["group"]:
            raise InputError(f"{path} has an empty id or group; leave out sequences that belong to no group")
        if groups.setdefault(row["id"], row["group"]) != row["group"]:
            raise InputError(f"{path} puts {row['id']} into two groups; give it one")
    return groups


def write_groups(dataset: Path, groups: Mapping[str, str]) -> None:
    """Write the table of groups by id into a dataset's folder."""
    import pandas as pd

    GROUPS_TABLE.write(dataset / GROUPS, pd.DataFrame(sorted(groups.items()), columns=["id", "group"]))
