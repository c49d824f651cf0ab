"""groups.tsv: which sequences belong together, by whoever knows how the dataset was made."""

from pathlib import Path

from inpainting.errors import InputError
from inpainting.files import read_table

GROUPS = "groups.tsv"


def read_groups(root: Path) -> dict[str, str]:
    """The group of each id that groups.tsv below `root` lists; empty where there is no such file.

    Raises InputError for a file without the columns id and group, with an empty cell or with an id in two groups.
    """
    path = root / GROUPS
    if not path.exists():
        return {}
    try:
        table = read_table(path)
    except ValueError as error:
        raise InputError(f"{path} can't be read as a table: {error}") from error
    if not {"id", "group"} <= set(table.columns):
        raise InputError(f"{path} has the columns {', '.join(table.columns)}; id and group are needed, parted by a tab")
    table = table[["id", "group"]].drop_duplicates()
    if table.isna().any(axis=None):
        raise InputError(f"{path} has an empty id or group; leave out the sequences that stand alone")
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{path} puts {twice.iloc[0]} into two groups; one is needed")
    return dict(zip(table["id"], table["group"], strict=True))
