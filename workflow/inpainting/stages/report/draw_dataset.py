"""`inpaint draw-dataset`: what the dataset looks like, and what the audit and the split made of it."""

import logging
from typing import Any

import pandas as pd
from PIL import Image

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, read_json, read_table, write_text
from inpainting.core.settings import existing
from inpainting.stages.report.coverage import coverage_figure
from inpainting.stages.report.outliers import find_suspects, suspects_sheet
from inpainting.stages.report.pages import render_page
from inpainting.stages.report.samples import choose, contact_sheet, random_sheet
from inpainting.stages.report.settings import DrawDatasetCommand
from inpainting.stages.report.style import styled, write_figure

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
    manifest = read_table(existing(settings.manifest, "--manifest", "the manifest.parquet of `inpaint audit`"))
    rejected = read_table(existing(settings.rejected, "--rejected", "the rejected.tsv of `inpaint audit`"))
    warnings = read_table(existing(settings.warnings, "--warnings", "the warnings.tsv of `inpaint audit`"))
    audit = read_json(existing(settings.summary, "--summary", "the summary.json of `inpaint audit`"))
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    accepted = manifest[manifest["verdict"] == "accepted"]
    sheets = {
        "samples": lambda: contact_sheet(settings.dataset, choose(accepted, settings.samples), settings),
        "random": lambda: random_sheet(settings.dataset, accepted, settings),
        "suspicious": lambda: suspects_sheet(settings.dataset, find_suspects(manifest), settings),
    }
    for name, draw in sheets.items():
        try:
            sheet = draw()
        except OSError as error:
            raise InputError(
                f"a frame of {settings.dataset} can't be read ({error}); audit the dataset again"
            ) from error
        with atomic_path(settings.out / f"{name}.png") as temporary:
            Image.fromarray(sheet).save(temporary, optimize=True)
    with styled():
        write_figure(coverage_figure(accepted), settings.out / "coverage.png", settings.out / "coverage.svg")
    tables = [
        ("Rejected, by reason", "Every sequence was accepted.", describe_reasons(audit, rejected, True)),
        ("Accepted with a warning", "No sequence carries a warning.", describe_reasons(audit, warnings, False)),
    ]
    page = render_page(
        "Dataset",
        PAGE,
        accepted=len(accepted),
        rejected=len(manifest) - len(accepted),
        audit=audit,
        splits=describe_splits(accepted, split),
        effect=describe_effect(accepted, audit["provenance"]["settings"]["effect_threshold"]),
        tables=tables,
    )
    write_text(settings.page, page)
    log.info("dataset: %d accepted sequences", len(accepted))


def describe_effect(accepted: pd.DataFrame, threshold: float) -> str:
    """In words, how much of what lies outside the mask the truth changes, and in how many sequences."""
    shares = accepted["effect_share"].dropna()
    if shares.empty:
        return "No sequence shows anything outside its mask."
    changed = float((shares > EFFECT).mean())
    much = f"{changed:.0%} of the sequences" if 0 < changed < 1 else "all sequences" if changed else "no sequence"
    found = "there are shadows or reflections to learn" if changed >= 0.1 else "there is hardly a shadow to learn"
    return (
        f"Outside the grown mask, {shares.median():.2%} of the pixels differ by more than {threshold:g} levels between "
        f"input and truth in the median sequence; in {much} it is more than {EFFECT:.1%}: {found}."
    )


def describe_splits(accepted: pd.DataFrame, split: pd.DataFrame) -> list[dict[str, Any]]:
    """The sets, train first, with their sizes and what their sequences are like."""
    table = accepted.drop(columns="group").merge(split, on="id")
    order = {"train": 0, "validation": 1, "test": 2}
    return [
        {
            "split": name,
            "sequences": len(part),
            "share": len(part) / len(table),
            "groups": part["group"].nunique(),
            "coverage": part["coverage_mean"].mean(),
            "motion": part["camera_motion"].median(),
        }
        for name, part in sorted(table.groupby("split"), key=lambda item: order.get(str(item[0]), 3))
    ]


def describe_reasons(audit: dict[str, Any], findings: pd.DataFrame, rejects: bool) -> list[dict[str, Any]]:
    """The reasons found that reject, or that warn, most frequent first, each with its first findings."""
    found = []
    file = "rejected.tsv" if rejects else "warnings.tsv"
    for code, reason in audit["reasons"].items():
        rows = findings[findings["reason"] == code]
        if reason["rejects"] is rejects and len(rows):
            examples = rows.astype({"frame": "Int64"}).head(EXAMPLES).to_dict("records")
            more = len(rows) - len(examples)
            found.append({"code": code, **reason, "examples": examples, "more": more, "file": file})
    return sorted(found, key=lambda reason: (-reason["sequences"], reason["code"]))
