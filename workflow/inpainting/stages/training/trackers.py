"""Where a training's metrics go beside metrics.jsonl: accelerate's trackers for TensorBoard and Weights & Biases."""

import os

from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker

from inpainting.artifacts.training_log import rows_up_to
from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import value_digest
from inpainting.stages.training.settings import TrainCommand

WITHOUT_NETWORK = ("offline", "disabled", "dryrun")
"""Values of WANDB_MODE that need no key."""


def check_wandb(settings: TrainCommand) -> None:
    """Raise UsageError, without network, if metrics should go to Weights & Biases and there is no key for it."""
    if settings.wandb_project is None or os.environ.get("WANDB_MODE") in WITHOUT_NETWORK:
        return
    import wandb

    if not wandb.api.api_key:
        raise UsageError(
            f"--wandb-project: {settings.wandb_project} was given, but there is no key for Weights & Biases; run "
            "`wandb login`, or set WANDB_API_KEY, or WANDB_MODE=offline to keep the metrics on this machine"
        )


def start_trackers(settings: TrainCommand, first_step: int) -> list[GeneralTracker]:
    """Trackers of a run that goes on after step `first_step`, started: TensorBoard, and W&B if a project is given.

    TensorBoard hides what was logged after `first_step` by a run that was killed. A resumed training continues the W&B
    run of the same folder; offline, it begins a file of its own, which gets all rows, since the killed one's last
    were lost with its buffer.
    """
    trackers: list[GeneralTracker] = [TensorBoardTracker("tensorboard", settings.out, purge_step=first_step + 1)]
    if settings.wandb_project is not None:
        run_id = f"{settings.experiment}-{value_digest(str(settings.out.resolve()))[:8]}"
        config = settings.model_dump(mode="json")
        options = {"name": settings.experiment, "id": run_id, "resume": "allow", "dir": str(settings.out)}
        trackers.append(WandBTracker(settings.wandb_project, config=config, **options))
    for tracker in trackers:
        _start(tracker)
        if isinstance(tracker, WandBTracker) and os.environ.get("WANDB_MODE") in WITHOUT_NETWORK:
            for row in rows_up_to(settings.out / "metrics.jsonl", first_step):
                tracker.log({f"training/{name}": row[name] for name in row if name != "step"}, step=row["step"])
    return trackers


def _start(tracker: GeneralTracker) -> None:
    if not isinstance(tracker, WandBTracker):
        tracker.start()
        return
    import wandb

    try:
        tracker.start()
    except wandb.Error as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--wandb-project: Weights & Biases: {reason}; WANDB_MODE=offline does without it") from error
