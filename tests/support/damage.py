"""Damage to files that a checksum has to notice."""

from pathlib import Path

import pyarrow.parquet as pq
from inpainting.core.sums import SUMS_FILE


def flip_bit(path: Path, place: int, bit: int = 0) -> None:
    """Flip a bit, 0 the lowest, of the byte at `place`."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def remove_sums(folder: Path) -> Path:
    """Leave a checkpoint or an adapter as an earlier version wrote it, without digests of its files."""
    for path in folder.rglob(SUMS_FILE):
        path.unlink()
    return folder


def ends_of_columns(path: Path) -> dict[str, int]:
    """For each column of a parquet file the place of the last byte of its data, by the column's name."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {column.path_in_schema: _start(column) + column.total_compressed_size - 1 for column in columns}


def _start(column: pq.ColumnChunkMetaData) -> int:
    return column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset


def flip_content_bit(path: Path) -> None:
    """Flip a bit of what a file holds: in a parquet file of its first column's data, else in the middle."""
    middle = path.stat().st_size // 2
    flip_bit(path, next(iter(ends_of_columns(path).values())) if path.suffix == ".parquet" else middle)
