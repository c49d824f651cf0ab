"""`inpaint draw-dataset`: what the dataset looks like, and what the audit and the split made of it."""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from PIL import Image

from inpainting.artifacts.audit_summary import AuditSummary, ReasonCount
from inpainting.artifacts.findings import FINDINGS
from inpainting.artifacts.manifest import MANIFEST, accepted
from inpainting.artifacts.split import SPLIT_TABLE, SPLITS
from inpainting.core.figures import styled, write_figure
from inpainting.core.files import atomic_path, write_text
from inpainting.core.html import render_page
from inpainting.core.settings import existing
from inpainting.stages.report.coverage import coverage_figure
from inpainting.stages.report.outliers import find_suspects, suspects_sheet
from inpainting.stages.report.samples import choose, contact_sheet, random_sheet
from inpainting.stages.report.settings import DrawDatasetCommand

log = logging.getLogger(__name__)

EXAMPLES = 5
"""Findings shown of each reason."""

EFFECT = 0.005
"""Share of the pixels outside the mask that a shadow changes at least."""

PAGE = """
<div class="figures">
  <div><b>{{ "{:,}".format(accepted) }}</b><span>accepted</span></div>
  <div><b>{{ "{:,}".format(rejected) }}</b><span>rejected</span></div>
  <div><b>{{ "{:,}".format(audit.warned) }}</b><span>with a warning</span></div>
  {% for row in splits %}
  <div><b>{{ "{:,}".format(row.sequences) }}</b><span>{{ row.split }}</span></div>
  {% endfor %}
</div>
<h2>Sets</h2>
<p>A hash of the seed and a sequence's group decides its set: near-duplicates stay together, and new sequences move no
old ones.</p>
<table><thead><tr><th>Set</th><th class="number">Sequences</th><th class="number">Share</th>
<th class="number">Groups</th><th class="number">Mask coverage, mean</th><th class="number">Camera motion, median
px/frame</th></tr></thead><tbody>
{% for row in splits %}
<tr><td>{{ row.split }}</td><td class="number">{{ "{:,}".format(row.sequences) }}</td>
<td class="number">{{ "{:.0%}".format(row.share) }}</td><td class="number">{{ "{:,}".format(row.groups) }}</td>
<td class="number">{{ "{:.1%}".format(row.coverage) }}</td>
<td class="number">{{ "{:.2f}".format(row.motion) }}</td></tr>
{% endfor %}
</tbody></table>
<p>Copies of another sequence: {{ "{:,}".format(audit.duplicates.exact) }}. Others that look like one:
{{ "{:,}".format(audit.duplicates.near) }}. They share its group.</p>
<h2>Is there a shadow to learn?</h2>
<p>{{ effect }}</p>
{% for title, otherwise, reasons in tables %}
<h2>{{ title }}</h2>
{% if reasons %}
<table><thead><tr><th>Reason</th><th class="number">Sequences</th><th>Meaning</th><th>Examples</th></tr></thead><tbody>
{% for reason in reasons %}
<tr><td><code>{{ reason.code }}</code></td><td class="number">{{ "{:,}".format(reason.sequences) }}</td>
<td>{{ reason.meaning }}</td><td>
{% for example in reason.examples %}
<code>{{ example.id }}</code>{% if example.frame is number %}, frame {{ example.frame }}{% endif %}
: {{ example.detail }}<br>
{% endfor %}
{% if reason.more %}<small>and {{ "{:,}".format(reason.more) }} more in {{ reason.file }}</small>{% endif %}
</td></tr>
{% endfor %}
</tbody></table>
{% else %}
<p>{{ otherwise }}</p>
{% endif %}
{% endfor %}
"""


def draw_dataset(settings: DrawDatasetCommand) -> None:
    """Write samples.png, random.png, suspicious.png, coverage.png and coverage.svg, and the page of the audit."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    rejected, warnings = FINDINGS.read(settings.rejected, "--rejected"), FINDINGS.read(settings.warnings, "--warnings")
    audit = AuditSummary.read(settings.summary, "--summary")
    split = SPLIT_TABLE.read(settings.split_file, "--split-file")
    rows = accepted(manifest)
    sheets = {
        "samples": lambda: contact_sheet(settings.dataset, choose(rows, settings.samples), settings),
        "random": lambda: random_sheet(settings.dataset, rows, settings),
        "suspicious": lambda: suspects_sheet(settings.dataset, find_suspects(manifest), settings),
    }
    for name, draw in sheets.items():
        sheet = draw()
        with atomic_path(settings.out / f"{name}.png") as temporary:
            Image.fromarray(sheet).save(temporary, optimize=True)
    with styled():
        write_figure(coverage_figure(rows), settings.out / "coverage.png", settings.out / "coverage.svg")
    tables = [
        ("Rejected, by reason", "Every sequence was accepted.", describe_reasons(audit.reasons, rejected, True)),
        ("Accepted with a warning", "No sequence carries a warning.", describe_reasons(audit.reasons, warnings, False)),
    ]
    page = render_page(
        "Dataset",
        PAGE,
        accepted=len(rows),
        rejected=len(manifest) - len(rows),
        audit=audit,
        splits=describe_splits(rows, split),
        effect=describe_effect(rows, audit.effect_threshold),
        tables=tables,
    )
    write_text(settings.page, page)
    log.info("dataset: %d accepted sequences", len(rows))


def describe_effect(rows: pd.DataFrame, threshold: float) -> str:
    """In words, how much of what lies outside the mask the truth changes, and in how many of the accepted sequences."""
    shares = rows["effect_share"].dropna()
    if shares.empty:
        return "No sequence shows anything outside its mask."
    changed = float((shares > EFFECT).mean())
    much = f"{changed:.0%} of the sequences" if 0 < changed < 1 else "all sequences" if changed else "no sequence"
    found = "there are shadows or reflections to learn" if changed >= 0.1 else "there is hardly a shadow to learn"
    return (
        f"Outside the grown mask, {shares.median():.2%} of the pixels differ by more than {threshold:g} levels between "
        f"input and truth in the median sequence; in {much} it is more than {EFFECT:.1%}: {found}."
    )


def describe_splits(rows: pd.DataFrame, split: pd.DataFrame) -> list[dict[str, Any]]:
    """The sets, train first, with their sizes and what their accepted sequences are like."""
    table = rows.drop(columns="group").merge(split, on="id")
    parts = {name: table[table["split"] == name] for name in SPLITS}
    return [
        {
            "split": name,
            "sequences": len(part),
            "share": len(part) / len(table),
            "groups": part["group"].nunique(),
            "coverage": part["coverage_mean"].mean(),
            "motion": part["camera_motion"].median(),
        }
        for name, part in parts.items()
        if len(part)
    ]


def describe_reasons(reasons: Mapping[str, ReasonCount], findings: pd.DataFrame, rejects: bool) -> list[dict[str, Any]]:
    """The reasons found that reject, or that warn, most frequent first, each with its first findings."""
    found = []
    file = "rejected.tsv" if rejects else "warnings.tsv"
    for code, reason in reasons.items():
        rows = findings[findings["reason"] == code]
        if reason.rejects is rejects and len(rows):
            examples = rows.head(EXAMPLES).to_dict("records")
            more = len(rows) - len(examples)
            found.append({"code": code, **reason.model_dump(), "examples": examples, "more": more, "file": file})
    return sorted(found, key=lambda reason: (-reason["sequences"], reason["code"]))
