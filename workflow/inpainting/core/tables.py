"""Tables that people write, in an editor or a spreadsheet: one reader for all of them.

The header names the columns, in any order and in small or capital letters. Cells are separated by tabs, semicolons or
commas, whichever the header has; the text is UTF-8 or UTF-16, with or without a byte order mark.
"""

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from inpainting.core.errors import InputError

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

ZIP_MARK = b"PK\x03\x04"
"""First bytes of .xlsx and .ods files."""


def read_written_table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a table by column, without blanks around cells; empty rows are left out, absent cells are "".

    Each row has all of `columns` and `optional`. Raises InputError for a file that is no such table, for other columns,
    or for a row with more cells than columns.
    """
    lines = _text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].startswith("sep="):  # for Excel
        lines = lines[1:]
    separator = next((mark for mark in SEPARATORS if mark in lines[0]), "\t")
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)
    names = [name.strip().lower() for name in next(reader, [])]
    while names and not names[-1]:
        names.pop()
    if not set(columns) <= set(names) <= {*columns, *optional} or len(set(names)) < len(names):
        also = f"; {', '.join(optional)} may be there" if optional else ""
        raise InputError(
            f"{path} has the columns {', '.join(names) or 'of an empty file'}, separated by {SEPARATORS[separator]}; "
            f"its first line should name {', '.join(columns)}{also}"
        )
    rows = []
    for cells in reader:
        texts = [cell.strip() for cell in cells]
        if any(texts[len(names) :]):
            raise InputError(f"{path}, line {reader.line_num}: there are {len(texts)} cells for {len(names)} columns")
        if any(texts):
            row = dict(zip(names, texts, strict=False))
            rows.append({name: row.get(name, "") for name in (*columns, *optional)})
    return rows


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read as a table ({error.strerror})") from error
    if data.startswith(ZIP_MARK):
        raise InputError(f"{path} is a spreadsheet's own format; save it as text with tabs (.tsv) or commas (.csv)")
    try:
        return data.decode("utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8 (in Excel: CSV UTF-8)") from error
