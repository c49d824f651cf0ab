"""`inpaint tables`: compare methods that were evaluated on the same sequences."""

import logging
from pathlib import Path

import pandas as pd

from inpainting.artifacts.comparison import COMPARISON_TABLE, STRATA_TABLE, stratum_heading
from inpainting.artifacts.formats import digests
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.method_kinds import ADAPTER
from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.artifacts.scores import Results, read_results
from inpainting.artifacts.sequence_scores import SEQUENCE_SCORES
from inpainting.core.errors import InputError
from inpainting.core.files import write_table, write_text
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.registry import HEADLINE, with_every_column
from inpainting.stages.evaluation import strata as stratification
from inpainting.stages.evaluation.captions import comparison_notes, failure_notes, repeat_notes, strata_lead
from inpainting.stages.evaluation.comparison import best_classical, compare, compare_strata
from inpainting.stages.evaluation.failures import list_failures
from inpainting.stages.evaluation.metric_table import metric_notes, metric_table, shown_parts
from inpainting.stages.evaluation.rendering import Column, Shown, page, show, to_html, to_latex, to_markdown
from inpainting.stages.evaluation.repeats import average_repeats, members_of, repeat_table
from inpainting.stages.evaluation.settings import TablesCommand
from inpainting.stages.evaluation.strata import Strata, strata_of
from inpainting.stages.evaluation.summary import summarise

log = logging.getLogger(__name__)


def tables(settings: TablesCommand) -> None:
    """Write comparison, metrics, strata, failures and repeats in every form; sequences.tsv and summary.json."""
    results = [read_results(path, "--results") for path in settings.results]
    check_comparable(results)
    results.sort(key=lambda result: result.method)
    members = members_of([result.method for result in results], settings.group_of())
    own = {result.method: result.kind for result in results}
    kinds = {method: own[its[0]] for method, its in members.items()}
    frames = [with_every_column(result.frames) for result in results]
    each = per_sequence(pd.concat(frames, ignore_index=True))
    sequences = average_repeats(each, members)
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    groups = strata_of(manifest, sequences, settings)

    comparison = compare(sequences, kinds, settings.seed, members)
    failures = list_failures(sequences, kinds, best_classical(sequences, kinds), settings.failure_gap)
    repeats = repeat_table(each, members, kinds, settings.seed)
    summary = summarise(comparison, sequences, results[0].provenance.settings["split"], settings.seed)
    log.info("%s", summary["sentence"])

    notes = comparison_notes(comparison, results, settings)
    writer = Writer(settings.out)
    writer.write("comparison", "Comparison of methods", summary["sentence"], [("", show(comparison))], notes)
    metrics = metric_table(sequences, kinds, list(comparison["method"]), settings.seed)
    lead = "Every metric by region, of the methods' raw output and of what is left of it once pasted over the input."
    writer.write("metrics", "All metrics", lead, shown_parts(metrics), metric_notes(results))
    strata = compare_strata(sequences, groups, kinds, settings.seed, members)
    parts = _strata_parts(strata, groups)
    described = [stratification.description(settings), *notes]
    writer.write("strata", "Methods by camera, mask and shadow", strata_lead(), parts, described)
    lead, details = failure_notes(failures, settings.failure_gap)
    writer.write("failures", "Sequences that fail", lead, [("", _failures_shown(failures))], details)
    lead, details = repeat_notes(repeats, each, members)
    writer.write("repeats", "Trainings, each by itself", lead, [("", _repeats_shown(repeats))], details)
    tables = {name: settings.out / f"{name}.tsv" for name in ("comparison", "strata", "sequences")}
    COMPARISON_TABLE.write(tables["comparison"], comparison)
    STRATA_TABLE.write(tables["strata"], strata)
    SEQUENCE_SCORES.write(tables["sequences"], sequences)
    for name, table in {"metrics": metrics, "failures": failures, "repeats": repeats}.items():
        write_table(settings.out / f"{name}.tsv", table)
    ResultsSummary.model_validate(summary | {"files": digests(*tables.values())}).write(settings.out / "summary.json")


class Writer:
    """Writes a table in every form that people read, below one folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def write(self, name: str, title: str, lead: str, parts: list[tuple[str, Shown]], notes: list[str]) -> None:
        """Write <name>.md, .html and .tex of what is shown, part by part."""
        texts = [(f"## {heading}\n\n" if heading else "") + to_markdown(part) for heading, part in parts]
        listed = "".join(f"- {note}\n" for note in notes)
        write_text(self.out / f"{name}.md", f"{lead}\n\n" + "\n".join(texts) + f"\n{listed}")
        sections = [(heading, to_html(part)) for heading, part in parts]
        write_text(self.out / f"{name}.html", page(title, lead, sections, notes))
        write_text(self.out / f"{name}.tex", "\n".join(to_latex(part, heading or title) for heading, part in parts))


def check_comparable(results: list[Results]) -> None:
    """Raise InputError, naming the file, where methods have one name or were not scored on the same pixels."""
    first, seen = results[0], dict[str, Path]()
    pixels = _scored_pixels(first)
    for result in results:
        if result.method in seen:
            raise InputError(f"{result.path} and {seen[result.method]} both hold {result.method!r}; use --label")
        seen[result.method] = result.path
        if result.provenance.inputs.get("sequences") != first.provenance.inputs.get("sequences"):
            raise InputError(
                f"{result.path} was made of other sequences, or of other frames of them, than {first.path}; evaluate "
                "both again"
            )
        if not _scored_pixels(result).equals(pixels):
            raise InputError(
                f"{result.path} scores other sequences, frames or masks ({_extent(result)}) than {first.path} "
                f"({_extent(first)}); evaluate both with the same settings"
            )


def _scored_pixels(result: Results) -> pd.DataFrame:
    return result.frames[["sequence", "output", "frame", "mask_pixels"]].reset_index(drop=True)


def _extent(result: Results) -> str:
    return f"{result.frames['sequence'].nunique()} sequences, {len(result.frames)} rows"


def _strata_parts(table: pd.DataFrame, groups: Strata) -> list[tuple[str, Shown]]:
    return [
        (
            stratum_heading(stratum, value, len(names)),
            show(table[(table["stratum"] == stratum) & (table["value"] == value)]),
        )
        for stratum, values in groups.items()
        for value, names in values.items()
        if names
    ]


def _failures_shown(failures: pd.DataFrame) -> Shown:
    texts = {"method": "Method", "sequence": "Sequence", "reason": "Reason"}
    numbers = {"psnr_mask": Column("PSNR in mask, dB"), "compared": Column("Compared with, dB")}
    return show(failures, numbers, texts)


def _repeats_shown(repeats: pd.DataFrame) -> Shown:
    texts = {"method": "Method", "experiment": "Training", "sequences": "Sequences"}
    numbers = {name: Column(column.heading, column.digits) for name, column in HEADLINE.items()}
    return show(repeats.assign(kind=ADAPTER), numbers, texts)
