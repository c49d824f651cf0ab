"""What every file that passes between stages promises, and the forms that most of them have: JSON, text and parquet.

A file is written complete or not at all, and read whole or refused: an InputError says in one sentence which file it
is, what is wrong with it, and which command makes such a file. Damage is noticed, too: JSON carries a checksum, parquet
checksums its pages, and a table of text has its digest in the JSON file that is written with it.
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

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, file_digest, read_json, value_digest, write_json
from inpainting.core.settings import error_sentences, existing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ModelT = TypeVar("ModelT", bound=BaseModel)

CHECKSUM = "checksum"
"""The key of a JSON file's checksum, over all its other content."""

FILES = "files"
"""The key under which a JSON file keeps the digests of tables that are written with it, by file name."""


class Damaged(ValueError):
    """What was read is not what was written; the message says what is wrong."""


@contextlib.contextmanager
def reading(path: Path, wanted: str, option: str | None = None) -> Iterator[None]:
    """Inside, a reader's error becomes an InputError that names the file and what is wanted in its place.

    That is any error: of what damage makes the libraries raise, little has a base class of its own. Raises UsageError
    at once where `option` gave a path that does not exist.
    """
    if option is not None:
        existing(path, option, wanted)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        wrong = f"it lacks {error}" if isinstance(error, KeyError) else str(error).strip() or repr(error)
        raise InputError(
            f"{path} is damaged or of another kind ({wrong.splitlines()[0][:300]}); give {wanted}"
        ) from error


class Provenance(BaseModel):
    """Where a result comes from, see `core.provenance.describe`; a result may add keys of its own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    settings: dict[str, Any]
    """The settings that shape it."""
    versions: dict[str, str]
    """Python's and the packages'."""
    inputs: dict[str, str]
    """Digests of what it was made from."""


ProvenanceT = TypeVar("ProvenanceT", bound=Provenance)


class JsonFile(BaseModel):
    """A JSON file: its keys are the fields of a subclass, and a checksum is written beside them.

    A file without one, as a person may write it, is read all the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    wanted: ClassVar[str]
    """What the file is, and which command makes it, for messages."""

    @classmethod
    def read(cls, path: Path, option: str | None = None) -> Self:
        """The file's content; raises InputError for one that is damaged or another's, see `reading`."""
        with reading(path, cls.wanted, option):
            content = read_json(path)
            if not isinstance(content, dict):
                raise Damaged("it holds no object")
            if content.pop(CHECKSUM, None) not in (None, value_digest(content)):
                raise Damaged("its checksum is another")
            return validated(cls, content)

    def write(self, path: Path) -> None:
        """Write the file, complete or not at all."""
        content = json.loads(self.model_dump_json())
        write_json(path, content | {CHECKSUM: value_digest(content)})


def validated(model: type[ModelT], content: Any) -> ModelT:
    """The content as a model; raises Damaged with a sentence on the first value that is wrong."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Damaged(error_sentences(error, model, option=False)[0]) from error


def digests(*paths: Path) -> dict[str, str]:
    """The digests of tables of text, for the JSON file that is written with them: SHA-256 by file name."""
    return {path.name: file_digest(path) for path in paths}


@dataclass(frozen=True)
class TextTable:
    """A table of text: a header, and cells parted by tabs."""

    columns: Mapping[str, str]
    """The columns that are needed, and their pandas dtypes: keys of CELLS."""
    wanted: str
    """What the file is, and which command makes it, for messages."""
    witness: str = ""
    """The JSON file beside the table that has its digest among its FILES, `{stem}` standing for the table's name; where
    that file is there, a table of another digest is refused. Empty for a table that people may write."""
    others: str = ""
    """The dtype of further columns; where it is empty, these are left out."""

    def write(self, path: Path, table: "pd.DataFrame") -> None:
        """Write the columns, complete or not at all; a carriage return, which would end a row, becomes a space."""
        check_columns(table.columns, self.columns)
        shown = table if self.others else table[list(self.columns)]
        with atomic_path(path) as temporary:
            shown.replace("\r", " ", regex=True).to_csv(temporary, sep="\t", index=False, lineterminator="\n")

    def read(self, path: Path, option: str | None = None) -> "pd.DataFrame":
        """The columns in the file's order; raises InputError for a file that is damaged or another's, see `reading`."""
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
        if not self.witness:
            return
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            raise Damaged("its last line is cut off: it has no line break")
        witness = path.with_name(self.witness.format(stem=path.stem))
        if witness.exists():
            with reading(witness, f"what was written with {path.name}"):
                written = read_json(witness).get(FILES, {}).get(path.name)
            if written not in (None, file_digest(path)):
                raise Damaged(f"it is not what was written with {witness.name}; remove that if this is meant")


def _boolean(cell: str) -> bool:
    return {"True": True, "False": False}[cell]


CELLS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "bool": _boolean,
    "int64": int,
    "Int64": lambda cell: int(cell) if cell else None,
    "float64": lambda cell: float(cell) if cell else math.nan,
}
"""By dtype, what a cell's text says; an empty one is no value, or the empty text."""


@dataclass(frozen=True)
class ParquetTable:
    """A table in parquet, its pages with checksums, its provenance in the file's metadata as JSON."""

    schema: "pa.Schema"
    """The columns that are needed, and their types."""
    wanted: str
    """What the file is, and which command makes it, for messages."""
    others: bool = False
    """Whether further columns are kept, of whatever type; else they are left out."""

    def write(self, path: Path, table: "pd.DataFrame", provenance: Mapping[str, Any] | None = None) -> None:
        """Write the columns and, where it is given, the provenance, complete or not at all."""
        import pyarrow as pa

        rows = self._in_order(pa.Table.from_pandas(table, preserve_index=False))
        write_parquet(path, rows, provenance)

    def read(self, path: Path, option: str | None = None) -> "pd.DataFrame":
        """The columns, others left out; raises InputError for a file that is damaged or another's, see `reading`."""
        import pyarrow.parquet as pq

        with reading(path, self.wanted, option):
            return self._in_order(pq.read_table(path, page_checksum_verification=True)).to_pandas()

    def _in_order(self, table: "pa.Table") -> "pa.Table":
        """The needed columns first, of their types."""
        import pyarrow as pa

        check_columns(table.column_names, self.schema.names)
        others = [field for field in table.schema if field.name not in self.schema.names and self.others]
        schema = pa.schema([*self.schema, *others])
        return table.select(schema.names).cast(schema)

    def provenance(self, path: Path, option: str | None = None) -> Provenance:
        """Where the table comes from; raises InputError where it does not say, see `reading`."""
        return read_provenance(Provenance, path, self.wanted, option)


def write_parquet(path: Path, rows: "pa.Table", provenance: Mapping[str, Any] | None = None) -> None:
    """Write a table in parquet, its pages with checksums, with its provenance in the file's metadata as JSON."""
    import pyarrow.parquet as pq

    about = {} if provenance is None else {"provenance": json.dumps(provenance), CHECKSUM: value_digest(provenance)}
    with atomic_path(path) as temporary:
        pq.write_table(rows.replace_schema_metadata(about), temporary, write_page_checksum=True)


def read_provenance(model: type[ProvenanceT], path: Path, wanted: str, option: str | None = None) -> ProvenanceT:
    """What a table in parquet says of where it comes from; raises InputError where it does not, see `reading`."""
    import pyarrow.parquet as pq

    with reading(path, wanted, option):
        about = pq.read_schema(path).metadata or {}
        if b"provenance" not in about:
            raise Damaged("it lacks its provenance")
        provenance = json.loads(about[b"provenance"])
        if about.get(CHECKSUM.encode(), b"").decode() not in ("", value_digest(provenance)):
            raise Damaged("its provenance has another checksum")
        return validated(model, provenance)


def check_columns(found: Collection[str], needed: Collection[str]) -> None:
    """Raise Damaged where a table lacks columns, or has one twice."""
    if absent := [name for name in needed if name not in found]:
        raise Damaged(f"it lacks the column{'s' * (len(absent) > 1)} {', '.join(absent)}")
    if len(set(found)) < len(found):
        raise Damaged("two of its columns have one name")
