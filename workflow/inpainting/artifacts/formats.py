"""Base formats of all files that pass between stages: JSON, tab-separated text and parquet.

Files are written atomically. A damaged file, or one of another kind, raises an InputError with one sentence: the file,
what is wrong, and the command that makes it. Damage is detected by checksums: in JSON files over all other content; in
parquet files over each page and over the columns' names and lengths; for a text table in the JSON file that is written
with it.
"""

import contextlib
import csv
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from inpainting.core.errors import InputError, first_line
from inpainting.core.files import atomic_path, file_digest, read_json, value_digest, write_json
from inpainting.core.settings import error_sentences, existing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ModelT = TypeVar("ModelT", bound=BaseModel)

CHECKSUM = "checksum"
"""Key of the checksum over all other content, in JSON files and in the metadata of parquet files."""

COLUMNS_DIGEST = "columns"
"""Key of `columns_digest` in a parquet file's metadata; page checksums cover neither names nor lengths."""

FILES = "files"
"""Key in a JSON file of the digests, by file name, of the tables written with it."""


class Damaged(ValueError):
    """A file's content is not what was written; the message says what is wrong."""


@contextlib.contextmanager
def reading(path: Path, wanted: str, option: str | None = None) -> Iterator[None]:
    """Turn any exception raised inside into an InputError that names the file and `wanted`, a file that would be right.

    Any, because damaged files make the libraries raise exceptions without a common base class. Raises UsageError if
    `option`, which named the path, is given and the path does not exist.
    """
    if option is not None:
        existing(path, option, wanted)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        wrong = f"it lacks {error}" if isinstance(error, KeyError) else first_line(error)
        raise InputError(f"{path} is damaged or of another kind ({wrong[:300]}); give {wanted}") from error


class Provenance(BaseModel):
    """Where a result comes from, see `core.provenance.describe`; results may add keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    settings: dict[str, Any]
    """Settings that affect it."""
    versions: dict[str, str]
    """Versions of Python and of packages."""
    inputs: dict[str, str]
    """SHA-256 of its inputs, by name."""


ProvenanceT = TypeVar("ProvenanceT", bound=Provenance)


class JsonFile(BaseModel):
    """A JSON file with the fields of a subclass as keys, and a checksum.

    A file without a checksum, such as one written by hand, is read without this check.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    wanted: ClassVar[str]
    """The file and the command that makes it, for messages."""

    @classmethod
    def read(cls, path: Path, option: str | None = None) -> Self:
        """Read the file; raises InputError if it is damaged or of another kind, see `reading`."""
        with reading(path, cls.wanted, option):
            content = read_json(path)
            if not isinstance(content, dict):
                raise Damaged("it does not hold a JSON object")
            if content.pop(CHECKSUM, None) not in (None, value_digest(content)):
                raise Damaged("its checksum does not match")
            return validated(cls, content)

    def write(self, path: Path) -> None:
        """Write the file atomically."""
        content = json.loads(self.model_dump_json())
        write_json(path, content | {CHECKSUM: value_digest(content)})


def validated(model: type[ModelT], content: Any) -> ModelT:
    """Validate `content` as a model; raises Damaged with a sentence about the first wrong value."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Damaged(error_sentences(error, model, option=False)[0]) from error


def digests(*paths: Path) -> dict[str, str]:
    """SHA-256 of files by name: of text tables, for the JSON file that is written with them."""
    return {path.name: file_digest(path) for path in paths}


@dataclass(frozen=True)
class TextTable:
    """A tab-separated text table with a header."""

    columns: Mapping[str, str]
    """Required columns and their pandas dtypes, which are keys of CELLS."""
    wanted: str
    """The file and the command that makes it, for messages."""
    digest_file: str = ""
    """Name of the JSON file beside the table that holds its digest under FILES, with `{stem}` for the table's stem. If
    that file exists, a table with another digest is refused. Empty for a table that may be written by hand."""
    others: str = ""
    """The dtype of further columns; empty: they are dropped."""

    def write(self, path: Path, table: "pd.DataFrame") -> None:
        """Write the columns atomically; a carriage return in a cell, which would end the row, becomes a space."""
        check_columns(table.columns, self.columns)
        shown = table if self.others else table[list(self.columns)]
        with atomic_path(path) as temporary:
            shown.replace("\r", " ", regex=True).to_csv(temporary, sep="\t", index=False, lineterminator="\n")

    def read(self, path: Path, option: str | None = None) -> "pd.DataFrame":
        """Read the columns in the file's order; raises InputError for a damaged or foreign file, see `reading`."""
        import pandas as pd

        with reading(path, self.wanted, option):
            self._check_digest(path)
            with path.open(encoding="utf-8-sig", newline="") as stream:
                header, *rows = [row for row in csv.reader(stream, delimiter="\t", strict=True) if row] or [[]]
            check_columns(header, self.columns)
            for number, row in enumerate(rows, 2):
                if len(row) != len(header):
                    raise Damaged(f"row {number} has {len(row)} cells, not {len(header)}")
            cells = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
            dtypes = {name: self.columns.get(name, self.others) for name in header}
            return pd.DataFrame(
                {
                    name: pd.Series([CELLS[dtype](cell) for cell in cells[name]], dtype=dtype)
                    for name, dtype in dtypes.items()
                    if dtype
                }
            )

    def _check_digest(self, path: Path) -> None:
        if not self.digest_file:
            return
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            raise Damaged("its last line is cut off: it has no line break")
        digest_file = path.with_name(self.digest_file.format(stem=path.stem))
        if digest_file.exists():
            with reading(digest_file, f"the file that was written with {path.name}"):
                written = read_json(digest_file).get(FILES, {}).get(path.name)
            if written not in (None, file_digest(path)):
                raise Damaged(
                    f"it differs from what was written with {digest_file.name}; if you edited it, remove that"
                )


def _boolean(cell: str) -> bool:
    return {"True": True, "False": False}[cell]


CELLS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "bool": _boolean,
    "int64": int,
    "Int64": lambda cell: int(cell) if cell else None,
    "float64": lambda cell: float(cell) if cell else math.nan,
}
"""By dtype, the function that parses a cell; an empty cell is a missing value, or the empty text."""


@dataclass(frozen=True)
class ParquetTable:
    """A parquet table with page checksums, and its provenance as JSON in the file's metadata."""

    schema: "pa.Schema"
    """Required columns and their types."""
    wanted: str
    """The file and the command that makes it, for messages."""
    others: bool = False
    """Whether further columns are kept; else they are dropped."""
    folders: str = ""
    """A column whose values name folders; a table in which one would lead to another place is refused."""

    def write(self, path: Path, table: "pd.DataFrame", provenance: Mapping[str, Any] | None = None) -> None:
        """Write the columns and the provenance, if given, atomically."""
        import pyarrow as pa

        rows = self._in_order(pa.Table.from_pandas(table, preserve_index=False))
        write_parquet(path, rows, provenance)

    def read(self, path: Path, option: str | None = None) -> "pd.DataFrame":
        """Read the columns, the required ones first; raises InputError if the file is damaged or of another kind.

        A file without checksums, of an earlier version, is read without these checks.
        """
        import pyarrow.parquet as pq

        with reading(path, self.wanted, option):
            rows = pq.read_table(path, page_checksum_verification=True)
            names_digest = (rows.schema.metadata or {}).get(COLUMNS_DIGEST.encode(), b"").decode()
            # Earlier versions wrote a digest of the names alone.
            if names_digest not in ("", value_digest(rows.column_names), columns_digest(rows)):
                raise Damaged("the names or lengths of its columns are not those that were written")
            table = self._in_order(rows)
            for name in table[self.folders].to_pylist() if self.folders else ():
                if not name or name in (".", "..") or "/" in name:
                    raise Damaged(f"its {self.folders} {name!r} does not name a folder")
            return table.to_pandas()

    def _in_order(self, table: "pa.Table") -> "pa.Table":
        """The required columns first, cast to their types."""
        import pyarrow as pa

        check_columns(table.column_names, self.schema.names)
        others = [field for field in table.schema if field.name not in self.schema.names and self.others]
        schema = pa.schema([*self.schema, *others])
        return table.select(schema.names).cast(schema)

    def provenance(self, path: Path, option: str | None = None) -> Provenance:
        """Read the provenance; raises InputError if there is none or it is damaged, see `reading`."""
        return read_provenance(Provenance, path, self.wanted, option)


def write_parquet(path: Path, rows: "pa.Table", provenance: Mapping[str, Any] | None = None) -> None:
    """Write a parquet table with page checksums, a digest of the column names, and its provenance as JSON."""
    import pyarrow.parquet as pq

    metadata = {COLUMNS_DIGEST: columns_digest(rows)}
    if provenance is not None:
        metadata |= {"provenance": json.dumps(provenance), CHECKSUM: value_digest(provenance)}
    with atomic_path(path) as temporary:
        pq.write_table(rows.replace_schema_metadata(metadata), temporary, write_page_checksum=True)


def columns_digest(rows: "pa.Table") -> str:
    """SHA-256 over each column's name, length, number of missing values and, of lists, number of values, in hex."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def values(column: "pa.ChunkedArray") -> int | None:
        return pc.sum(pc.list_value_length(column)).as_py() if pa.types.is_list(column.type) else None

    columns = zip(rows.column_names, rows.columns, strict=True)
    return value_digest([[name, len(column), column.null_count, values(column)] for name, column in columns])


def read_provenance(model: type[ProvenanceT], path: Path, wanted: str, option: str | None = None) -> ProvenanceT:
    """Read the provenance of a parquet table; raises InputError if there is none or it is damaged, see `reading`."""
    import pyarrow.parquet as pq

    with reading(path, wanted, option):
        metadata = pq.read_schema(path).metadata or {}
        if b"provenance" not in metadata:
            raise Damaged("it lacks its provenance")
        provenance = json.loads(metadata[b"provenance"])
        if metadata.get(CHECKSUM.encode(), b"").decode() not in ("", value_digest(provenance)):
            raise Damaged("the checksum of its provenance does not match")
        return validated(model, provenance)


def check_columns(found: Collection[str], needed: Collection[str]) -> None:
    """Raise Damaged if columns are missing or two have the same name."""
    if absent := [name for name in needed if name not in found]:
        raise Damaged(f"it lacks the column{'s' * (len(absent) > 1)} {', '.join(absent)}")
    if len(set(found)) < len(found):
        raise Damaged("two of its columns have the same name")
