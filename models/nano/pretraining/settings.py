"""Settings of the two trainings. There are no defaults: settings.yaml gives every value."""

from typing import Literal

from inpainting.core.settings import Settings
from pydantic import Field


class TrainingSettings(Settings):
    """Settings of both trainings."""

    seed: int = Field(ge=0)
    """Seed of the clips, the initial weights and all noise."""
    clips: int = Field(ge=1)
    """Clips to train on, all kept in memory."""
    batch: int = Field(ge=2, multiple_of=2)
    """Clips per step; the VAE takes three times as many single frames and half as many whole clips."""
    rate: float = Field(gt=0)
    """Muon's highest learning rate."""
    held_out: int = Field(ge=4)
    """Clips that are not trained on. All measure the latents' scale and velocity error, a quarter the PSNR."""
    checkpoint_every: int = Field(ge=1)
    """Steps between checkpoints."""
    mixed_precision: Literal["no", "bf16"]
    """Autocast of the forward pass; noise, loss and weights stay float32."""
    workers: int = Field(ge=1)
    """Processes that draw clips."""


class VaeSettings(TrainingSettings):
    """Architecture and training of the VAE."""

    latent_channels: int = Field(ge=1)
    """Channels of the latents. CogVideoX-2b has 16, which is too few for frames of 128x96."""
    channels: list[int] = Field(min_length=4, max_length=4)
    """Channels of the four blocks, each a multiple of `groups`."""
    layers: int = Field(ge=1)
    """Residual layers per block."""
    groups: int = Field(ge=1)
    """Groups of the group normalisation; with so few channels, fewer groups reconstruct better."""
    image_steps: int = Field(ge=0)
    """Steps on single frames, crops of 64x48."""
    short_steps: int = Field(ge=0)
    """Steps on 9 frames, crops of 64x48."""
    long_steps: int = Field(ge=0)
    """Steps on whole clips, 17 frames of 128x96."""

    @property
    def steps(self) -> int:
        """Steps of all three stages."""
        return self.image_steps + self.short_steps + self.long_steps


class TransformerSettings(TrainingSettings):
    """Architecture and training of the transformer."""

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
    """The contents of settings.yaml."""

    vae: VaeSettings
    """The first training, of the VAE."""
    transformer: TransformerSettings
    """The second training, of the transformer."""
