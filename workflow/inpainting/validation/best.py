"""`inpaint best`: which checkpoint won, by what, and its adapter."""

import logging
import shutil

from inpainting.errors import InputError
from inpainting.files import atomic_path, folder_digest, read_json, write_json
from inpainting.settings import existing
from inpainting.validation.settings import BestCommand

log = logging.getLogger(__name__)


def best(settings: BestCommand) -> None:
    """Write the winner's step and score and all candidates'; of equal scores the earlier step wins."""
    results = [read_json(existing(path, "--scores", "files of `inpaint validate`")) for path in settings.scores]
    criteria = {result["criterion"] for result in results}
    sets = {tuple(row["sequence"] for row in result["sequences"]) for result in results}
    if len(criteria) > 1 or len(sets) > 1:
        raise InputError("--scores: they differ in criterion or sequences; validate all checkpoints alike")
    (criterion,) = criteria
    results.sort(key=lambda result: result["step"])
    winner = max(results, key=lambda result: result["scores"][criterion]["mean"])
    chosen = {
        "step": winner["step"],
        "criterion": criterion,
        "why": f"highest mean {criterion} of the raw output over {len(winner['sequences'])} validation sequences",
        "scores": winner["scores"],
        "candidates": [{"step": result["step"], "scores": result["scores"]} for result in results],
        "provenance": winner["provenance"],
    }
    adapter = settings.checkpoints / f"step-{winner['step']}" / "adapter"
    existing(adapter, "--checkpoints", "the folder of step-N folders that were validated")
    if folder_digest(adapter) != winner["provenance"]["inputs"]["adapter"]:
        raise InputError(f"--checkpoints: {adapter} is not what was validated; validate it again")
    with atomic_path(settings.adapter_out) as temporary:
        shutil.copytree(adapter, temporary)
    write_json(settings.out, chosen)
    log.info("best of %d checkpoints: step %d", len(results), winner["step"])
