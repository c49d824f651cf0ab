"""Every file format of `inpainting.artifacts`: how a file is written and read, and random contents for it.

Tables and JSON files are found in the package, and their contents are drawn from their own columns and fields; OTHERS
adds the formats that are neither.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from inpainting import artifacts
from inpainting.artifacts import examples, inspected_shard, latents, prompt, training_log, validation_pictures
from inpainting.artifacts.formats import FILES, JsonFile, ParquetTable, TextTable, digests
from inpainting.artifacts.reasons import Finding, Reason
from inpainting.artifacts.record import Content, Soundness
from inpainting.core.files import write_json
from pydantic import BaseModel

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
folder_names = texts.filter(lambda name: name not in ("", ".", "..") and "/" not in name)
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers(-(2**31), 2**31 - 1)

Strategy = st.SearchStrategy[Any]


@dataclass(frozen=True)
class Format:
    """A format: what its files hold, and how they are written and read."""

    name: str
    contents: Strategy
    write: Callable[[Path, Any], object]
    read: Callable[..., Any]
    """Of a path, and perhaps of the option that gave it."""
    file: Callable[[Path], Path] = lambda path: path
    """What is damaged of it, where it is a folder."""
    checked: bool = True
    """Whether all damage is noticed; a table that people may write, and a log that grows, have no checksum."""


def modules() -> list[ModuleType]:
    names = [found.name for found in pkgutil.iter_modules(artifacts.__path__)]
    return [importlib.import_module(f"{artifacts.__name__}.{name}") for name in names]


def plain_values() -> list[Any]:
    """The tables and classes of JSON files that modules of `artifacts` name, each once."""
    values = {id(value): value for module in modules() for value in vars(module).values()}.values()
    return [
        value
        for value in values
        if isinstance(value, TextTable | ParquetTable)
        or (inspect.isclass(value) and issubclass(value, JsonFile) and value is not JsonFile)
    ]


def plain_format(value: Any) -> Format:
    if isinstance(value, TextTable):
        return text_format(value)
    return parquet_format(value) if isinstance(value, ParquetTable) else json_format(value)


def json_format(kind: type[JsonFile]) -> Format:
    return Format(kind.wanted, model(kind), lambda path, content: content.write(path), kind.read)


def model(kind: type[BaseModel]) -> Strategy:
    """Any content of a model."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: value(hints[name]) for name in kind.model_fields})


def value(hint: Any) -> Strategy:
    """Any value of a type that models have."""
    simple = {str: texts, int: numbers, float: floats, bool: st.booleans(), Any: texts | numbers, NoneType: st.none()}
    if hint in simple:
        return simple[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is list:
        return st.lists(value(inner[0]), min_size=1, max_size=2)
    if origin is dict:
        return st.dictionaries(value(inner[0]), value(inner[1]), max_size=2)
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return model(hint)
    return st.one_of(*map(value, inner))


def text_format(table: TextTable) -> Format:
    cells: Mapping[str, Strategy] = {
        "str": texts,
        "bool": st.booleans(),
        "int64": numbers,
        "Int64": st.none() | numbers,
        "float64": st.floats(),
    }
    dtypes = {**table.columns, **({"further": table.others} if table.others else {})}
    rows = st.lists(st.fixed_dictionaries({name: cells[dtype] for name, dtype in dtypes.items()}), max_size=3)
    frames = rows.map(lambda found: pd.DataFrame(found, columns=list(dtypes)).astype(dtypes))

    def write(path: Path, content: pd.DataFrame) -> None:
        table.write(path, content)
        if table.digest_file:
            write_json(path.with_name(table.digest_file.format(stem=path.stem)), {FILES: digests(path)})

    return Format(table.wanted, frames, write, table.read, checked=bool(table.digest_file))


def parquet_format(table: ParquetTable) -> Format:
    cells = {
        pa.string(): texts,
        pa.int32(): numbers,
        pa.int64(): numbers,
        pa.float64(): st.none() | floats,
        pa.list_(pa.float32()): st.lists(st.floats(width=32, allow_nan=False), max_size=2),
    }
    schema = table.schema.append(pa.field("further", pa.float64())) if table.others else table.schema
    columns = {field.name: cells[field.type] for field in schema}
    if table.folders:
        columns[table.folders] = folder_names
    rows = st.lists(st.fixed_dictionaries(columns), max_size=3)
    frames = rows.map(lambda found: pa.Table.from_pylist(found, schema).to_pandas())
    provenance = {"settings": {"seed": 0}, "versions": {"python": "3"}, "inputs": {"data": "0" * 500}}

    def read(path: Path, option: str | None = None) -> tuple[pd.DataFrame, dict[str, Any]]:
        return table.read(path, option), table.provenance(path).model_dump()

    contents = frames.map(lambda frame: (frame, provenance))
    return Format(table.wanted, contents, lambda path, content: table.write(path, *content), read)


findings = st.lists(st.builds(Finding, st.sampled_from(Reason), st.none() | numbers, texts), max_size=2)
sound = st.builds(Soundness, numbers, numbers, numbers, texts, findings)
content = st.builds(
    Content, st.lists(floats, max_size=2), *[st.none() | floats for _ in range(5)], texts, findings
)  # fmt: skip
metrics = st.lists(st.fixed_dictionaries(dict.fromkeys(training_log.REQUIRED_COLUMNS, floats)), min_size=1, max_size=3)


def write_log(path: Path, rows: list[dict[str, float]]) -> None:
    path.unlink(missing_ok=True)
    for row in rows:
        training_log.append_row(path, row)


def write_examples(folder: Path, frames: Any) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    examples.write_example(folder, {examples.RAW: frames})


def write_pictures(folder: Path, pictures: dict[str, tuple[Any, Any]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, (truth, output) in pictures.items():
        (folder / name).mkdir(parents=True)
        validation_pictures.write_picture(folder / name, truth, output)


def write_latents(path: Path, tensors: dict[str, Any]) -> None:
    latents.write_shard(path, tensors, "truth", KEYS, "source", {})


def read_latents(path: Path) -> dict[str, Any]:
    shard = latents.Shard(path)
    assert (shard.content, shard.keys, shard.source, shard.digest) == (
        "truth",
        KEYS,
        "source",
        latents.shard_digest(KEYS),
    )
    return {name: shard.tensor(name) for name in shard.names}


KEYS = {"a": "0" * 500}
tensors = st.lists(floats, min_size=1, max_size=4).map(lambda found: torch.tensor(found, dtype=torch.float32))
pixels = arrays(np.uint8, st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4), st.just(3)))
squares = st.integers(1, 4).flatmap(lambda side: arrays(np.uint8, (side, side, 3)))

OTHERS = {
    examples: Format(
        "examples",
        pixels,
        write_examples,
        lambda folder: examples.read_example(folder, examples.RAW, examples.count_frames(folder)),
        checked=False,
        file=lambda folder: folder / examples.RAW / "frame_00001.png",
    ),
    latents: Format("latents", st.dictionaries(texts, tensors, max_size=2), write_latents, read_latents),
    prompt: Format("prompt", tensors, prompt.write_prompt, prompt.read_prompt),
    inspected_shard: Format(
        "inspected_shard",
        st.builds(
            inspected_shard.InspectedShard,
            st.dictionaries(texts, texts, max_size=2),
            numbers,
            numbers,
            st.lists(st.tuples(texts, sound, content), max_size=2),
        ),
        lambda path, shard: shard.write(path),
        inspected_shard.InspectedShard.read,
    ),
    validation_pictures: Format(
        "validation_pictures",
        st.fixed_dictionaries({"a": squares.flatmap(lambda square: st.tuples(st.just(square), st.just(255 - square)))}),
        write_pictures,
        validation_pictures.read_pictures,
        checked=False,
        file=lambda folder: folder / "a" / validation_pictures.PICTURE_FILE,
    ),
    training_log: Format(
        "training_log",
        metrics,
        write_log,
        lambda *given: training_log.read_metrics(*given).to_dict("records"),
        checked=False,
    ),
}

FORMATS = [*map(plain_format, plain_values()), *OTHERS.values()]


def equal(one: Any, other: Any) -> bool:
    """Whether two contents are the same, types included; NaN equals NaN in tables."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, pd.DataFrame):
        return bool(list(one.dtypes) == list(other.dtypes) and one.equals(other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    return bool(np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other)
