"""Comparisons as Markdown and as an HTML page with its own style, which a report can show as it is."""

from html import escape
from typing import Any

import pandas as pd

from inpainting.evaluation.summary import shown

HEADINGS = {
    "method": "Method",
    "kind": "Kind",
    "sequences": "Sequences",
    "psnr_mask": "PSNR in mask, dB",
    "ssim_mask": "SSIM in mask",
    "gain": "Against best classical, dB",
    "psnr_frame_composited": "PSNR of frame, composited, dB",
    "seconds_per_frame": "Seconds per frame",
}
"""Columns that are shown, with their headings."""

RANKED = ("psnr_mask", "ssim_mask", "psnr_frame_composited")
"""Columns whose best and second best are marked; the ceiling takes no part."""

WITH_INTERVAL = ("psnr_mask", "ssim_mask", "gain")

NOTHING = "\N{EN DASH}"

STYLE = """
body { margin: 0; padding: 1.5rem; background: #fff; color: #1f2933; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { max-width: 62rem; margin: .3rem 0 .9rem; color: #52606d; }
div { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: right; vertical-align: bottom; font-size: .8rem; font-weight: 600; color: #52606d;
  border-bottom: 2px solid #cbd2d9; padding: .35rem .8rem; max-width: 9rem; }
td { text-align: right; padding: .4rem .8rem; border-bottom: 1px solid #e4e7eb; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
td small { display: block; color: #7b8794; font-weight: 400; }
tr.ceiling td { background: #f5f7fa; color: #52606d; font-style: italic; border-bottom: 2px solid #cbd2d9; }
tr.adapter td:first-child { border-left: 4px solid #2186eb; } td:first-child { border-left: 4px solid transparent; }
.best { font-weight: 700; background: #e3f8e8; } .second { text-decoration: underline; text-underline-offset: 3px; }
ul { color: #52606d; font-size: .85rem; padding-left: 1.2rem; max-width: 62rem; }
"""


def to_markdown(table: pd.DataFrame) -> str:
    """A comparison as a Markdown table; best in bold, second best in italics."""
    marks = _marks(table)
    lines = ["| " + " | ".join(HEADINGS.values()) + " |", "|---|---|" + "---:|" * (len(HEADINGS) - 2)]
    for number, row in enumerate(table.to_dict("records")):
        cells = []
        for column in HEADINGS:
            value, interval = _cell(row, column)
            sign = {"best": "**", "second": "_"}.get(marks.get((number, column), ""), "")
            text = f"{sign}{value}{sign}" + (f" ({interval})" if interval else "")
            cells.append(text.replace("|", "\\|"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def to_html(table: pd.DataFrame) -> str:
    """A comparison as an HTML table element, for `page`; the best and second best carry classes of these names."""
    marks = _marks(table)
    head = "".join(f"<th>{escape(heading)}</th>" for heading in HEADINGS.values())
    body = []
    for number, row in enumerate(table.to_dict("records")):
        cells = []
        for column in HEADINGS:
            value, interval = _cell(row, column)
            mark = marks.get((number, column))
            small = f"<small>{escape(interval)}</small>" if interval else ""
            cells.append(f"<td><span{f' class={mark}' if mark else ''}>{escape(value)}</span>{small}</td>")
        body.append(f'<tr class="{escape(str(row["kind"]))}">{"".join(cells)}</tr>')
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def page(title: str, lead: str, sections: list[tuple[str, str]], notes: list[str]) -> str:
    """A whole HTML page: title, lead in plain text, sections of (heading or "", HTML), notes in plain text."""
    parts = [(f"<h2>{escape(heading)}</h2>" if heading else "") + content for heading, content in sections]
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1><p>{escape(lead)}</p>\n"
        + "\n".join(parts)
        + f"\n<ul>{listed}</ul></body></html>\n"
    )


def _cell(row: dict[Any, Any], column: str) -> tuple[str, str]:
    """(what stands in a cell, its interval or "")."""
    value = row[column]
    if column == "method":
        return shown(value, row["kind"]), ""
    if column in ("kind", "sequences"):
        return str(value), ""
    if pd.isna(value):
        return NOTHING, ""
    if column == "seconds_per_frame" and value < 0.001:
        return "< 0.001", ""
    form = {"ssim_mask": "{:.3f}", "gain": "{:+.2f}", "seconds_per_frame": "{:.2g}"}.get(column, "{:.2f}")
    low, high = (row.get(f"{column}_{end}") for end in ("low", "high"))
    interval = ""
    if column in WITH_INTERVAL and not pd.isna(low):
        interval = f"{form.format(low)} to {form.format(high)}"
    minus = "\N{MINUS SIGN}"
    return form.format(value).replace("-", minus), interval.replace("-", minus)


def _marks(table: pd.DataFrame) -> dict[tuple[int, str], str]:
    """ "best" and "second" by (row, column); of equal values the first is taken."""
    rivals = table.reset_index(drop=True)[(table["kind"] != "ceiling").to_numpy()]
    marks = {}
    for column in RANKED:
        ranked = rivals[column].dropna().sort_values(ascending=False, kind="stable")
        for position, mark in zip(ranked.index[:2], ("best", "second"), strict=False):
            marks[(int(position), column)] = mark
    return marks
