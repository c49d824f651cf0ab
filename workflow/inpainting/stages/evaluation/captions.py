"""What a reader has to know of the tables' numbers, in sentences."""

import pandas as pd

from inpainting.artifacts.method_kinds import CEILING, display_name
from inpainting.artifacts.scores import Results
from inpainting.metrics.aggregate import MIN_SEQUENCES, RESAMPLES
from inpainting.metrics.psnr import PSNR_CEILING
from inpainting.metrics.registry import METRICS
from inpainting.stages.evaluation.repeats import spread
from inpainting.stages.evaluation.settings import TablesCommand


def comparison_notes(table: pd.DataFrame, results: list[Results], settings: TablesCommand) -> list[str]:
    """What the comparison's columns are, what was counted how, and what each method does."""
    notes = [
        *(metric.headline_note for metric in METRICS if metric.headline),
        f"From .. to: 95 % bootstrap interval over sequences ({RESAMPLES} draws, seed {settings.seed}), given from "
        f"{MIN_SEQUENCES} sequences on; numbers have the digits that it supports.",
        "Best of a column: bold; second best: underlined or in italics; the ceiling takes no part.",
        "Against best classical: the mean difference over the same sequences, with its own interval; p: Wilcoxon's "
        "signed-rank test of these differences, corrected after Holm for all methods of the table. The classical "
        "method is chosen by its score on these same sequences, in its favour.",
        "PSNR of frame, composited: the hole pasted over the input, so that shadows and reflections outside the mask "
        "count as errors for every method alike.",
        "The ceiling is the truth through the VAE: in what is decoded with this VAE, no method can be expected to read "
        "more.",
    ]
    notes += [
        f"{display_name(row['method'], row['kind'])}: {row['capped']} sequences of (almost) no error in the mask are "
        f"counted as {PSNR_CEILING:g} dB."
        for row in table[table["capped"] > 0].to_dict("records")
    ]
    if without := int(table["without_hole"].max()):
        notes.append(f"{without} sequences have no pixel to inpaint and no score in the mask.")
    notes += [
        f"{method}: per sequence the mean of {members.count(',') + 1} trainings that differ in their seed alone "
        f"({members.replace(',', ', ')}); its interval is over sequences, not over trainings."
        for method, members in zip(table["method"], table["members"], strict=True)
        if members != method
    ]
    return notes + [_described(result) for result in results]


def _described(result: Results) -> str:
    settings, text = result.provenance.settings, result.provenance.description
    if (count := settings.get("steps")) and result.kind != CEILING:
        text += f", {count} denoising step{'s' * (count > 1)}"
    return f"{display_name(result.method, result.kind)}: {text}."


def strata_lead() -> str:
    """Why the parts are shown apart."""
    return (
        "A still camera shows most of what is hidden at some other time, which favours medians over time; a large mask "
        "leaves less to go by; a shadow lies outside the mask. The reference of each part is the classical method that "
        "is best in it, marked by a dash; p is corrected for the methods of a part, not for the number of parts."
    )


def failure_notes(failures: pd.DataFrame, gap: float) -> tuple[str, list[str]]:
    """How much fails, and what counts as failing."""
    failing = failures[failures["reason"].isin(["below_input", "far_below"])]
    pairs = len(failing[["method", "sequence"]].drop_duplicates())
    lead = f"{pairs} times a method fails a sequence." if pairs else "No method fails a sequence."
    return lead, [
        "below_input: reads less inside the mask than grey does.",
        f"far_below: reads more than {gap:g} dB less than the classical method that is best over all sequences.",
        f"capped: (almost) no error, counted as {PSNR_CEILING:g} dB.",
        "no_hole: the mask is empty in every frame; the sequence has no score in it, by any method.",
    ]


def repeat_notes(
    repeats: pd.DataFrame, sequences: pd.DataFrame, members: dict[str, list[str]]
) -> tuple[str, list[str]]:
    """How far trainings that differ in their seed alone lie apart."""
    repeated = [method for method in repeats["method"].unique() if len(members[method]) > 1]
    spreads = {method: spread(sequences, members[method]) for method in repeated}
    lead = (
        "Trainings that differ in their seed alone are averaged in the other tables; here each stands by itself."
        if spreads
        else "Every experiment was trained once; how much its score owes to its seed is not known."
    )
    return lead, [
        f"{method}: the standard deviation of its {len(members[method])} trainings' means is {value:.2f} dB."
        for method, value in spreads.items()
    ]
