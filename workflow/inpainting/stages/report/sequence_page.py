"""The page that lists all test sequences with their properties and scores, and plays the clips of the examples."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from inpainting.artifacts.examples import RAW
from inpainting.artifacts.method_kinds import display_name
from inpainting.core import html_table
from inpainting.core.html import data_uri, render_page
from inpainting.core.html_table import Cell, Column, FormattedTable, to_html
from inpainting.stages.report.example_choice import example_folder_parts
from inpainting.stages.report.rivals import Rivals

PROPERTIES = {
    "frames": ("Frames", "{:.0f}", 1.0),
    "coverage_mean": ("Mask, % of the frame", "{:.1f}", 100.0),
    "mask_motion": ("Mask motion, pixels per frame", "{:.1f}", 1.0),
    "camera_motion": ("Camera motion, pixels per frame", "{:.1f}", 1.0),
    "effect_share": ("Changed outside the mask, %", "{:.1f}", 100.0),
}
"""Columns of the manifest: heading, number format, factor."""

SCORES = {"psnr_mask": ("PSNR in mask, dB", "{:.1f}"), "ssim_mask": ("SSIM in mask", "{:.3f}")}
"""Scores by column of sequences.tsv: heading and number format."""

MOST_CELLS = 60_000
"""Cells of a table that a browser still sorts in a moment; further methods are left out."""

PAGE = """
<p>{{ introduction }}</p>
{{ table }}
{% if clips %}
<h2>Clips</h2>
<p>Of the sequences whose frames were kept, these have the largest gain (best) and the smallest (worst), or were
chosen at random; the table links to them. Outputs are pasted over the input; the number beside a method's name is its
PSNR inside the mask on this sequence.</p>
{% for clip in clips %}
<h3 id="clip-{{ clip.sequence }}">{{ clip.sequence }}: {{ clip.role }}</h3>
<div class="clip" tabindex="0" role="region" aria-label="clip of {{ clip.sequence }}">
<video src="{{ clip.address }}" loop muted playsinline controls preload="metadata"></video></div>
{% endfor %}
{% endif %}
"""


@dataclass(frozen=True)
class Clip:
    """A sequence's clip as a data URI, and the rule by which the sequence was chosen."""

    sequence: str
    role: str
    address: str


def read_clips(examples: Path) -> list[Clip]:
    """The clips of the examples, in the order of their folders."""
    found = [(example_folder_parts(path.parent.name), path) for path in sorted(examples.glob("*/clip.mp4"))]
    return [Clip(sequence, role, data_uri(path, "video/mp4")) for (role, sequence), path in found]


def sequence_page(comparison: pd.DataFrame, sequences: pd.DataFrame, manifest: pd.DataFrame, clips: list[Clip]) -> str:
    """The page; sequences: `artifacts.sequence_scores`, manifest: `artifacts.manifest`."""
    rivals = Rivals.of(comparison)
    table = sequence_table(comparison, sequences, manifest.set_index("id"), {clip.sequence for clip in clips})
    introduction = (
        f"The {len(table.rows):,} sequences that were scored, raw output; gain: {rivals.ours.name} minus "
        f"{rivals.reference.name}. Other methods can be chosen under Columns; sequences.tsv has all."
    )
    values = {
        "introduction": introduction,
        "table": to_html(table, "sequences", "sequences and their scores"),
        "clips": clips,
    }
    return render_page("Sequence by sequence", PAGE, scripts=[html_table.SCRIPT], **values)


def sequence_table(
    comparison: pd.DataFrame, sequences: pd.DataFrame, properties: pd.DataFrame, with_clip: set[str]
) -> FormattedTable:
    """A row per sequence: its name, which links to its clip if it has one, its gain, properties, and every score.

    properties: rows of the manifest by id.
    """
    rivals, raw = Rivals.of(comparison), sequences[sequences["output"] == RAW]
    shown = [rivals.ours.method, rivals.reference.method]
    order = list(dict.fromkeys([*shown, *comparison["method"]]))
    kinds = dict(zip(comparison["method"], comparison["kind"], strict=True))
    gain = rivals.scores(sequences)["gain"].reindex(sorted(raw["sequence"].unique()))
    columns = [Column("Sequence", numeric=False), Column("Gain, dB")]
    values = [[_number(value, "{:+.1f}") for value in gain]]
    for name, (heading, form, factor) in PROPERTIES.items():
        columns.append(Column(heading))
        values.append([_number(value, form) for value in factor * properties[name].reindex(gain.index)])
    room = max(MOST_CELLS // max(len(gain), 1) - len(columns), 0) // len(SCORES)
    for score, (heading, form) in SCORES.items():
        table = raw.pivot(index="sequence", columns="method", values=score).reindex(gain.index)
        for method in order[: max(room, len(shown))]:
            visible = score == "psnr_mask" and method in shown
            columns.append(Column(display_name(method, kinds[method]), group=heading, shown=visible))
            values.append([_number(value, form) for value in table[method]])
    names = [Cell(name, link=f"#clip-{name}" if name in with_clip else "") for name in gain.index]
    rows = [list(row) for row in zip(names, *values, strict=True)]
    return FormattedTable(columns, rows, [""] * len(rows))


def _number(value: float, form: str) -> Cell:
    if pd.isna(value):
        return Cell("\N{EN DASH}")
    return Cell(form.format(value).replace("-", "\N{MINUS SIGN}"), number=float(value))
