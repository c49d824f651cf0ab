"""Where a training's metrics go beside metrics.jsonl: accelerate's trackers for TensorBoard and Weights & Biases."""

from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker

from inpainting.core.files import value_digest
from inpainting.stages.training.settings import TrainCommand


def start_trackers(settings: TrainCommand, first_step: int) -> list[GeneralTracker]:
    """Trackers of a run that goes on after step `first_step`, started: TensorBoard, and W&B if a project is given.

    TensorBoard hides what was logged after `first_step` by a run that was killed. A resumed training continues the W&B
    run of the same folder.
    """
    trackers: list[GeneralTracker] = [TensorBoardTracker("tensorboard", settings.out, purge_step=first_step + 1)]
    if settings.wandb_project is not None:
        run_id = f"{settings.experiment}-{value_digest(str(settings.out.resolve()))[:8]}"
        config = settings.model_dump(mode="json")
        options = {"name": settings.experiment, "id": run_id, "resume": "allow", "dir": str(settings.out)}
        trackers.append(WandBTracker(settings.wandb_project, config=config, **options))
    for tracker in trackers:
        tracker.start()
    return trackers
