"""Tables as Markdown, LaTeX and HTML.

Not pandas' Styler: it writes no Markdown, sets no class on a row, and its cells have no interval beside their value.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

from inpainting.artifacts.method_kinds import UNRANKED, display_name
from inpainting.core import html_table
from inpainting.core.html import render_page
from inpainting.core.html_table import Cell, Column, FormattedTable
from inpainting.metrics.metric import TableColumn
from inpainting.metrics.registry import HEADLINE

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class ColumnFormat:
    """How a column of numbers is formatted.

    digits: maximum number of decimals, and their number where there is no interval; better: whether "high" or "low"
    values are better, so that the best and the second best are marked, or "" for no marks; group, shown: see
    `core.html_table.Column`; missing: the text of an unknown value.
    """

    heading: str
    digits: int = 1
    better: str = ""
    signed: bool = False
    group: str = ""
    shown: bool = True
    missing: str = MISSING

    @classmethod
    def of(cls, column: TableColumn) -> "ColumnFormat":
        """The format that a metric's entry gives."""
        return cls(column.heading, column.digits, column.better)


COMPARISON_COLUMNS: Mapping[str, ColumnFormat] = {
    **{name: ColumnFormat.of(column) for name, column in HEADLINE.items()},
    "gain": ColumnFormat("Against best classical, dB", 2, signed=True),
    "p_holm": ColumnFormat("p, corrected", 3),
    "psnr_frame_composited": ColumnFormat("PSNR of frame, composited, dB", 1, "high"),
    "seconds_per_frame": ColumnFormat("Seconds per frame"),
    "sequences": ColumnFormat("Sequences", 0),
}
"""The columns of numbers in the table of the comparison."""

TEXT_COLUMNS: Mapping[str, str] = {"method": "Method", "kind": "Kind"}
"""Headings of its columns of text."""

PREFERENCE_FORMAT = ColumnFormat("Preferred by people, log-odds", 2, "high", signed=True)
"""Of the comparison's column preference, which it has if people judged."""

PAGE = """
<p>{{ introduction }}</p>
{% for heading, content in sections %}
{% if heading %}
<h2>{{ heading }}</h2>
{% endif %}
{{ content }}
{% endfor %}
<ul class="notes">
{% for caption in captions %}
<li>{{ caption }}</li>
{% endfor %}
</ul>
"""

LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}"}
    | {">": r"\textgreater{}", MINUS: "$-$", MISSING: "--"}
)


def format_table(
    table: pd.DataFrame,
    columns: Mapping[str, ColumnFormat] | None = None,
    texts: Mapping[str, str] | None = None,
) -> FormattedTable:
    """Format a table that has the columns method and kind.

    columns: formats of the columns of numbers, by default those of the comparison; texts: headings of the columns of
    text, by default method and kind. Numbers with intervals have as many digits as the column's intervals
    support.
    """
    texts, columns = texts or TEXT_COLUMNS, columns or of_comparison(table)
    records = table.to_dict("records")
    numbers = {}
    for name, column in columns.items():
        digits = _digits(table, name, column)
        formatted = [_number(row, name, column, digits) for row in records]
        marks = _marks(table, name, column, [value for value, _ in formatted])
        exact = [None if pd.isna(value) else float(value) for value in table[name]]
        parts = zip(formatted, marks, exact, strict=True)
        numbers[name] = [Cell(value, interval, mark, number) for (value, interval), mark, number in parts]
    rows = [
        [*(_text_cell(name, row) for name in texts), *(cells[place] for cells in numbers.values())]
        for place, row in enumerate(records)
    ]
    headings = [Column(heading, is_numeric_dtype(table[name])) for name, heading in texts.items()]
    headings += [Column(column.heading, True, column.group, column.shown) for column in columns.values()]
    return FormattedTable(headings, rows, [str(kind) for kind in table["kind"]])


def of_comparison(table: pd.DataFrame) -> dict[str, ColumnFormat]:
    """Formats of the comparison's columns of numbers."""
    return {**COMPARISON_COLUMNS, **({"preference": PREFERENCE_FORMAT} if "preference" in table else {})}


def to_markdown(table: FormattedTable) -> str:
    """A Markdown table; best in bold, second best in italics."""
    aligned = ["---:" if column.numeric else "---" for column in table.columns]
    headings = [column.heading for column in table.columns]
    lines = ["| " + " | ".join(headings) + " |", "|" + "|".join(aligned) + "|"]
    for row in table.rows:
        cells = []
        for cell in row:
            sign = {"best": "**", "second": "_"}.get(cell.mark, "")
            text = f"{sign}{_escaped(cell.value)}{sign}" + (f" ({cell.interval})" if cell.interval else "")
            cells.append(text)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text in which Markdown finds no markup: ids and names may have any characters. Underscores in words have none."""
    return re.sub(r"[\\`*<|\[\]]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)


def to_latex(table: FormattedTable, caption: str) -> str:
    """A tabular of LaTeX's booktabs package; best in bold, second best underlined, intervals in small print."""
    alignment = "".join("r" if column.numeric else "l" for column in table.columns)
    lines = [
        f"% {caption}",
        f"\\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        _latex_row([column.heading for column in table.columns]),
        r"\midrule",
    ]
    for row in table.rows:
        cells = []
        for cell in row:
            value = _latex(cell.value)
            command = {"best": r"\textbf", "second": r"\underline"}.get(cell.mark)
            value = f"{command}{{{value}}}" if command else value
            cells.append(value + (f" {{\\scriptsize ({_latex(cell.interval)})}}" if cell.interval else ""))
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def page(title: str, introduction: str, sections: list[tuple[str, Markup]], captions: list[str]) -> str:
    """A whole HTML page: title, introduction, sections (heading or "", table), and captions as a list."""
    return render_page(
        title, PAGE, scripts=[html_table.SCRIPT], introduction=introduction, sections=sections, captions=captions
    )


def _latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)


def _latex_row(texts: list[str]) -> str:
    return " & ".join(_latex(text) for text in texts) + r" \\"


def _text_cell(name: str, row: dict[Any, Any]) -> Cell:
    value = row[name]
    if pd.isna(value):
        return Cell("")
    text = display_name(value, row["kind"]) if name == "method" else str(value)
    return Cell(text, number=float(value) if isinstance(value, int | float) else None)


def _digits(table: pd.DataFrame, name: str, column: ColumnFormat) -> int:
    """Decimals of a column: two significant digits of its uncertainty, the median half-width of its intervals."""
    if f"{name}_low" not in table:
        return column.digits
    half_widths = ((table[f"{name}_high"] - table[f"{name}_low"]) / 2).dropna()
    half_widths = half_widths[half_widths > 0]
    if not len(half_widths):
        return column.digits
    return min(max(1 - math.floor(math.log10(float(half_widths.median()))), 0), column.digits)


def _number(row: dict[Any, Any], name: str, column: ColumnFormat, digits: int) -> tuple[str, str]:
    """(a number as text, its interval as text or "")."""
    value = row[name]
    if pd.isna(value):
        return column.missing, ""
    if name == "p_holm":
        return ("< 0.001" if value < 0.001 else f"{value:.{column.digits}f}"), ""
    if name.startswith("seconds_per_frame"):
        return ("< 0.001" if value < 0.001 else f"{value:.2g}"), ""
    form = f"{{:{'+' if column.signed else ''}.{digits}f}}"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    interval = "" if low is None or pd.isna(low) else f"{form.format(low)} to {form.format(high)}"
    return form.format(value).replace("-", MINUS), interval.replace("-", MINUS)


def _marks(table: pd.DataFrame, name: str, column: ColumnFormat, printed: list[str]) -> list[str]:
    """ "best", "second" or "" for each row of a column; printed: its values as text. Unranked kinds have no mark.

    Values that look alike share a mark. If several are best, none is second; if all are alike, none is marked.
    """
    marks = [""] * len(table)
    if not column.better:
        return marks
    ranked = table[name].reset_index(drop=True)[~table["kind"].isin(UNRANKED).to_numpy()].dropna()
    ranked = ranked.sort_values(ascending=column.better == "low", kind="stable")
    best, *others = dict.fromkeys(printed[row] for row in ranked.index) or [""]
    leaders = sum(printed[row] == best for row in ranked.index)
    if 1 < leaders == len(ranked):
        return marks
    for row in ranked.index:
        if printed[row] == best:
            marks[row] = "best"
        elif leaders == 1 and printed[row] == others[0]:
            marks[row] = "second"
    return marks
