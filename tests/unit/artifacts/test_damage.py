"""A file that was cut off, changed or replaced by another kind of file is refused, and never read as something else."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from artifact_formats import FORMATS, Format, equal
from damage import ends_of_columns, flip_bit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inpainting.artifacts.formats import ParquetTable
from inpainting.artifacts.latent_index import LATENT_INDEX
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.scores import SCORES
from inpainting.core.errors import InputError

FOREIGN = (b"", b"\0" * 40, b"{}", b"[1]", b"7", b'{"a": 1}\n', b"a\tb\n1\t2\n", b"\xff\xfe\n", b"PAR1\0\0\0\0PAR1")

each_format = pytest.mark.parametrize("format_", FORMATS, ids=[format_.name for format_ in FORMATS])
each_table = pytest.mark.parametrize("table", [MANIFEST, SCORES, LATENT_INDEX], ids=["manifest", "scores", "index"])
drawn = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refused(format_: Format, path: Path) -> Any:
    """What is read of a file, or the InputError, which has to be a sentence that names the file."""
    try:
        return format_.read(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return error


@each_format
@drawn
@given(data=st.data())
def test_a_file_that_was_cut_off_or_changed_is_refused_or_its_content_unchanged(
    format_: Format, path: Path, data: st.DataObject
) -> None:
    content = data.draw(format_.contents)
    format_.write(path, content)
    whole = format_.file(path).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    flip = 1 << data.draw(st.integers(0, 7))
    for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]):
        format_.file(path).write_bytes(damaged)
        result = read_or_refused(format_, path)
        assert isinstance(result, InputError) or equal(result, content) or not format_.checked


@each_format
@drawn
@given(data=st.data())
def test_another_file_is_refused(format_: Format, path: Path, data: st.DataObject) -> None:
    format_.write(path, data.draw(format_.contents))
    format_.file(path).write_bytes(data.draw(st.sampled_from(FOREIGN)))
    assert isinstance(read_or_refused(format_, path), InputError)


def rows_of(table: ParquetTable) -> pa.Table:
    """Three rows of a table, the second without the values that may be absent."""
    values: dict[pa.DataType, list[Any]] = {
        pa.string(): ["first", "second", "third"],
        pa.int32(): [1, 2, 3],
        pa.int64(): [1, 2, 3],
        pa.float64(): [0.5, None, 1.5],
        pa.list_(pa.float32()): [[0.25, 0.5], [], [0.75]],
    }
    schema = table.schema.append(pa.field("psnr_mask", pa.float64())) if table.others else table.schema
    return pa.table([pa.array(values[field.type], field.type) for field in schema], schema=schema)


def written(table: ParquetTable, path: Path) -> pd.DataFrame:
    """What is in a file that was written with three rows."""
    table.write(path, rows_of(table).to_pandas(), {"settings": {}, "versions": {}, "inputs": {}})
    return table.read(path)


@each_table
def test_a_flipped_bit_in_any_column_is_refused_by_file_and_command(table: ParquetTable, path: Path) -> None:
    names = written(table, path).columns
    ends = ends_of_columns(path)
    assert {name.partition(".")[0] for name in ends} == {*names}
    for place in ends.values():
        flip_bit(path, place)
        with pytest.raises(InputError) as refused:
            table.read(path)
        assert str(refused.value).startswith(f"{path} is damaged") and str(refused.value).endswith(table.wanted)
        flip_bit(path, place)
    assert equal(table.read(path), written(table, path))


@each_table
def test_a_flipped_bit_in_the_name_of_a_column_is_refused(table: ParquetTable, path: Path) -> None:
    before = written(table, path)
    whole = path.read_bytes()
    last = str(before.columns[-1]).encode()
    refused = 0
    for place in range(len(whole) - len(last)):
        if whole[place : place + len(last)] == last:
            flip_bit(path, place)
            try:
                assert equal(table.read(path), before)
            except InputError as error:
                assert str(error).startswith(f"{path} is damaged") and str(error).endswith(table.wanted)
                refused += 1
            path.write_bytes(whole)
    assert refused


@each_table
def test_a_table_that_was_written_without_checksums_is_read(table: ParquetTable, path: Path) -> None:
    expected = written(table, path)
    pq.write_table(rows_of(table), path)
    assert equal(table.read(path), expected)


@each_table
def test_a_thousand_seeded_flips_are_refused_or_change_nothing(table: ParquetTable, path: Path) -> None:
    before = written(table, path)
    whole = path.read_bytes()
    chosen = random.Random(0)
    for _ in range(1000):
        path.write_bytes(whole)
        place = chosen.randrange(len(whole))
        flip_bit(path, place, chosen.randrange(8))
        with contextlib.suppress(InputError):
            assert equal(table.read(path), before), place
