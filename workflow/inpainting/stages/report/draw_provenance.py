"""`inpaint draw-provenance`: the provenance of all results on one page."""

from dataclasses import dataclass
from typing import Any

from inpainting.artifacts.best import BestCheckpoint
from inpainting.artifacts.formats import Provenance
from inpainting.artifacts.scores import read_scores_provenance
from inpainting.artifacts.split import SplitSummary
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.files import write_text
from inpainting.core.html import render_page
from inpainting.stages.report.settings import DrawProvenanceCommand

SHOWN_DIGITS = 10
"""Hex digits of a digest that are shown; the tooltip shows all."""

INPUT_ALIASES = {"split_file": "split"}
"""Common names of inputs that stages name differently."""

PAGE = """
<p>A digest is the shortened SHA-256 of the content of a file or folder: results with the same digest were made from the
same bytes. The page has no dates, so that the same run gives the same page.</p>
<h2>Versions</h2>
{% if versions|length > 1 %}
<p><b>Not all results were made with the same versions.</b></p>
{% endif %}
{% for group in versions %}
<div class="wide" tabindex="0"><table>
<thead><tr>{% for name in group.versions %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody><tr>{% for version in group.versions.values() %}<td>{{ version }}</td>{% endfor %}</tr></tbody></table></div>
<p><small>{{ group.results|join(", ") if versions|length > 1 else "all results" }}</small></p>
{% endfor %}
<h2>Results and their inputs</h2>
<div class="wide digests" tabindex="0"><table><thead><tr><th>Result</th><th class="number">Seed</th>
{% for name in inputs %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for result in results %}
<tr><td>{{ result.name }}</td><td class="number">{{ result.settings.seed|default("") }}</td>
{% for name in inputs %}
{% if name in result.inputs %}
<td title="{{ result.inputs[name] }}"><code>{{ result.inputs[name][:digits] }}</code></td>
{% else %}
<td class="none">–</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
<h2>Settings</h2>
{% for result in results %}
<details><summary>{{ result.name }}</summary>
<div class="wide" tabindex="0"><table><tbody>
{% for name, value in result.settings.items() %}
<tr><td>{{ name }}</td><td><code>{{ value }}</code></td></tr>
{% endfor %}
</tbody></table></div></details>
{% endfor %}
"""


@dataclass(frozen=True)
class Result:
    """A result and its provenance (see `core.provenance.describe`)."""

    name: str
    settings: dict[str, str]
    versions: dict[str, str]
    inputs: dict[str, str]


def draw_provenance(settings: DrawProvenanceCommand) -> None:
    """Write the page with versions, digests and settings of all results."""
    results = read_results(settings)
    inputs = list(dict.fromkeys(name for result in results for name in result.inputs))
    page = render_page(
        "Provenance",
        PAGE,
        results=results,
        inputs=inputs,
        versions=group_by_versions(results),
        digits=SHOWN_DIGITS,
    )
    write_text(settings.page, page)


def read_results(settings: DrawProvenanceCommand) -> list[Result]:
    """All results with their provenance, in the order of the pipeline."""
    split = SplitSummary.read(settings.split_summary, "--split-summary")
    results = [_result("audit", split.manifest), _result("split", split.provenance)]
    for path in settings.trainings:
        training = TrainingSummary.read(path, "--trainings")
        results.append(_result(f"training of {training.experiment}", training.provenance))
    for path in settings.best:
        best = BestCheckpoint.read(path, "--best")
        results.append(_result(f"best of {path.parent.name}, step {best.step}", best.provenance))
    for path in settings.evaluations:
        scores = read_scores_provenance(path, "--evaluations")
        results.append(_result(f"evaluation of {scores.label}", scores))
    return results


def group_by_versions(results: list[Result]) -> list[dict[str, Any]]:
    """The distinct sets of package versions, each with the names of its results."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for result in results:
        groups.setdefault(tuple(result.versions.items()), []).append(result.name)
    return [{"versions": dict(versions), "results": names} for versions, names in groups.items()]


def _result(name: str, provenance: Provenance) -> Result:
    settings = {name: _setting_text(value) for name, value in provenance.settings.items()}
    inputs = {INPUT_ALIASES.get(name, name): digest for name, digest in provenance.inputs.items()}
    return Result(name, settings, provenance.versions, inputs)


def _setting_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
