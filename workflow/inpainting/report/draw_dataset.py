"""`inpaint draw-dataset`: what the dataset looks like, and what the audit and the split made of it."""

import logging
from typing import Any

import pandas as pd
from PIL import Image

from inpainting.errors import InputError
from inpainting.files import atomic_path, read_json, read_table, write_text
from inpainting.report.coverage import coverage_figure
from inpainting.report.pages import render_page
from inpainting.report.samples import choose, contact_sheet
from inpainting.report.settings import DrawDatasetCommand
from inpainting.report.style import styled, write_figure
from inpainting.settings import existing

log = logging.getLogger(__name__)

EXAMPLES = 5
"""Findings shown of each reason."""

PAGE = """
<div class="figures">
  <div><b>{{ "{:,}".format(accepted) }}</b><span>accepted</span></div>
  <div><b>{{ "{:,}".format(rejected) }}</b><span>rejected</span></div>
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
<h2>Rejected, by reason</h2>
{% if reasons %}
<table><thead><tr><th>Reason</th><th class="number">Sequences</th><th>Meaning</th><th>Examples</th></tr></thead><tbody>
{% for reason in reasons %}
<tr><td><code>{{ reason.code }}</code></td><td class="number">{{ "{:,}".format(reason.sequences) }}</td>
<td>{{ reason.meaning }}</td><td>
{% for example in reason.examples %}
<code>{{ example.id }}</code>{% if example.frame is number %}, frame {{ example.frame }}{% endif %}
: {{ example.detail }}<br>
{% endfor %}
{% if reason.more %}<small>and {{ "{:,}".format(reason.more) }} more in rejected.tsv</small>{% endif %}
</td></tr>
{% endfor %}
</tbody></table>
{% else %}
<p>Every sequence was accepted.</p>
{% endif %}
"""


def draw_dataset(settings: DrawDatasetCommand) -> None:
    """Write samples.png, coverage.png and coverage.svg, and the page of the audit."""
    existing(settings.dataset, "--dataset", "the folder of the sequences")
    manifest = read_table(existing(settings.manifest, "--manifest", "the manifest.parquet of `inpaint audit`"))
    findings = read_table(existing(settings.rejected, "--rejected", "the rejected.tsv of `inpaint audit`"))
    audit = read_json(existing(settings.summary, "--summary", "the summary.json of `inpaint audit`"))
    split = read_table(existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`"))
    accepted = manifest[manifest["verdict"] == "accepted"]
    chosen = choose(accepted, settings.samples)
    try:
        sheet = contact_sheet(settings.dataset, chosen, settings)
    except OSError as error:
        raise InputError(f"a frame of {settings.dataset} can't be read ({error}); audit the dataset again") from error
    with atomic_path(settings.out / "samples.png") as temporary:
        Image.fromarray(sheet).save(temporary, optimize=True)
    with styled():
        write_figure(coverage_figure(accepted), settings.out / "coverage.png", settings.out / "coverage.svg")
    page = render_page(
        "Dataset",
        PAGE,
        accepted=len(accepted),
        rejected=len(manifest) - len(accepted),
        splits=describe_splits(accepted, split),
        reasons=describe_reasons(audit["reasons"], findings),
    )
    write_text(settings.page, page)
    log.info("dataset: %d accepted sequences, %d of them drawn", len(accepted), len(chosen))


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


def describe_reasons(known: dict[str, dict[str, Any]], findings: pd.DataFrame) -> list[dict[str, Any]]:
    """The reasons that were found, most frequent first, each with its first findings."""
    found = []
    for code, reason in known.items():
        rows = findings[findings["reason"] == code]
        if reason["sequences"]:
            examples = rows.astype({"frame": "Int64"}).head(EXAMPLES).to_dict("records")
            found.append({"code": code, **reason, "examples": examples, "more": len(rows) - len(examples)})
    return sorted(found, key=lambda reason: (-reason["sequences"], reason["code"]))
