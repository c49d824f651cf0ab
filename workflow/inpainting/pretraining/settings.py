"""Settings of the two pretraining steps. The lengths are steps, never minutes: a busy machine changes no result."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inpainting.core.settings import Role, Settings


class ComputingSettings(Settings):
    """With what a model is pretrained."""

    seed: int = Field(default=0, ge=0)
    """Seed of the clips, the first weights and all noise."""
    device: Annotated[Literal["auto", "cpu", "cuda"], Role.EXECUTION] = "auto"
    """Where to compute; auto takes the GPU where there is one."""
    mixed_precision: Literal["no", "bf16"] = "bf16"
    """Autocast of the forward pass; noise, loss and weights stay float32."""
    threads: Annotated[int, Role.EXECUTION] = Field(default=2, ge=1)
    """Threads of the arithmetic on a CPU. Another number may change the last bits of the weights."""


class PretrainVaeSettings(ComputingSettings):
    """How the nano VAE is made."""

    latent_channels: int = Field(default=48, ge=1)
    """Channels of the latents. CogVideoX-2b has 16, which for frames of 128x96 are too few."""
    channels: list[int] = Field(default=[16, 32, 64, 64], min_length=4, max_length=4)
    """Width of the four blocks; each is a multiple of `groups`."""
    layers: int = Field(default=1, ge=1)
    """Residual layers per block."""
    groups: int = Field(default=2, ge=1)
    """Groups of the group normalisation; few of them reconstruct better at this width."""
    clips: int = Field(default=2000, ge=1)
    """Clips to train on."""
    clip_scale: int = Field(default=1, ge=1)
    """Clips are drawn at this many times the frames' size; most crops are then shrunk to half, and sharper."""
    batch: int = Field(default=2, ge=2, multiple_of=2)
    """Crops of 9 frames a step; three times as many of single frames, half as many whole clips."""
    photographs: Path | None = None
    """Folder of further photographs, .jpg or .png: half of the clips pan over one of them."""
    image_steps: int = Field(default=1000, ge=0)
    """Steps on single frames, crops of 64x48."""
    short_steps: int = Field(default=800, ge=0)
    """Steps on 9 frames, crops of 64x48."""
    long_steps: int = Field(default=100, ge=0)
    """Steps on whole clips of 17 frames of 128x96. After them the encoder is final."""
    decoder_steps: int = Field(default=600, ge=0)
    """Steps that train the decoder alone, on 9 frames of 128x96."""
    rate: float = Field(default=0.02, gt=0)
    """Muon's learning rate."""
    held_out: int = Field(default=32, ge=4)
    """Sample sequences that no training sees: all measure the latents' scale, a quarter of them the reconstruction."""
    checkpoint_every: Annotated[int, Role.EXECUTION] = Field(default=250, ge=1)
    """Steps between checkpoints."""

    @property
    def encoder_steps(self) -> int:
        """Steps until the encoder is final."""
        return self.image_steps + self.short_steps + self.long_steps


class PretrainVaeCommand(PretrainVaeSettings):
    """Options of `inpaint pretrain-vae`."""

    out: Path
    """Folder for the finished VAE."""
    work: Path
    """Folder for clips, checkpoints and the curve; a run that was interrupted goes on from there."""


class PretrainBaseSettings(ComputingSettings):
    """How the nano transformer is made."""

    heads: int = Field(default=8, ge=1)
    """Attention heads."""
    head_width: int = Field(default=32, ge=4)
    """Channels of one attention head."""
    layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    time_width: int = Field(default=128, ge=4)
    """Width of the time step's embedding."""
    clips: int = Field(default=1920, ge=1)
    """Clips to train on."""
    dynamic_share: float = Field(default=0.0, ge=0, le=1)
    """Share of clips with dynamic scenes, as in `inpaint sample --dynamic-share`."""
    photographs: Path | None = None
    """Folder of further photographs, .jpg or .png: half of the clips pan over one of them."""
    steps: int = Field(default=8000, ge=1)
    """Training steps."""
    batch: int = Field(default=8, ge=1)
    """Clips a step."""
    rate: float = Field(default=0.01, gt=0)
    """Muon's learning rate."""
    held_out: int = Field(default=32, ge=4)
    """Sample sequences that no training sees, to measure the velocity error on."""
    checkpoint_every: Annotated[int, Role.EXECUTION] = Field(default=250, ge=1)
    """Steps between checkpoints."""


class PretrainBaseCommand(PretrainBaseSettings):
    """Options of `inpaint pretrain-base`."""

    vae: Path
    """Folder of the VAE whose latents the transformer learns."""
    out: Path
    """Folder for the finished model: transformer, VAE, scheduler and model card."""
    work: Path
    """Folder for latents, checkpoints and the curve; a run that was interrupted goes on from there."""
