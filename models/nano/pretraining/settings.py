"""Settings of the two trainings. settings.yaml gives the values, so that no value stands in two places."""

from typing import Literal

from inpainting.core.settings import Settings
from pydantic import Field


class TrainingSettings(Settings):
    """What both trainings have."""

    seed: int = Field(ge=0)
    """Seed of the clips, the first weights and all noise."""
    clips: int = Field(ge=1)
    """Clips to train on, all held in memory."""
    batch: int = Field(ge=2, multiple_of=2)
    """Clips per step; the VAE takes three times as many single frames and half as many whole clips."""
    rate: float = Field(gt=0)
    """Muon's highest learning rate."""
    held_out: int = Field(ge=4)
    """Clips that are not trained on: all measure latents and velocities, a quarter of them the VAE's PSNR."""
    checkpoint_every: int = Field(ge=1)
    """Steps between checkpoints."""
    mixed_precision: Literal["no", "bf16"]
    """Autocast of the forward pass; noise, loss and weights stay float32."""
    workers: int = Field(ge=1)
    """Processes that draw clips."""


class VaeSettings(TrainingSettings):
    """How the VAE is made."""

    latent_channels: int = Field(ge=1)
    """Channels of the latents. CogVideoX-2b has 16, which is too few for frames of 128x96."""
    channels: list[int] = Field(min_length=4, max_length=4)
    """Width of the four blocks; each is a multiple of `groups`."""
    layers: int = Field(ge=1)
    """Residual layers per block."""
    groups: int = Field(ge=1)
    """Groups of the group normalisation; at this width, fewer groups reconstruct better."""
    image_steps: int = Field(ge=0)
    """Steps on single frames, crops of 64x48."""
    short_steps: int = Field(ge=0)
    """Steps on 9 frames, crops of 64x48."""
    long_steps: int = Field(ge=0)
    """Steps on whole clips, 17 frames of 128x96."""

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.image_steps + self.short_steps + self.long_steps


class TransformerSettings(TrainingSettings):
    """How the transformer is made."""

    heads: int = Field(ge=1)
    """Attention heads."""
    head_width: int = Field(ge=4)
    """Channels of one attention head."""
    layers: int = Field(ge=1)
    """Transformer blocks."""
    time_width: int = Field(ge=4)
    """Width of the timestep embedding."""
    dynamic_share: float = Field(ge=0, le=1)
    """Share of clips with dynamic scenes, as in `inpaint sample --dynamic-share`."""
    steps: int = Field(ge=1)
    """Training steps."""


class Config(Settings):
    """What settings.yaml holds."""

    vae: VaeSettings
    """The first training."""
    transformer: TransformerSettings
    """The second."""
