"""Tables as Markdown, LaTeX and HTML."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from inpainting.artifacts.method_kinds import CEILING, display_name
from inpainting.core.html import render, render_page
from inpainting.metrics.metric import TableColumn
from inpainting.metrics.registry import HEADLINE


@dataclass(frozen=True)
class Column:
    """How a column of numbers is shown.

    digits: decimals where no interval says how many are worth showing, and at most; better: whether more ("high") or
    less ("low") is better, so that the best and the second best are marked, or neither ("").
    """

    heading: str
    digits: int = 1
    better: str = ""
    signed: bool = False

    @classmethod
    def of(cls, column: TableColumn) -> "Column":
        """As a metric's entry says."""
        return cls(column.heading, column.digits, column.better)


COMPARISON_SHOWN: Mapping[str, Column] = {
    **{name: Column.of(column) for name, column in HEADLINE.items()},
    "gain": Column("Against best classical, dB", 2, signed=True),
    "p_holm": Column("p, corrected", 3),
    "psnr_frame_composited": Column("PSNR of frame, composited, dB", 1, "high"),
    "seconds_per_frame": Column("Seconds per frame"),
}
"""Columns of numbers of a comparison that are shown."""

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

TABLE = """
<div class="wide"><table class="scores"><thead><tr>
{% for heading in table.headings %}
<th{% if loop.index > texts %} class="number"{% endif %}>{{ heading }}</th>
{% endfor %}
</tr></thead><tbody>
{% for kind, cells in rows %}
<tr class="{{ kind }}">
{% for cell in cells %}
<td{% if loop.index > texts %} class="number"{% endif %}>
<span{% if cell.mark %} class="{{ cell.mark }}"{% endif %}>{{ cell.value }}</span>
{% if cell.interval %}
<small>{{ cell.interval }}</small>
{% endif %}
</td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
"""

PAGE = """
<p>{{ lead }}</p>
{% for heading, content in sections %}
{% if heading %}
<h2>{{ heading }}</h2>
{% endif %}
{{ content }}
{% endfor %}
<ul class="notes">
{% for note in notes %}
<li>{{ note }}</li>
{% endfor %}
</ul>
"""

LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}"}
    | {">": r"\textgreater{}", MINUS: "$-$", NOTHING: "--"}
)


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; interval and mark ("best", "second") may be empty."""

    value: str
    interval: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Shown:
    """A table as it is shown: headings, how many columns from the left are text, rows of cells, a kind per row."""

    headings: list[str]
    texts: int
    rows: list[list[Cell]]
    kinds: list[str]


def show(
    table: pd.DataFrame, columns: Mapping[str, Column] = COMPARISON_SHOWN, texts: Mapping[str, str] | None = None
) -> Shown:
    """Lay out a table that has the columns method and kind.

    texts: headings of the columns of text, by default method, kind and sequences. A value shows as many digits as its
    column's intervals, where there are any, support.
    """
    texts = texts or {"method": "Method", "kind": "Kind", "sequences": "Sequences"}
    marks, digits = _marks(table, columns), {name: _digits(table, name, column) for name, column in columns.items()}
    rows = []
    for number, row in enumerate(table.to_dict("records")):
        cells = [Cell(display_name(row[name], row["kind"]) if name == "method" else _text(row[name])) for name in texts]
        for name, column in columns.items():
            value, interval = _number(row, name, column, digits[name])
            cells.append(Cell(value, interval, marks.get((number, name), "")))
        rows.append(cells)
    headings = [*texts.values(), *(column.heading for column in columns.values())]
    return Shown(headings, len(texts), rows, [str(kind) for kind in table["kind"]])


def to_markdown(table: Shown) -> str:
    """A Markdown table; best in bold, second best in italics."""
    aligned = ["---" if place < table.texts else "---:" for place in range(len(table.headings))]
    lines = ["| " + " | ".join(table.headings) + " |", "|" + "|".join(aligned) + "|"]
    for row in table.rows:
        cells = []
        for cell in row:
            sign = {"best": "**", "second": "_"}.get(cell.mark, "")
            text = f"{sign}{cell.value}{sign}" + (f" ({cell.interval})" if cell.interval else "")
            cells.append(text.replace("|", "\\|"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def to_html(table: Shown) -> Markup:
    """An HTML table element, for `page`; the best and second best carry classes of these names."""
    rows = list(zip(table.kinds, table.rows, strict=True))
    return render(TABLE, table=table, rows=rows, texts=min(table.texts, 2))


def to_latex(table: Shown, caption: str = "") -> str:
    """A tabular of LaTeX's booktabs package; best in bold, second best underlined, intervals in small print."""
    alignment = "l" * min(table.texts, 2) + "r" * (len(table.headings) - min(table.texts, 2))
    lines = [f"% {caption}"] if caption else []
    lines += [f"\\begin{{tabular}}{{{alignment}}}", r"\toprule", _latex_row(table.headings), r"\midrule"]
    for row in table.rows:
        cells = []
        for cell in row:
            value = _latex(cell.value)
            command = {"best": r"\textbf", "second": r"\underline"}.get(cell.mark)
            value = f"{command}{{{value}}}" if command else value
            cells.append(value + (f" {{\\scriptsize ({_latex(cell.interval)})}}" if cell.interval else ""))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def page(title: str, lead: str, sections: list[tuple[str, Markup]], notes: list[str]) -> str:
    """A whole HTML page: title, lead, sections of a heading or "" and a table, and notes."""
    return render_page(title, PAGE, lead=lead, sections=sections, notes=notes)


def _latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)


def _latex_row(texts: list[str]) -> str:
    return " & ".join(_latex(text) for text in texts) + r" \\"


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _digits(table: pd.DataFrame, name: str, column: Column) -> int:
    """Decimals of a column: two digits of its uncertainty, the middle one of its intervals' halves."""
    if f"{name}_low" not in table:
        return column.digits
    halves = ((table[f"{name}_high"] - table[f"{name}_low"]) / 2).dropna()
    halves = halves[halves > 0]
    if not len(halves):
        return column.digits
    return min(max(1 - math.floor(math.log10(float(halves.median()))), 0), column.digits)


def _number(row: dict[Any, Any], name: str, column: Column, digits: int) -> tuple[str, str]:
    """(what stands in a cell of numbers, its interval or "")."""
    value = row[name]
    if pd.isna(value):
        return NOTHING, ""
    if name == "p_holm":
        return ("< 0.001" if value < 0.001 else f"{value:.{column.digits}f}"), ""
    if name.startswith("seconds_per_frame"):
        return ("< 0.001" if value < 0.001 else f"{value:.2g}"), ""
    form = f"{{:{'+' if column.signed else ''}.{digits}f}}"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    interval = "" if low is None or pd.isna(low) else f"{form.format(low)} to {form.format(high)}"
    return form.format(value).replace("-", MINUS), interval.replace("-", MINUS)


def _marks(table: pd.DataFrame, columns: Mapping[str, Column]) -> dict[tuple[int, str], str]:
    """ "best" and "second" by (row, column), the ceiling taking no part; of equal values the first is taken."""
    rivals = table.reset_index(drop=True)[(table["kind"] != CEILING).to_numpy()]
    marks = {}
    for name, column in columns.items():
        if not column.better:
            continue
        ranked = rivals[name].dropna().sort_values(ascending=column.better == "low", kind="stable")
        for position, mark in zip(ranked.index[:2], ("best", "second"), strict=False):
            marks[(int(position), name)] = mark
    return marks
