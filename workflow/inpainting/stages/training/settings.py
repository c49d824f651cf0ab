"""Settings of `inpaint train`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inpainting.conditioning.registry import CONDITIONINGS
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import LoraSettings, ModelSettings
from inpainting.stages.training.launcher import is_worker
from inpainting.video.settings import EFFECT_THRESHOLD, MaskSettings, WindowSettings


class LossSettings(Settings):
    """What the loss counts."""

    region: Literal["mask", "mask_dilated", "mask_and_effect"] = "mask_dilated"
    """Where errors count in full: the hole, the hole as it was greyed out, or that and where input and truth differ
    outside it, as under the shadow of what is removed."""
    effect_threshold: int = Field(EFFECT_THRESHOLD, ge=1, le=255)
    """Grey levels, mean over the channels, from which they differ, for mask_and_effect."""
    outside_weight: float = Field(0.1, ge=0.0, le=1.0)
    """Weight of errors outside that region; 0 counts the region alone."""
    timestep_sampling: Literal["uniform", "logit_normal"] = "uniform"
    """How a sample's timestep is drawn: all alike, or the middle ones more often (arXiv 2403.03206)."""
    logit_mean: float = 0.0
    """Mean of logit_normal's normal distribution; above 0, noisier timesteps are drawn more often."""
    logit_std: float = Field(1.0, gt=0.0)
    """Standard deviation of logit_normal's normal distribution."""
    high_noise_share: float = Field(0.0, ge=0.0, le=1.0)
    """Share of samples whose timestep is drawn from the noisiest, evenly, whatever the sampling of the others."""
    high_noise_from: int = Field(700, ge=0)
    """First of these noisiest timesteps, which for CogVideoX go to 999. Where one denoising step is taken, it is at the
    last."""
    min_snr_gamma: float | None = Field(None, gt=0.0)
    """Weighs the loss by min(SNR, gamma) / (SNR + 1) (arXiv 2303.09556; gamma 5 there); not at all where not given. The
    noisier a timestep, the less it counts, and the last, where inference begins, not at all."""


class AugmentationSettings(Settings):
    """Holes that are larger in training than the dataset's; previews, validation and scores keep the dataset's."""

    augmented_share: float = Field(0.0, ge=0.0, le=1.0)
    """Share of the windows that are trained with a larger hole, drawn anew each time one is shown. Needs a conditioning
    whose latents do for any hole."""
    augmented_dilation: int = Field(16, ge=0, le=64)
    """Pixels, at most, by which such a hole is grown; how many is drawn evenly from 0."""
    augmented_shapes: int = Field(1, ge=0, le=8)
    """Moving shapes, at most, that are added to such a hole; how many is drawn evenly from 0."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.augmented_share and not self.augmented_dilation and not self.augmented_shapes:
            raise ValueError(
                f"augmented_share: {self.augmented_share} was given with augmented_dilation 0 and augmented_shapes 0, "
                "which leave every hole as it is; give one of them from 1 on"
            )


class OptimizerSettings(Settings):
    """How gradients become updates."""

    steps: int = Field(2000, ge=1)
    """Updates in all."""
    optimizer: Annotated[Literal["adamw", "adamw_8bit", "prodigy", "muon"], Role.ARCHITECTURE] = "adamw"
    """AdamW; the same with 8-bit states (needs bitsandbytes); Prodigy, which finds its rates itself and multiplies them
    by those given here (use 1); or Muon for LoRA's matrices beside AdamW for the rest, both at AdamW's rates."""
    learning_rate: float = Field(1e-4, gt=0.0)
    """Peak rate of LoRA."""
    patch_learning_rate: float = Field(1e-4, gt=0.0)
    """Peak rate of the widened patch embedding."""
    schedule: Literal["cosine", "cosine_with_restarts", "linear", "polynomial", "constant", "constant_with_warmup"] = (
        "cosine"
    )
    """How the rates go after the warm-up, as diffusers names it; constant has no warm-up."""
    schedule_cycles: int = Field(1, ge=1)
    """Falls of the schedule cosine_with_restarts."""
    schedule_power: float = Field(1.0, gt=0.0)
    """Exponent of the schedule polynomial."""
    warmup_steps: int = Field(100, ge=0)
    """Updates over which the rates rise from zero."""
    weight_decay: float = Field(1e-4, ge=0.0)
    """Decoupled weight decay."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's and Prodigy's averaging rates."""
    max_grad_norm: float = Field(1.0, gt=0.0)
    """Gradients of a larger norm are scaled down to it."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        for name in ("learning_rate", "patch_learning_rate"):
            rate = getattr(self, name)
            if self.optimizer == "prodigy" and rate < 0.01:
                raise ValueError(
                    f"{name}: {rate} was given with the optimizer prodigy, which multiplies the rate that it finds by "
                    "it; use 1, or some other number from 0.01 on"
                )
        if self.schedule == "polynomial" and self.learning_rate <= 1e-7:
            raise ValueError(
                f"learning_rate: {self.learning_rate} was given with the schedule polynomial, which ends at 1e-07; use "
                "a higher rate"
            )


class PreviewSettings(Settings):
    """What is looked at during training; it changes nothing of it."""

    preview_every: Annotated[int, Role.EXECUTION] = Field(0, ge=0)
    """Updates between previews, in which the first validation sequences are inpainted and scored in the mask, with
    pictures in TensorBoard; 0 for none. Checkpoints are chosen by `validate`, not by this."""
    preview_sequences: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Sequences of a preview, one window of each."""
    preview_steps: Annotated[int, Role.EXECUTION] = Field(5, ge=1)
    """Denoising steps of a preview."""


class TrainSettings(
    LossSettings, AugmentationSettings, LoraSettings, ConditionSettings, OptimizerSettings, PreviewSettings
):
    """The training of one experiment."""

    base_weights: Annotated[Literal["pretrained", "random"], Role.ARCHITECTURE] = "pretrained"
    """The transformer's own weights, or fresh random ones in its shape: what an adapter owes to the pretraining."""
    batch_size: int = Field(4, ge=1)
    """Windows per update, over all processes."""
    micro_batch_size: Annotated[int, Role.EXECUTION] = Field(1, ge=1)
    """Windows per forward pass; gradients are accumulated up to the batch size."""
    processes: Annotated[int, Role.EXECUTION] = Field(1, ge=1)
    """Processes of this machine that share each batch, with a GPU each; the same training as one process does, but for
    rounding and for what `lora_dropout` drops. Under a launcher such as torchrun, which starts them, it has no say."""
    shard_base: Annotated[bool, Role.EXECUTION] = False
    """Hold a share of the frozen base weights on each process, not all of them, for bases that fill a GPU's memory. It
    takes time to gather each block's weights where it runs; the training is the same, bit for bit."""
    ema_decay: float = Field(0.0, ge=0.0, lt=1.0)
    """Decay of the moving average of the trained weights that is exported, e.g. 0.99 for hundreds of updates, 0.999 for
    many thousands; 0 exports the weights as they are."""
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    """Autocast of the forward pass; noise, loss and trained weights stay float32."""
    gradient_checkpointing: Annotated[bool, Role.EXECUTION] = False
    """Compute activations again in the backward pass, to save memory."""
    compile: Annotated[bool, Role.EXECUTION] = False
    """Compile the transformer's blocks first, a minute that a long training earns back; needs a C++ compiler."""
    save_every: Annotated[int, Role.EXECUTION] = Field(500, ge=1)
    """Updates between checkpoints; the last update is always saved."""
    keep_last: Annotated[int, Role.EXECUTION] = Field(3, ge=1)
    """Checkpoints, the last, that a run can go on from; of earlier ones the adapter alone is kept, to be validated."""
    time_limit: Annotated[float | None, Role.EXECUTION] = Field(None, gt=0.0)
    """Minutes from its start; shortly before they are over, a run saves and leaves with exit code 75, to be run again.
    In a SLURM job, the job's own end counts as well."""
    log_every: Annotated[int, Role.EXECUTION] = Field(10, ge=1)
    """Updates between rows of metrics.jsonl and TensorBoard."""
    on_change: Annotated[Literal["refuse", "continue", "restart"], Role.EXECUTION] = "refuse"
    """When a run of other settings or data is there: refuse, and say what differs; continue from its last checkpoint,
    where what was trained fits (such a run can't be repeated from its settings alone); or restart, which puts the run
    aside below previous/. New sequences alone change nothing of a training that is done."""
    wandb_project: Annotated[str | None, Role.EXECUTION] = None
    """Project of Weights & Biases that the rows and previews go to as well; needs the package wandb. With
    WANDB_MODE=offline in the environment they stay on this machine, in the experiment's folder."""

    def model_post_init(self, context: object) -> None:
        super().model_post_init(context)
        if self.augmented_share and not self.conditioning_entry.fits_any_hole:
            others = " or ".join(name for name, entry in CONDITIONINGS.items() if entry.fits_any_hole)
            raise ValueError(
                f"augmented_share: {self.augmented_share} was given with the conditioning {self.conditioning}, whose "
                "latents have the dataset's holes painted over: a larger hole would be seen through; use 0, or the "
                f"conditioning {others}"
            )


class TrainCommand(TrainSettings, ModelSettings, MaskSettings, WindowSettings):
    """Train LoRA and the widened patch embedding on cached latents, with the loss over the hole."""

    index: Path
    """The index of the latents, as `inpaint index` wrote it of what the conditions show."""
    prompt_file: Path
    """The prompt's embedding, as `inpaint prompt` wrote it."""
    out: Path
    """Folder of the experiment: checkpoints, metrics.jsonl, tensorboard, and training.json once all is done."""
    dataset: Path | None = None
    """Folder that holds the sequences; previews alone need it, and the manifest."""
    manifest: Path | None = None
    """manifest.parquet, as `inpaint audit` wrote it."""
    split_file: Path | None = None
    """split.tsv, as `inpaint split` wrote it; its digest goes into training.json, and previews need it."""
    experiment: Annotated[str, Role.PLACE] = "adapter"
    """Name of the experiment."""
    seed: int = Field(0, ge=0)
    """Seed of order, noise, timesteps and LoRA's start."""
    dry_run: Annotated[bool, Role.EXECUTION] = False
    """Train nothing and write nothing: print the settings, the model, what trains, the shapes of a batch, its loss in
    one forward and backward pass, and the memory of a full run."""

    def gpus_needed(self) -> int:
        """One for each process; of these, none chooses its GPU itself."""
        return 0 if is_worker() else super().gpus_needed() * (1 if self.dry_run else self.processes)


class FindRateCommand(TrainCommand):
    """Train for a few updates at ever higher rates, and suggest one; of the model nothing is kept.

    It takes what `inpaint train` takes, so that a training's own command line serves.
    """

    out: Path
    """Folder that receives learning-rate.tsv, .png and .svg; the experiment's will do."""
    lowest_rate: float = Field(1e-5, gt=0.0)
    """LoRA's rate at the first update. The patch embedding's keeps its proportion to it, patch_learning_rate to
    learning_rate."""
    highest_rate: float = Field(1.0, gt=0.0)
    """LoRA's rate at the last update, which is not reached where the loss runs away before."""
    updates: int = Field(80, ge=20)
    """Updates, each at a rate of its own."""
    probe_batches: int = Field(4, ge=1)
    """Batches, none of them among those of the updates, that the loss is taken of after each."""

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
