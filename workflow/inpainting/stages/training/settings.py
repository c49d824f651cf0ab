"""Settings of `inpaint train`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from inpainting.conditioning.registry import CONDITIONINGS
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.settings import Role, Settings, Size
from inpainting.models.settings import LoraSettings, ModelSettings, TransformerSettings
from inpainting.stages.training.launcher import is_worker
from inpainting.video.settings import EFFECT_THRESHOLD, FolderSettings, MaskSettings, WindowSettings

BoolOrAuto = Annotated[
    Literal["auto", True, False],
    BeforeValidator(
        lambda value: {"true": True, "false": False}.get(str(value).lower(), value),
        json_schema_input_type=Literal["auto", True, False],
    ),
]
"""A switch that the step may decide itself; on the command line it takes a value."""


class LossSettings(Settings):
    """What the loss is computed over."""

    region: Literal["mask", "mask_dilated", "mask_and_effect"] = "mask_dilated"
    """Where errors have full weight: the hole, the hole dilated as the model sees it, or that and where input and truth
    differ outside it, e.g. in the shadow of a removed object."""
    effect_threshold: int = Field(EFFECT_THRESHOLD, ge=1, le=255)
    """For mask_and_effect: least mean difference of the channels, in grey levels, that counts."""
    outside_weight: float = Field(0.0, ge=0.0, le=1.0)
    """Weight of errors outside that region; by default only the region counts."""
    timestep_sampling: Literal["uniform", "logit_normal"] = "uniform"
    """Distribution of a sample's timestep: uniform, or logit-normal, which favours the middle (arXiv 2403.03206)."""
    logit_mean: float = 0.0
    """For logit_normal: mean of the normal distribution; above 0, noisier timesteps are drawn more often."""
    logit_std: float = Field(1.0, gt=0.0)
    """For logit_normal: standard deviation of the normal distribution."""
    high_noise_share: float = Field(0.0, ge=0.0, le=1.0)
    """Share of samples whose timestep is drawn uniformly from high_noise_from on, instead of by timestep_sampling."""
    high_noise_from: int = Field(700, ge=0)
    """First timestep of high_noise_share; CogVideoX's last is 999, which is where a single denoising step is taken."""
    min_snr_gamma: float | None = Field(None, gt=0.0)
    """Weights the loss by min(SNR, gamma) / (SNR + 1) (arXiv 2303.09556, with gamma 5); without a value, no weights.
    Noisier timesteps then count less, and the last one, where inference begins, has weight 0."""


class AugmentationSettings(Settings):
    """Larger holes for training. Previews, validation and evaluation use the dataset's own."""

    augmented_share: float = Field(0.0, ge=0.0, le=1.0)
    """Share of samples trained with a larger hole, drawn anew for each sample. Needs a conditioning whose cached
    latents do not depend on the hole."""
    augmented_dilation: int = Field(16, ge=0, le=64)
    """Largest dilation of such a hole, in pixels, drawn uniformly from 0."""
    augmented_shapes: int = Field(1, ge=0, le=8)
    """Largest number of moving shapes added to such a hole, drawn uniformly from 0."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.augmented_share and not self.augmented_dilation and not self.augmented_shapes:
            raise ValueError(
                f"augmented_share: {self.augmented_share} was given with augmented_dilation 0 and augmented_shapes 0, "
                "which change no hole; set one of them to at least 1"
            )


class OptimizerSettings(Settings):
    """Optimizer, learning rates and their schedule."""

    steps: int = Field(2000, ge=1)
    """Total number of updates."""
    optimizer: Annotated[Literal["adamw", "prodigy"], Role.ARCHITECTURE] = "adamw"
    """AdamW, or Prodigy, which estimates its rates itself and multiplies them by those given here (use 1)."""
    learning_rate: float = Field(1e-4, gt=0.0)
    """Peak learning rate of LoRA."""
    patch_learning_rate: float = Field(1e-4, gt=0.0)
    """Peak learning rate of the widened patch embedding."""
    schedule: Literal["cosine", "cosine_with_restarts", "linear", "polynomial", "constant", "constant_with_warmup"] = (
        "cosine"
    )
    """Learning rate schedule after the warm-up, as in diffusers; constant has no warm-up."""
    schedule_cycles: int = Field(1, ge=1)
    """Number of cycles of cosine_with_restarts."""
    schedule_power: float = Field(1.0, gt=0.0)
    """Exponent of polynomial."""
    warmup_steps: int | None = Field(None, ge=0)
    """Updates over which the rates rise linearly from 0; fewer than steps. By default a tenth of steps, 100 at most."""
    weight_decay: float = Field(1e-4, ge=0.0)
    """Decoupled weight decay."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay rates of the first and second moments."""
    max_grad_norm: float = Field(1.0, gt=0.0)
    """Gradients are clipped to this norm."""

    @field_validator("warmup_steps")
    @classmethod
    def _follow_steps(cls, given: int | None, info: ValidationInfo) -> int | None:
        return min(100, info.data["steps"] // 10) if given is None and "steps" in info.data else given

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.schedule != "constant" and self.warmup_steps is not None and self.warmup_steps >= self.steps:
            raise ValueError(
                f"warmup_steps: {self.warmup_steps} was given with {self.steps} steps, so the rates would never reach "
                "their peak; give fewer warmup_steps, or more steps"
            )
        for name in ("learning_rate", "patch_learning_rate"):
            rate = getattr(self, name)
            if self.optimizer == "prodigy" and rate < 0.01:
                raise ValueError(
                    f"{name}: {rate} was given with the optimizer prodigy, which multiplies its own estimate by it; "
                    "use 1, or another number of at least 0.01"
                )
        if self.schedule == "polynomial" and self.learning_rate <= 1e-7:
            raise ValueError(
                f"learning_rate: {self.learning_rate} was given with the schedule polynomial, which ends at 1e-07; use "
                "a higher rate"
            )


class PreviewSettings(Settings):
    """Previews during training. They do not change it."""

    preview_every: Annotated[int, Role.EXECUTION] = Field(0, ge=0)
    """Updates between previews, which inpaint the first validation sequences, score them in the mask and log pictures
    to TensorBoard; 0 for none. Checkpoints are chosen by `validate`, not by previews."""
    preview_sequences: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Sequences per preview, one window of each."""
    preview_steps: Annotated[int, Role.EXECUTION] = Field(5, ge=1)
    """Denoising steps per preview."""


class TrainSettings(
    LossSettings, AugmentationSettings, LoraSettings, ConditionSettings, OptimizerSettings, PreviewSettings
):
    """The training of one experiment."""

    base_weights: Annotated[Literal["pretrained", "random"], Role.ARCHITECTURE] = "pretrained"
    """The base transformer's weights, or random ones of the same shapes, to measure what pretraining contributes."""
    batch_size: int = Field(4, ge=1)
    """Windows per update, over all processes; at least micro_batch_size."""
    micro_batch_size: Annotated[int, Role.EXECUTION] = Field(1, ge=1)
    """Windows per forward pass; gradients are accumulated over the batch."""
    processes: Annotated[int, Role.EXECUTION] = Field(1, ge=1)
    """Processes that share each batch, with one GPU each. The training is the same as with one process, except for
    rounding and `lora_dropout`. Ignored under torchrun, which starts the processes itself."""
    nodes: Annotated[int, Role.EXECUTION] = Field(1, ge=1)
    """Machines of a SLURM job that start the processes, an equal share each."""
    shard_base: Annotated[bool, Role.EXECUTION] = False
    """Shard the frozen base weights over the processes (FSDP), for bases that fill a GPU's memory. Gathering each
    block's weights takes time; the training is bit-identical."""
    ema_decay: float = Field(0.0, ge=0.0, lt=1.0)
    """Decay of the exponential moving average of the trained weights that is exported, e.g. 0.99 for hundreds of
    updates, 0.999 for many thousands; 0 exports the weights themselves."""
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Autocast precision of the forward pass; noise, loss and trained weights stay float32."""
    gradient_checkpointing: Annotated[BoolOrAuto, Role.EXECUTION] = False
    """Recompute activations in the backward pass: much less memory, a third slower. auto: only if the training does not
    fit into the GPU's memory without it, by its shapes; on the CPU always. The result is the same but for rounding."""
    compile: Annotated[bool, Role.EXECUTION] = False
    """Compile the transformer's blocks (torch.compile), which takes a minute or more; needs a C++ compiler."""
    save_every: Annotated[int, Role.EXECUTION] = Field(500, ge=1)
    """Updates between checkpoints; there is always one after the last update."""
    keep_last: Annotated[int, Role.EXECUTION] = Field(3, ge=1)
    """How many of the last checkpoints a run can resume from; of earlier ones only the adapter is kept, to validate."""
    wait_for_space: Annotated[float, Role.EXECUTION] = Field(0.0, ge=0.0)
    """Minutes that training waits for room when the disk is full, instead of ending; it is run again from its last
    checkpoint after either."""
    time_limit: Annotated[float | None, Role.EXECUTION] = Field(None, gt=0.0)
    """Minutes from the start; shortly before they are over, training saves and exits with code 75, to be run again. In
    a SLURM job, the job's end is a limit as well."""
    log_every: Annotated[int, Role.EXECUTION] = Field(10, ge=1)
    """Updates between rows of metrics.jsonl and TensorBoard."""
    on_change: Annotated[Literal["refuse", "continue", "restart"], Role.EXECUTION] = "refuse"
    """If a run with other settings or data exists: refuse, with the differences; continue from its last checkpoint, if
    the weights fit (such a run can't be reproduced from its settings alone); or restart, which moves the old run below
    previous/. A finished training stays as it is if only sequences were added."""
    wandb_project: Annotated[str | None, Role.EXECUTION] = None
    """Weights & Biases project that rows and previews are also logged to. With WANDB_MODE=offline in the environment
    they stay on this machine, in the experiment's folder."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.batch_size < self.micro_batch_size:
            raise ValueError(
                f"micro_batch_size: {self.micro_batch_size} was given with a batch_size of {self.batch_size}; a "
                "forward pass can't have more windows than the batch; lower micro_batch_size or raise batch_size"
            )
        if self.processes % self.nodes:
            raise ValueError(
                f"nodes: {self.nodes} was given with processes: {self.processes}; each machine starts an equal share "
                "of them, so set processes to the number of all their GPUs"
            )
        if self.augmented_share and not self.conditioning_entry.fits_any_hole:
            others = " or ".join(name for name, entry in CONDITIONINGS.items() if entry.fits_any_hole)
            raise ValueError(
                f"augmented_share: {self.augmented_share} was given with the conditioning {self.conditioning}, whose "
                "latents were encoded with the dataset's holes filled, so a larger hole would show its content; use 0, "
                f"or the conditioning {others}"
            )

    @property
    def quantizable(self) -> bool:
        """Whether the base's weights may be quantized: neither sharded nor random ones."""
        return not self.shard_base and self.base_weights == "pretrained"

    @property
    def processes_per_node(self) -> int:
        """Processes that each machine starts."""
        return self.processes // self.nodes

    def less_memory(self) -> dict[str, Any]:
        """Settings that take less GPU memory than these, by name, the most effective first."""
        helps = {"gradient_checkpointing": True, "micro_batch_size": 1, "shard_base": True}
        if self.processes == 1:
            del helps["shard_base"]
        return {name: value for name, value in helps.items() if getattr(self, name) != value}


class TrainCommand(TrainSettings, TransformerSettings, MaskSettings, WindowSettings, FolderSettings):
    """Train LoRA and the widened patch embedding on cached latents, with the loss over the hole."""

    index: Path | None = None
    """Index of the latents that `inpaint index` wrote, with conditions of this conditioning and fill. Only a dry run
    does without."""
    prompt_file: Path | None = None
    """The prompt's embedding that `inpaint prompt` wrote. Only a dry run without an index does without."""
    out: Path
    """Folder of the experiment: checkpoints, metrics.jsonl, tensorboard, and training.json when training is done."""
    dataset: Path | None = None
    """Folder of the sequences; only previews need it and the manifest."""
    manifest: Path | None = None
    """manifest.parquet that `inpaint audit` wrote."""
    split_file: Path | None = None
    """split.tsv that `inpaint split` wrote; its digest goes into training.json, and previews need it."""
    experiment: Annotated[str, Role.PLACE] = "adapter"
    """Name of the experiment."""
    seed: int = Field(0, ge=0)
    """Seed of order, noise, timesteps and LoRA's initial weights."""
    dry_run: Annotated[bool, Role.EXECUTION] = False
    """Write nothing: make two updates and print the settings, the model by module, what trains, the shapes of a batch,
    its loss, seconds and memory. Without --index on random latents, so that it can be tried before there are any."""
    frame_size: Annotated[Size, Role.EXECUTION] = "640x480"
    """Frame size in pixels of a dry run's random latents."""
    requeue: Annotated[bool, Role.EXECUTION] = False
    """In a SLURM job: when the run is stopped early with its work saved, have SLURM start the job again."""

    def less_memory(self) -> dict[str, Any]:
        """Those of the training and the transformer and, for previews, of the VAE."""
        model = TransformerSettings.less_memory(self)
        unhelpful = ([] if self.preview_every else ["vae_dtype"]) + ([] if self.quantizable else ["quantization"])
        return TrainSettings.less_memory(self) | {name: model[name] for name in model if name not in unhelpful}

    def gpus_needed(self) -> int:
        """One for each process; of these, none chooses its GPU itself."""
        return 0 if is_worker() else super().gpus_needed() * (1 if self.dry_run else self.processes)


class FindRateCommand(TrainCommand):
    """Train for a few updates at rising learning rates and suggest one; no weights are kept.

    It takes the options of `inpaint train`, so that a training's command line can be used.
    """

    out: Path
    """Folder for learning-rate.tsv, .png and .svg; it may be the experiment's."""
    lowest_rate: float = Field(1e-5, gt=0.0)
    """LoRA's rate at the first update. The patch embedding's rate keeps the ratio of patch_learning_rate to
    learning_rate."""
    highest_rate: float = Field(1.0, gt=0.0)
    """LoRA's rate at the last update; the test ends earlier if the loss diverges."""
    updates: int = Field(80, ge=20)
    """Number of updates, each at its own rate."""
    probe_batches: int = Field(4, ge=1)
    """Batches, other than those of the updates, whose loss is measured after each update."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.lowest_rate >= self.highest_rate:
            raise ValueError(f"highest_rate: {self.highest_rate} must be above lowest_rate, {self.lowest_rate}")

    def gpus_needed(self) -> int:
        """One: it is a single process, whatever the training's `processes`."""
        return ModelSettings.gpus_needed(self)


def checkpoint_steps(settings: TrainSettings) -> list[int]:
    """The updates after which a checkpoint is kept."""
    return sorted({*range(settings.save_every, settings.steps + 1, settings.save_every), settings.steps})
