"""Every file format of `artifacts`: a file is read back as it was written, and what is missing is named."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from artifact_formats import FORMATS, OTHERS, Format, equal, model, modules, plain_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inpainting.artifacts import examples, latents, validation_pictures
from inpainting.artifacts import formats as formats_module
from inpainting.artifacts.formats import JsonFile, ParquetTable, TextTable
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import write_json

drawn = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def name_of(format_: Format) -> str:
    return format_.name


@pytest.mark.parametrize("format_", FORMATS, ids=name_of)
@drawn
@given(data=st.data())
def test_a_file_is_read_as_it_was_written(format_: Format, path: Path, data: st.DataObject) -> None:
    content = data.draw(format_.contents)
    format_.write(path, content)
    assert equal(format_.read(path), content)


WITHOUT_OPTION = (OTHERS[examples], OTHERS[latents], OTHERS[validation_pictures])
"""Formats whose files are found beside others."""


@pytest.mark.parametrize("format_", [format_ for format_ in FORMATS if format_ not in WITHOUT_OPTION], ids=name_of)
def test_a_file_that_an_option_names_and_that_is_not_there_is_wrong_usage(format_: Format, path: Path) -> None:
    with pytest.raises(UsageError, match=f"--some-file: {path} does not exist; give "):
        format_.read(path, "--some-file")


@pytest.mark.parametrize("kind", [value for value in plain_values() if inspect.isclass(value)])
@drawn
@given(data=st.data())
def test_json_that_lacks_a_key_is_refused_by_its_name(kind: type[JsonFile], path: Path, data: st.DataObject) -> None:
    content = data.draw(model(kind)).model_dump(mode="json")
    key = data.draw(st.sampled_from(sorted(content)))
    write_json(path, {name: value for name, value in content.items() if name != key})
    with pytest.raises(InputError, match=f"{key}: a value is needed"):
        kind.read(path)


@pytest.mark.parametrize("table", [value for value in plain_values() if not inspect.isclass(value)])
def test_a_table_that_lacks_a_column_is_refused_by_its_name(table: TextTable | ParquetTable, path: Path) -> None:
    columns = list(table.columns) if isinstance(table, TextTable) else table.schema.names
    for absent in columns:
        rest = pd.DataFrame(columns=[name for name in columns if name != absent])
        if isinstance(table, TextTable):
            rest.to_csv(path, sep="\t", index=False)
        else:
            rest.to_parquet(path)
        with pytest.raises(InputError, match=f"lacks the column {absent}"):
            table.read(path)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_module_that_writes_is_among_the_formats(module: ModuleType) -> None:
    writes = re.search(r"\b(write|save|append)\w*\(", inspect.getsource(module))
    named = {id(value) for value in plain_values()} & {id(value) for value in vars(module).values()}
    assert not writes or named or module in {*OTHERS, formats_module}
