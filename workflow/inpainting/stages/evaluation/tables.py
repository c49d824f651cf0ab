"""`inpaint tables`: compare methods that were evaluated on the same sequences."""

import logging
from pathlib import Path

import pandas as pd

from inpainting.artifacts.comparison import COMPARISON_TABLE, STRATA_TABLE, stratum_heading
from inpainting.artifacts.formats import digests
from inpainting.artifacts.manifest import MANIFEST
from inpainting.artifacts.method_kinds import ADAPTER
from inpainting.artifacts.preference import PREFERENCE_TABLE
from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.artifacts.scores import Results, read_results
from inpainting.artifacts.sequence_scores import SEQUENCE_SCORES
from inpainting.core.errors import InputError
from inpainting.core.files import write_table, write_text
from inpainting.core.html_table import FormattedTable, to_html
from inpainting.metrics.aggregate import per_sequence
from inpainting.metrics.registry import HEADLINE, with_every_column
from inpainting.metrics.removal_coherence import REMOVAL_COHERENCE
from inpainting.metrics.settings import WeightsSettings
from inpainting.stages.evaluation.captions import (
    comparison_captions,
    failure_captions,
    repeat_captions,
    strata_introduction,
)
from inpainting.stages.evaluation.comparison import best_classical, compare, compare_strata
from inpainting.stages.evaluation.failures import list_failures
from inpainting.stages.evaluation.judged import preference_captions, with_preference
from inpainting.stages.evaluation.metric_table import metric_captions, metric_sections, metric_table, with_metrics
from inpainting.stages.evaluation.prove import FOLDER as PROVE_FOLDER
from inpainting.stages.evaluation.prove import summary_of as prove_summary
from inpainting.stages.evaluation.prove import write_scores as write_prove_scores
from inpainting.stages.evaluation.rendering import (
    ColumnFormat,
    format_table,
    page,
    to_latex,
    to_markdown,
)
from inpainting.stages.evaluation.repeats import average_repeats, members_of, repeat_table
from inpainting.stages.evaluation.settings import TablesCommand
from inpainting.stages.evaluation.strata import Strata, strata_caption, strata_of
from inpainting.stages.evaluation.summary import summarise

PROVE_HEADING = "From csv files of PROVE's evaluation: its own protocol and frames, not to be compared with the above"

log = logging.getLogger(__name__)


def tables(settings: TablesCommand) -> None:
    """Write the tables comparison, metrics, strata, failures and repeats, sequences.tsv and summary.json."""
    results = [read_results(path, "--results") for path in settings.results]
    check_comparable(results)
    results.sort(key=lambda result: result.method)
    members = members_of([result.method for result in results], settings.groups)
    kind_of = {result.method: result.kind for result in results}
    kinds = {method: kind_of[its[0]] for method, its in members.items()}
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

    captions = comparison_captions(comparison, results, settings)
    if settings.preference is not None:
        judged = PREFERENCE_TABLE.read(settings.preference, "--preference")
        comparison = with_preference(comparison, judged, settings.groups)
        captions += preference_captions(judged, comparison)
    metrics = metric_table(sequences, kinds, list(comparison["method"]), settings.seed)
    writer = TableWriter(settings.out)
    writer.write(
        "comparison",
        "Comparison of methods",
        summary["verdict"] or summary["sentence"],
        [("", format_table(comparison))],
        captions,
        page_table=format_table(*with_metrics(comparison, metrics)),
    )
    introduction = (
        "Every metric by region, of the raw output and of the output pasted over the input (composited). Notes below "
        "the tables say what the regions and metrics are."
    )
    sections = metric_sections(metrics)
    if settings.prove:
        sections.append((PROVE_HEADING, prove_table(settings.prove, settings.seed)))
    writer.write("metrics", "All metrics", introduction, sections, metric_captions(results))
    write_prove_scores(settings.out / PROVE_FOLDER, sequences)
    strata = compare_strata(sequences, groups, kinds, settings.seed, members)
    sections = _strata_sections(strata, groups)
    captions = [strata_caption(settings), *captions]
    writer.write("strata", "Comparison by camera, mask and shadow", strata_introduction(), sections, captions)
    introduction, captions = failure_captions(failures, settings.failure_gap)
    writer.write("failures", "Failures", introduction, [("", _format_failures(failures))], captions)
    introduction, captions = repeat_captions(repeats, each, members)
    writer.write("repeats", "Single trainings", introduction, [("", _format_repeats(repeats))], captions)
    tables = {name: settings.out / f"{name}.tsv" for name in ("comparison", "strata", "sequences")}
    COMPARISON_TABLE.write(tables["comparison"], comparison)
    STRATA_TABLE.write(tables["strata"], strata)
    SEQUENCE_SCORES.write(tables["sequences"], sequences)
    for name, table in {"metrics": metrics, "failures": failures, "repeats": repeats}.items():
        write_table(settings.out / f"{name}.tsv", table)
    ResultsSummary.model_validate(summary | {"files": digests(*tables.values())}).write(settings.out / "summary.json")


class TableWriter:
    """Writes tables as Markdown, HTML and LaTeX into one folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def write(
        self,
        name: str,
        title: str,
        introduction: str,
        sections: list[tuple[str, FormattedTable]],
        captions: list[str],
        page_table: FormattedTable | None = None,
    ) -> None:
        """Write <name>.md, .html and .tex.

        sections: a heading or "" and a table each; captions: a list below them; page_table: takes the place of the only
        section's table in the .html, where the reader can choose columns.
        """
        texts = [(f"## {heading}\n\n" if heading else "") + to_markdown(table) for heading, table in sections]
        listed = "".join(f"- {caption}\n" for caption in captions)
        write_text(self.out / f"{name}.md", f"{introduction}\n\n" + "\n".join(texts) + f"\n{listed}")
        single = name if len(sections) == 1 else ""
        elements = [(heading, to_html(page_table or table, single, heading or title)) for heading, table in sections]
        write_text(self.out / f"{name}.html", page(title, introduction, elements, captions))
        tabulars = [to_latex(table, heading or title) for heading, table in sections]
        write_text(self.out / f"{name}.tex", "\n".join(tabulars))


def check_comparable(results: list[Results]) -> None:
    """Raise InputError, naming the file, if two results can't be compared.

    That is if they have one method name, score other pixels, or used other weights of the networks that score.
    """
    first, seen, weights = results[0], dict[str, Path](), dict[str, tuple[str, Path]]()
    pixels = _scored_pixels(first)
    for result in results:
        if result.method in seen:
            raise InputError(
                f"{result.path} and {seen[result.method]} both hold the method {result.method!r}; evaluate one of them "
                "with --label"
            )
        seen[result.method] = result.path
        if result.provenance.inputs.get("sequences") != first.provenance.inputs.get("sequences"):
            raise InputError(
                f"{result.path} was computed from other sequences or other frames than {first.path}; evaluate both "
                "again"
            )
        for name, digest in result.provenance.inputs.items():
            if name in WeightsSettings.model_fields and weights.setdefault(name, (digest, result.path))[0] != digest:
                raise InputError(
                    f"{result.path} and {weights[name][1]} were scored with different {name}; evaluate both with the "
                    "same"
                )
        if not _scored_pixels(result).equals(pixels):
            raise InputError(
                f"{result.path} scores other sequences, frames or masks ({_extent(result)}) than {first.path} "
                f"({_extent(first)}); evaluate both with the same settings"
            )


def prove_table(files: dict[str, Path], seed: int) -> FormattedTable:
    """The scores in PROVE's csv files."""
    numbers = {column.column: ColumnFormat.of(column) for column in REMOVAL_COHERENCE.shown[:2]}
    return format_table(prove_summary(files, seed), numbers, {"method": "Method", "cases": "Cases"})


def _scored_pixels(result: Results) -> pd.DataFrame:
    return result.frames[["sequence", "output", "frame", "mask_pixels"]].reset_index(drop=True)


def _extent(result: Results) -> str:
    return f"{result.frames['sequence'].nunique()} sequences, {len(result.frames)} rows"


def _strata_sections(table: pd.DataFrame, groups: Strata) -> list[tuple[str, FormattedTable]]:
    return [
        (
            stratum_heading(stratum, value, len(names)),
            format_table(table[(table["stratum"] == stratum) & (table["value"] == value)]),
        )
        for stratum, values in groups.items()
        for value, names in values.items()
        if names
    ]


def _format_failures(failures: pd.DataFrame) -> FormattedTable:
    texts = {"method": "Method", "sequence": "Sequence", "reason": "Reason"}
    numbers = {"psnr_mask": ColumnFormat("PSNR in mask, dB"), "compared": ColumnFormat("Compared with, dB")}
    return format_table(failures, numbers, texts)


def _format_repeats(repeats: pd.DataFrame) -> FormattedTable:
    numbers = {name: ColumnFormat(column.heading, column.digits) for name, column in HEADLINE.items()}
    numbers["sequences"] = ColumnFormat("Sequences", 0)
    return format_table(repeats.assign(kind=ADAPTER), numbers, {"method": "Method", "experiment": "Training"})
