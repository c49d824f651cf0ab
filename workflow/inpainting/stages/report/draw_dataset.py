"""`inpaint draw-dataset`: contact sheets of the dataset, and the results of audit and split."""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from inpainting.artifacts.audit_summary import AuditSummary, ReasonCount
from inpainting.artifacts.findings import FINDINGS
from inpainting.artifacts.manifest import MANIFEST, accepted
from inpainting.artifacts.split import SPLIT_TABLE, SPLITS
from inpainting.core.figures import styled, write_figure
from inpainting.core.files import write_text
from inpainting.core.html import render_page
from inpainting.core.settings import existing
from inpainting.stages.report.contact_sheet import write_sheet
from inpainting.stages.report.coverage import coverage_figure
from inpainting.stages.report.samples import choose_by_coverage, contact_sheet, random_sheet
from inpainting.stages.report.settings import DrawDatasetCommand

log = logging.getLogger(__name__)

EXAMPLES_PER_REASON = 5

EFFECT_SHARE = 0.005
"""A sequence counts as having a shadow if more than this share of the pixels outside the mask differ."""

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
<p>A hash of the seed and the sequence's group decides its set. Near-duplicates form a group and stay together; new
sequences do not move old ones to another set.</p>
<div class="wide" tabindex="0"><table><thead><tr>
<th>Set</th><th class="number">Sequences</th><th class="number">Share</th>
<th class="number">Groups</th><th class="number">Mask coverage, mean</th><th class="number">Camera motion, median
px/frame</th></tr></thead><tbody>
{% for row in splits %}
<tr><td>{{ row.split }}</td><td class="number">{{ "{:,}".format(row.sequences) }}</td>
<td class="number">{{ "{:.0%}".format(row.share) }}</td><td class="number">{{ "{:,}".format(row.groups) }}</td>
<td class="number">{{ "{:.1%}".format(row.coverage) }}</td>
<td class="number">{{ "{:.2f}".format(row.motion) }}</td></tr>
{% endfor %}
</tbody></table></div>
<p>Exact duplicates: {{ "{:,}".format(audit.duplicates.exact) }}. Near-duplicates:
{{ "{:,}".format(audit.duplicates.near) }}. Each is in the group of the sequence that it duplicates.</p>
<h2>Shadows and reflections outside the mask</h2>
<p>{{ effect }}</p>
{% for title, if_empty, reasons in tables %}
<h2>{{ title }}</h2>
{% if reasons %}
<div class="wide" tabindex="0"><table><thead><tr>
<th>Reason</th><th class="number">Sequences</th><th>Meaning</th><th>Examples</th></tr></thead><tbody>
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
</tbody></table></div>
{% else %}
<p>{{ if_empty }}</p>
{% endif %}
{% endfor %}
"""


def draw_dataset(settings: DrawDatasetCommand) -> None:
    """Write samples.jpg, random.jpg, coverage.png, coverage.svg, and the page about audit and split."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    rejected, warnings = FINDINGS.read(settings.rejected, "--rejected"), FINDINGS.read(settings.warnings, "--warnings")
    audit = AuditSummary.read(settings.summary, "--summary")
    split = SPLIT_TABLE.read(settings.split_file, "--split-file")
    rows = accepted(manifest)
    sheets = {
        "samples": lambda: contact_sheet(settings.dataset, choose_by_coverage(rows, settings.samples), settings),
        "random": lambda: random_sheet(settings.dataset, rows, settings),
    }
    for name, draw in sheets.items():
        write_sheet(settings.out / f"{name}.jpg", draw())
    with styled():
        write_figure(coverage_figure(rows), settings.out / "coverage.png", settings.out / "coverage.svg")
    tables = [
        (
            "Rejected, by reason",
            "Every sequence was accepted.",
            describe_reasons(audit.reasons, rejected, True),
        ),
        (
            "Accepted with a warning",
            "No sequence has a warning.",
            describe_reasons(audit.reasons, warnings, False),
        ),
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
    """How much the ground truth differs from the input outside the mask, in a sentence.

    rows: the manifest's rows of accepted sequences; threshold: levels (of 255) from which a pixel counts as different.
    """
    shares = rows["effect_share"].dropna()
    if shares.empty:
        return "No sequence has pixels outside its mask."
    changed = float((shares > EFFECT_SHARE).mean())
    much = f"{changed:.0%} of the sequences" if 0 < changed < 1 else "all sequences" if changed else "no sequence"
    found = "there are shadows or reflections to learn" if changed >= 0.1 else "there are hardly any shadows to learn"
    return (
        f"In the median sequence, {shares.median():.2%} of the pixels outside the dilated mask differ by more than "
        f"{threshold:g} levels between input and ground truth; in {much} more than {EFFECT_SHARE:.1%} do: {found}."
    )


def describe_splits(rows: pd.DataFrame, split: pd.DataFrame) -> list[dict[str, Any]]:
    """Size, mean mask coverage and median camera motion of each set, train first."""
    table = rows.drop(columns="group").merge(split, on="id")
    subsets = {name: table[table["split"] == name] for name in SPLITS}
    return [
        {
            "split": name,
            "sequences": len(subset),
            "share": len(subset) / len(table),
            "groups": subset["group"].nunique(),
            "coverage": subset["coverage_mean"].mean(),
            "motion": subset["camera_motion"].median(),
        }
        for name, subset in subsets.items()
        if len(subset)
    ]


def describe_reasons(reasons: Mapping[str, ReasonCount], findings: pd.DataFrame, rejects: bool) -> list[dict[str, Any]]:
    """The reasons that reject (or, if not `rejects`, warn), most frequent first, each with its first findings."""
    found = []
    file = "rejected.tsv" if rejects else "warnings.tsv"
    for code, reason in reasons.items():
        rows = findings[findings["reason"] == code]
        if reason.rejects is rejects and len(rows):
            examples = rows.head(EXAMPLES_PER_REASON).to_dict("records")
            more = len(rows) - len(examples)
            found.append({"code": code, **reason.model_dump(), "examples": examples, "more": more, "file": file})
    return sorted(found, key=lambda reason: (-reason["sequences"], reason["code"]))
