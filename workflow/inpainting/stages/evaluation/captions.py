"""Table captions: what the reader of a table has to know of its numbers."""

import pandas as pd

from inpainting.artifacts.method_kinds import CEILING, display_name
from inpainting.artifacts.scores import Results
from inpainting.metrics.aggregate import MIN_SEQUENCES, RESAMPLES
from inpainting.metrics.psnr import PSNR_CEILING
from inpainting.metrics.registry import METRICS
from inpainting.stages.evaluation.repeats import training_deviation
from inpainting.stages.evaluation.settings import TablesCommand


def comparison_captions(table: pd.DataFrame, results: list[Results], settings: TablesCommand) -> list[str]:
    """What the columns of the comparison are, which sequences are special cases, and what each method does."""
    captions = [
        *(metric.headline_note for metric in METRICS if metric.headline_note),
        f"Intervals: 95 % bootstrap intervals over sequences ({RESAMPLES} resamples, seed {settings.seed}), given for "
        f"{MIN_SEQUENCES} sequences or more; numbers are rounded to the digits that their interval supports.",
        "Best of a column: bold; second best: underlined or in italics; the ceiling is not ranked.",
        "Against best classical: the mean difference over the same sequences, with its own interval; p: Wilcoxon's "
        "signed-rank test of these differences, with Holm's correction for all methods of the table. The best "
        "classical method is chosen by its score on these same sequences, which favours it.",
        "PSNR of frame, composited: the output pasted over the input inside the mask, so that shadows and reflections "
        "outside the mask count as errors of every method.",
        "The ceiling is the ground truth encoded and decoded by the VAE: a method that decodes with this VAE can "
        "hardly score higher.",
    ]
    captions += [
        f"{display_name(row['method'], row['kind'])}: {row['capped']} sequences have (almost) no error inside the mask "
        f"and count as {PSNR_CEILING:g} dB."
        for row in table[table["capped"] > 0].to_dict("records")
    ]
    if without := int(table["without_hole"].max()):
        captions.append(f"{without} sequences have an empty mask and no score inside it.")
    captions += [
        f"{method}: mean of {members.count(',') + 1} trainings that differ only in their seed "
        f"({members.replace(',', ', ')}), sequence by sequence; its interval is over sequences, not over trainings."
        for method, members in zip(table["method"], table["members"], strict=True)
        if members != method
    ]
    return captions + [_method_description(result) for result in results]


def _method_description(result: Results) -> str:
    settings, text = result.provenance.settings, result.provenance.description
    if (count := settings.get("steps")) and result.kind != CEILING:
        text += f", {count} denoising step{'s' * (count > 1)}"
    return f"{display_name(result.method, result.kind)}: {text}."


def strata_introduction() -> str:
    """Why the comparison is repeated on subsets of the sequences."""
    return (
        "With a still camera, most of what the mask hides is visible in other frames, which favours medians over time; "
        "a large mask leaves less to infer from; a shadow is outside the mask. Methods are compared with the "
        "classical method that scores best on the subset (marked by a dash); p is corrected for the methods of a "
        "subset, not for the number of subsets."
    )


def failure_captions(failures: pd.DataFrame, gap: float) -> tuple[str, list[str]]:
    """(the number of failures in a sentence, what each reason means)."""
    failing = failures[failures["reason"].isin(["below_input", "far_below"])]
    pairs = len(failing[["method", "sequence"]].drop_duplicates())
    introduction = (
        "No method scores lower on a sequence than a grey fill, or much lower than the best classical method."
    )
    if pairs:
        introduction = (
            f"{pairs:,} times a method scores lower on a sequence than a grey fill, or much lower than the best "
            "classical method; if both, the sequence has two rows."
        )
    return introduction, [
        "below_input: scores lower inside the mask than a grey fill.",
        f"far_below: scores more than {gap:g} dB lower than the classical method that is best over all sequences.",
        f"capped: (almost) no error, counted as {PSNR_CEILING:g} dB.",
        "no_hole: the mask is empty in every frame, so no method has a score inside it.",
    ]


def repeat_captions(
    repeats: pd.DataFrame, sequences: pd.DataFrame, members: dict[str, list[str]]
) -> tuple[str, list[str]]:
    """(what the table of single trainings shows, the standard deviation of each method's trainings)."""
    repeated = [method for method in repeats["method"].unique() if len(members[method]) > 1]
    deviations = {method: training_deviation(sequences, members[method]) for method in repeated}
    introduction = (
        "The other tables average trainings that differ only in their seed; this one lists every training."
        if deviations
        else "Every experiment was trained once; how much its score depends on its seed is not known."
    )
    return introduction, [
        f"{method}: the standard deviation of its {len(members[method])} trainings' means is {value:.2f} dB."
        for method, value in deviations.items()
    ]
