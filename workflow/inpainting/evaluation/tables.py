"""`inpaint tables`: compare methods that were evaluated on the same sequences."""

import logging
from pathlib import Path

import pandas as pd

from inpainting.errors import InputError
from inpainting.evaluation.comparison import compare, compare_strata
from inpainting.evaluation.rendering import page, to_html, to_markdown
from inpainting.evaluation.results import Results, read_results
from inpainting.evaluation.settings import TablesCommand, TablesSettings
from inpainting.evaluation.summary import shown, summarise
from inpainting.files import read_table, write_json, write_table, write_text
from inpainting.metrics.aggregate import INTERVAL_FROM, PSNR_CEILING, RESAMPLES, per_sequence
from inpainting.settings import existing

log = logging.getLogger(__name__)


def tables(settings: TablesCommand) -> None:
    """Write comparison and strata as .tsv, .md and .html, and summary.json."""
    results = [read_results(existing(path, "--results", "files of `inpaint evaluate`")) for path in settings.results]
    check_comparable(results)
    results.sort(key=lambda result: result.method)
    kinds = {result.method: result.kind for result in results}
    sequences = per_sequence(pd.concat([result.frames for result in results], ignore_index=True))
    comparison = compare(sequences, kinds, settings.seed)
    manifest = read_table(existing(settings.manifest, "--manifest", "the manifest.parquet of `inpaint audit`"))
    groups = strata_of(manifest, set(sequences["sequence"]), settings)
    strata = compare_strata(sequences, groups, kinds, settings.seed)
    summary = summarise(comparison, sequences, results[0].provenance["settings"]["split"], settings.seed)
    log.info("%s", summary["sentence"])
    notes = _notes(comparison, results, settings.seed)
    _write_comparison(settings.out, comparison, summary["sentence"], notes)
    _write_strata(settings.out, strata, groups, [_strata_note(settings), *notes])
    write_json(settings.out / "summary.json", summary)


def check_comparable(results: list[Results]) -> None:
    """Raise InputError, naming the file, where methods have one name or were not scored on the same pixels."""
    first, seen = results[0], dict[str, Path]()
    pixels = _scored_pixels(first)
    for result in results:
        if result.method in seen:
            raise InputError(f"{result.path} and {seen[result.method]} both hold {result.method!r}; use --label")
        seen[result.method] = result.path
        if result.provenance["inputs"]["split_file"] != first.provenance["inputs"]["split_file"]:
            raise InputError(f"{result.path} was made with another split than {first.path}; evaluate both again")
        if not _scored_pixels(result).equals(pixels):
            raise InputError(
                f"{result.path} scores other sequences, frames or masks ({_extent(result)}) than {first.path} "
                f"({_extent(first)}); evaluate both with the same settings"
            )


def strata_of(manifest: pd.DataFrame, names: set[str], settings: TablesSettings) -> dict[str, dict[str, set[str]]]:
    """Ids of the sequences `names` by stratum and value; raises InputError for one that the manifest does not have."""
    rows = manifest[manifest["id"].isin(names)].set_index("id")
    absent = sorted(names - set(rows.index))
    if absent:
        raise InputError(f"the manifest has no row of {absent[0]}; give the one that the methods were evaluated with")
    still, moving = rows["camera_motion"] < settings.still_below, rows["camera_motion"] >= settings.still_below
    small, large = rows["coverage_mean"] < settings.small_below, rows["coverage_mean"] >= settings.large_from
    chosen = {
        "camera": {"still": still, "moving": moving},
        "mask": {"small": small, "medium": ~small & ~large, "large": large},
    }
    return {
        stratum: {value: set(rows.index[where]) for value, where in values.items()}
        for stratum, values in chosen.items()
    }


def _scored_pixels(result: Results) -> pd.DataFrame:
    return result.frames[["sequence", "output", "frame", "mask_pixels"]].reset_index(drop=True)


def _extent(result: Results) -> str:
    return f"{result.frames['sequence'].nunique()} sequences, {len(result.frames)} rows"


def _write_comparison(out: Path, table: pd.DataFrame, lead: str, notes: list[str]) -> None:
    write_table(out / "comparison.tsv", table)
    write_text(out / "comparison.md", to_markdown(table) + "\n" + _listed(notes))
    write_text(out / "comparison.html", page("Comparison of methods", lead, [("", to_html(table))], notes))


def _write_strata(out: Path, table: pd.DataFrame, groups: dict[str, dict[str, set[str]]], notes: list[str]) -> None:
    write_table(out / "strata.tsv", table)
    parts = {
        f"{value.capitalize()} {stratum} ({len(names)} sequence{'s' * (len(names) != 1)})": table[
            (table["stratum"] == stratum) & (table["value"] == value)
        ]
        for stratum, values in groups.items()
        for value, names in values.items()
        if names
    }
    lead = (
        "A still camera shows most of what is hidden at some other time, which favours medians over time; a large mask "
        "leaves less to go by. The reference of each part is the classical method that is best in it, marked by a dash."
    )
    sections = [(heading, to_html(part)) for heading, part in parts.items()]
    write_text(out / "strata.html", page("Methods by camera and mask", lead, sections, notes))
    text = "\n".join(f"## {heading}\n\n{to_markdown(part)}" for heading, part in parts.items())
    write_text(out / "strata.md", f"{lead}\n\n{text}\n{_listed(notes)}")


def _notes(table: pd.DataFrame, results: list[Results], seed: int) -> list[str]:
    """What a reader has to know of the numbers, one sentence or two each."""
    notes = [
        "In mask: the raw output in the undilated hole, against the truth; PSNR from the error pooled over all mask "
        "pixels of a sequence, SSIM as the mean of its map over them; then the mean over sequences.",
        f"From .. to: 95 % bootstrap interval over sequences ({RESAMPLES} draws, seed {seed}), given from "
        f"{INTERVAL_FROM} sequences on.",
        "Best of a column: bold; second best: underlined or in italics; the ceiling takes no part.",
        "Against best classical: the mean difference over the same sequences, with its own interval.",
        "PSNR of frame, composited: the hole pasted over the input, so that shadows and reflections outside the mask "
        "count as errors for every method alike.",
        "The ceiling is the truth through the VAE: no method that decodes with this VAE can be expected to read more.",
    ]
    notes += [
        f"{shown(row['method'], row['kind'])}: {row['capped']} sequences of (almost) no error in the mask are counted "
        f"as {PSNR_CEILING:g} dB."
        for row in table[table["capped"] > 0].to_dict("records")
    ]
    if without := int(table["without_hole"].max()):
        notes.append(f"{without} sequences have no pixel to inpaint and no score in the mask.")
    notes += [f"{shown(r.method, r.kind)}: {r.provenance['description']}." for r in results]
    return notes


def _strata_note(settings: TablesSettings) -> str:
    return (
        f"Still cameras move less than {settings.still_below:g} pixels a frame; small masks cover less than "
        f"{100 * settings.small_below:g} % of the frames, large ones {100 * settings.large_from:g} % or more."
    )


def _listed(notes: list[str]) -> str:
    return "".join(f"- {note}\n" for note in notes)
