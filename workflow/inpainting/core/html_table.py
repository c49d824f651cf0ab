"""Tables of a page, which table.js lets the reader sort, filter and export; without JavaScript they are plain."""

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from inpainting.core.html import render

SCRIPT = Path(__file__).with_name("table.js")
"""For `core.html.render_page`, on pages with tables."""

TABLE = """
<div class="wide" tabindex="0" role="region" aria-label="{{ label or name or "table" }}">
<table class="data"{% if name %} data-name="{{ name }}"{% endif %}><thead><tr>
{% for column in columns %}
<th{{ column.attributes }}>{% if column.group %}<small>{{ column.group }}</small>{% endif %}{{ column.heading }}</th>
{% endfor %}
</tr></thead><tbody>
{% for kind, cells in rows %}
<tr{% if kind %} class="{{ kind }}"{% endif %}>{{ cells }}</tr>
{% endfor %}
</tbody></table></div>
"""


@dataclass(frozen=True)
class Cell:
    """Text of a cell; interval, mark ("best" or "second") and link (an address) may be empty.

    number: the exact value by which the column is sorted and exported, if it is one of numbers.
    """

    value: str
    interval: str = ""
    mark: str = ""
    number: float | None = None
    link: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its heading, and the group that it is listed under; not `shown`: hidden until the reader chooses it."""

    heading: str
    numeric: bool = True
    group: str = ""
    shown: bool = True

    @property
    def attributes(self) -> Markup:
        """HTML attributes of its heading and of all its cells."""
        return Markup((' class="number"' if self.numeric else "") + ("" if self.shown else " hidden"))


@dataclass(frozen=True)
class FormattedTable:
    """A table as text: columns, rows of cells, and each row's kind, which is its class in HTML."""

    columns: list[Column]
    rows: list[list[Cell]]
    kinds: list[str]


def to_html(table: FormattedTable, name: str = "", label: str = "") -> Markup:
    """A table element; best and second best values have the classes `best` and `second`.

    name: of exported files; a table without a name is only sorted. label: what a screen reader calls the table.
    """
    columns = [column.attributes for column in table.columns]
    rows = [
        (kind, Markup("".join(_cell(cell, attributes) for cell, attributes in zip(cells, columns, strict=True))))
        for kind, cells in zip(table.kinds, table.rows, strict=True)
    ]
    return render(TABLE, name=name, label=label, columns=table.columns, rows=rows)


def _cell(cell: Cell, attributes: str) -> str:
    """HTML of a cell; tables have up to some 60,000."""
    text = str(escape(cell.value))
    text = f'<span class="{cell.mark}">{text}</span>' if cell.mark else text
    text = f'<a href="{escape(cell.link)}">{text}</a>' if cell.link else text
    exact = "" if cell.number is None else f' data-v="{cell.number:.6g}"'
    small = f"<small>{escape(cell.interval)}</small>" if cell.interval else ""
    return f"<td{attributes}{exact}>{text}{small}</td>"
