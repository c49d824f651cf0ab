"""GPU hours by stage: counted arithmetic over an expected share of the card's peak, or times that were measured."""

from dataclasses import dataclass
from pathlib import Path

from inpainting.config import PipelineConfig
from inpainting.models.shapes import Base, count
from inpainting.planning import measured
from inpainting.planning.arithmetic import decode_tflop, encode_tflop, forward_tflop, training_tflop
from inpainting.planning.cards import VAE_SHARE, Card
from inpainting.planning.figures import Origin
from inpainting.planning.memory import checkpointing_of
from inpainting.planning.work import Work, condition_sources
from inpainting.stages.training.memory import trained_shapes
from inpainting.stages.training.settings import TrainSettings, checkpoint_steps


@dataclass(frozen=True)
class Arithmetic:
    """TFLOP of one window: through the VAE, through the transformer."""

    encode: float
    decode: float
    forward: float


@dataclass(frozen=True)
class HoursRow:
    """GPU hours of a stage.

    vae, transformer: TFLOP of each, counted; hours: None without a card; gpus: that share the work; origin: of the
    hours, or of the arithmetic where there are none.
    """

    stage: str
    what: str
    vae: float
    transformer: float
    hours: float | None
    gpus: int
    origin: Origin


def window_arithmetic(base: Base, work: Work) -> Arithmetic:
    """TFLOP of one of the planned windows."""
    wide, high = work.padded
    return Arithmetic(
        encode_tflop(base.vae, work.window, high, wide),
        decode_tflop(base.vae, work.window, high, wide),
        forward_tflop(base.transformer, *work.latent_shape),
    )


def step_arithmetic(
    config: PipelineConfig, base: Base, work: Work, training: TrainSettings, card: Card | None
) -> tuple[float, float]:
    """TFLOP of one window in a training step on a card: needed, and computed."""
    trained, checkpointing = count(trained_shapes(base, training)), checkpointing_of(training, config, base, work, card)
    return training_tflop(base.transformer, *work.latent_shape, trained, checkpointing.on)


def hours_rows(config: PipelineConfig, base: Base, work: Work, card: Card | None, results: Path) -> list[HoursRow]:
    """GPU hours of every stage that uses the model."""
    one = window_arithmetic(base, work)
    joint = work.evaluated * work.joint_windows
    rows = [_encoding(config, one, work, card, results)] if config.compared() else []
    for name, experiment in config.compared().items():
        training = experiment.training
        same = measured.is_trained_as_planned(results, config, name)
        took = measured.benchmark_seconds(results, f"train-{name}") if same else None
        _, computed = step_arithmetic(config, base, work, training, card)
        rows.append(_row(card, "training", name, *_training(one, training, computed), took, training.processes))
        steps = checkpoint_steps(training)
        windows = len(steps) * work.validated * work.joint_windows
        tried = config.validation.steps
        names = [f"validate-{name}-{step}" for step in steps] if same else []
        took = measured.mean_seconds(results, names)
        vae, transformer = windows * len(tried) * (one.encode + one.decode), windows * sum(tried) * one.forward
        rows.append(_row(card, "validation", name, vae, transformer, None if took is None else took * len(steps)))
        for scored in (name, *config.evaluation.degraded([name])):
            rows.append(_evaluation(card, scored, joint, one, max(tried), results, same))
    given = config.evaluation.given()
    for name in (*given, *config.evaluation.degraded(given)):
        rows.append(_evaluation(card, name, joint, one, config.evaluation.steps, results, False))
    there = measured.is_run_as_planned(results, work)
    for name, denoising in (("base", config.evaluation.steps), ("ceiling", 0)):
        if name in config.evaluation.methods:
            rows.append(_evaluation(card, name, joint, one, denoising, results, there))
    return rows


def _encoding(config: PipelineConfig, one: Arithmetic, work: Work, card: Card | None, results: Path) -> HoursRow:
    contents = ("truth", *condition_sources(config))
    each = measured.seconds_per_window(results, contents, work)
    took = None if each is None else each * work.train_windows
    vae = len(contents) * work.train_windows * one.encode
    return _row(card, "latents", ", ".join(contents), vae, 0.0, took)


def _training(one: Arithmetic, training: TrainSettings, computed: float) -> tuple[float, float]:
    """TFLOP of a training's VAE and transformer, with its previews. computed: of a window in a step."""
    every = training.preview_every
    previews = training.steps // every * training.preview_sequences if every else 0
    transformer = training.steps * training.batch_size * computed + previews * training.preview_steps * one.forward
    return previews * (one.encode + one.decode), transformer


def _evaluation(
    card: Card | None, name: str, windows: int, one: Arithmetic, denoising: int, results: Path, same: bool
) -> HoursRow:
    took = measured.benchmark_seconds(results, f"evaluate-{name}") if same else None
    return _row(card, "evaluation", name, windows * (one.encode + one.decode), windows * denoising * one.forward, took)


def _row(
    card: Card | None, stage: str, what: str, vae: float, transformer: float, took: float | None, gpus: int = 1
) -> HoursRow:
    """took: seconds that were measured, on `gpus` of them."""
    if took is not None:
        return HoursRow(stage, what, vae, transformer, took * gpus / 3600, gpus, "measured")
    if card is None:
        return HoursRow(stage, what, vae, transformer, None, gpus, "counted")
    seconds = (vae / VAE_SHARE + transformer / card.transformer_share()[0]) / card.peak_tflops
    return HoursRow(stage, what, vae, transformer, seconds / 3600, gpus, "assumed")
