"""GPU memory by stage: weights, what trains with its gradients and optimizer states, and activations."""

from dataclasses import dataclass

from inpainting.config import PipelineConfig
from inpainting.models.activations import DECODE_UNITS, ENCODE_UNITS, inference_activations, vae_activations
from inpainting.models.base_memory import resident_bytes
from inpainting.models.shapes import BYTES, Base, count, vae_value_bytes, vae_weights
from inpainting.planning.cards import Card
from inpainting.planning.work import Work
from inpainting.stages.training.memory import Checkpointing, decide_checkpointing, trained_shapes, training_bytes
from inpainting.stages.training.settings import TrainSettings


@dataclass(frozen=True)
class MemoryRow:
    """Bytes of a stage's tensors on each GPU.

    alternative: what a setting would make of the total; helps: settings; note: how an `auto` setting was decided.
    """

    stage: str
    parts: dict[str, int]
    helps: str
    alternative: tuple[str, int] | None = None
    note: str | None = None

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.parts.values())


def memory_rows(config: PipelineConfig, base: Base, work: Work, card: Card | None) -> list[MemoryRow]:
    """The GPU memory of every stage that uses the model; card: for which `auto` is decided."""
    rows = []
    if config.compared() and base.text_encoder_weights:
        rows.append(MemoryRow("prompt", {"text encoder, bfloat16": 2 * base.text_encoder_weights}, "model.device: cpu"))
    vae_value, shape = vae_value_bytes(config.model), work.latent_shape
    vae = {"VAE": vae_weights(base.vae) * vae_value}
    encoding = {**vae, "activations": vae_activations(base, shape, ENCODE_UNITS, vae_value)}
    rows.append(MemoryRow("encode", encoding, "model.vae_dtype: bfloat16"))
    for name, experiment in config.compared().items():
        rows.append(_training_row(name, config, base, work, experiment.training, card))
    value = BYTES[config.model.dtype]
    adapters = [4 * count(trained_shapes(base, experiment.training)) for experiment in config.compared().values()]
    activations = max(inference_activations(base, shape, value), vae_activations(base, shape, DECODE_UNITS, vae_value))
    parts = {"base": resident_bytes(base.transformer, config.model), "adapter": max(adapters, default=0), **vae}
    less = [f"model.{name}: {str(setting).lower()}" for name, setting in config.model.less_memory().items()]
    rows.append(
        MemoryRow("validate, evaluate", {**parts, "activations": activations}, "; ".join(less) or "smaller frames")
    )
    return rows


def checkpointing_of(
    training: TrainSettings, config: PipelineConfig, base: Base, work: Work, card: Card | None
) -> Checkpointing:
    """Whether an experiment is trained with gradient checkpointing on this card."""
    device_bytes = None if card is None else 1e9 * card.memory_gb
    return decide_checkpointing(base, config.model, training, work.latent_shape, device_bytes)


def _training_row(
    name: str, config: PipelineConfig, base: Base, work: Work, training: TrainSettings, card: Card | None
) -> MemoryRow:
    """Memory of one process of a training, and what it would be with gradient checkpointing switched over."""
    checkpointing = checkpointing_of(training, config, base, work, card)
    parts, others = (
        training_bytes(base, config.model, training, work.latent_shape, on)
        for on in (checkpointing.on, not checkpointing.on)
    )
    switch = f"with training.gradient_checkpointing: {str(not checkpointing.on).lower()}"
    decided = f"training.gradient_checkpointing is {checkpointing}" if checkpointing.why != "as set" else None
    decided_training = training.model_copy(update={"gradient_checkpointing": checkpointing.on})
    helps = [f"training.{name}: {str(value).lower()}" for name, value in decided_training.less_memory().items()]
    helps += ["model.quantization: int8"] if training.quantizable and config.model.quantization is None else []
    helps += ["fewer frames in windows.window"]
    return MemoryRow(f"train {name}", parts, "; ".join(helps), (switch, sum(others.values())), decided)
