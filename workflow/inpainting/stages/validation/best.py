"""`inpaint best`: which checkpoint won, with how many denoising steps, by what, and its adapter."""

import logging
import shutil
from typing import Any

import pandas as pd

from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path, folder_digest, read_json, write_json
from inpainting.core.settings import existing
from inpainting.metrics.aggregate import paired_interval
from inpainting.models.adapter_files import write_sampling_steps
from inpainting.stages.validation.settings import BestCommand

log = logging.getLogger(__name__)

UNITS = {"psnr_mask": " dB", "ssim_mask": ""}
DIGITS = {"psnr_mask": 2, "ssim_mask": 4}


def best(settings: BestCommand) -> None:
    """Write the winner's step, denoising steps and scores and all candidates'; of equal scores the cheaper one wins.

    The winner's adapter is copied, with the number of denoising steps in its configuration.
    """
    results = [read_json(existing(path, "--scores", "files of `inpaint validate`")) for path in settings.scores]
    criteria = {result["criterion"] for result in results}
    alike = {
        tuple((run["sampling_steps"], *(row["sequence"] for row in run["sequences"])) for run in result["runs"])
        for result in results
    }
    if len(criteria) > 1 or len(alike) > 1:
        raise InputError("--scores: they differ in criterion, steps or sequences; validate all checkpoints alike")
    (criterion,) = criteria
    results.sort(key=lambda result: result["step"])
    candidates = [{"step": result["step"], **run} for result in results for run in result["runs"]]
    ranked = sorted(
        candidates,
        key=lambda run: (-run["scores"][criterion]["mean"], run["sampling_steps"], run["step"]),
    )
    winner = next(result for result in results if result["step"] == ranked[0]["step"])
    chosen = {
        "step": ranked[0]["step"],
        "sampling_steps": ranked[0]["sampling_steps"],
        "criterion": criterion,
        "why": reason(ranked, criterion, len(results)),
        "scores": ranked[0]["scores"],
        "difference_to_training": winner["difference_to_training"],
        "candidates": [{name: value for name, value in run.items() if name != "sequences"} for run in candidates],
    }
    adapter = settings.checkpoints / f"step-{winner['step']}" / "adapter"
    existing(adapter, "--checkpoints", "the folder of step-N folders that were validated")
    if folder_digest(adapter) != winner["provenance"]["inputs"]["adapter"]:
        raise InputError(f"--checkpoints: {adapter} is not what was validated; validate it again")
    with atomic_path(settings.adapter_out) as temporary:
        shutil.copytree(adapter, temporary)
        write_sampling_steps(temporary, chosen["sampling_steps"])
    inputs = winner["provenance"]["inputs"] | {"adapter": folder_digest(settings.adapter_out)}
    chosen["provenance"] = winner["provenance"] | {"inputs": inputs}
    write_json(settings.out, chosen)
    log.info("best of %d checkpoints: step %d, %s", len(results), winner["step"], chosen["why"])


def reason(ranked: list[dict[str, Any]], criterion: str, checkpoints: int) -> str:
    """Why the first of the ranked runs was chosen, with its interval, and how sure that is."""
    first = ranked[0]
    tried = len({run["sampling_steps"] for run in ranked})
    why = f"highest mean {criterion} of the raw output over {len(first['sequences'])} validation sequences"
    score = first["scores"][criterion]
    form = f"{{:.{DIGITS[criterion]}f}}".format
    why += f": {form(score['mean'])}{UNITS[criterion]}"
    if score["low"] is not None:
        why += f" (95 % interval {form(score['low'])} to {form(score['high'])})"
    if tried > 1:
        why += f", with {first['sampling_steps']} denoising steps of {tried} numbers tried"
    rival = next((run for run in ranked if run["step"] != first["step"]), None)
    if rival is None:
        return why
    gain = paired_interval(_by_sequence(first, criterion), _by_sequence(rival, criterion), seed=0)
    why += f"; {form(gain.mean)}{UNITS[criterion]} above the next of {checkpoints} checkpoints, step {rival['step']}"
    if gain.low == gain.low:
        unsure = "" if gain.low > 0 else ", so that chance may have chosen"
        why += f" ({form(gain.low)} to {form(gain.high)}{unsure})"
    return why


def _by_sequence(run: dict[str, Any], criterion: str) -> pd.Series:
    values = {row["sequence"]: row[criterion] for row in run["sequences"]}
    return pd.Series(values, dtype=float)
