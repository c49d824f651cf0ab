"""Settings of `inpaint encode`, `inpaint index` and `inpaint prompt`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field

from inpainting.artifacts.split import TRAIN
from inpainting.baselines.settings import ConditionSource
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import ModelSettings
from inpainting.video.settings import MaskSettings, WindowSettings

if TYPE_CHECKING:
    Content = str
else:
    Content = Literal[("truth", *get_args(ConditionSource))]
"""What a shard holds: the truth and the holes, or conditions of one of `baselines.settings.ConditionSource`."""


class TruthSettings(Settings):
    """What is kept of the truth."""

    truth_posterior: Literal["mean", "mean_and_logvar"] = "mean"
    """What is kept of the truth: the mean alone, or with twice the disk the log-variance too, of which training then
    draws a sample at every step."""


class EncodeSettings(Settings):
    """Encoding of windows into latents."""

    latents_dtype: Literal["float16", "float32"] = "float16"
    """Precision of the stored latents."""


class EncodeCommand(EncodeSettings, TruthSettings, ModelSettings, MaskSettings, WindowSettings):
    """Encode the windows of one shard's sequences: the truth and the hole, or the input with its hole filled."""

    content: Content
    """What to encode: `truth` (with the holes), or as a condition the input, its hole filled as named, or as it is
    (`rgb`)."""
    dataset: Path
    """Folder that holds the sequences."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    out: Path
    """The shard to write, a .safetensors file; its listing, for `inpaint index`, becomes a .parquet beside it."""
    splits: Annotated[tuple[str, ...], Role.PLACE] = (TRAIN,)
    """Splits to encode; validation and test are inpainted from their frames."""
    frames: int = Field(100, ge=1)
    """Frames of each sequence to cover with windows."""
    shard: Annotated[int, Role.PLACE] = Field(0, ge=0)
    """Number of this shard, from 0."""
    shards: Annotated[int, Role.PLACE] = Field(1, ge=1)
    """Number of shards that the sequences are spread over."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that read and fill sequences ahead of the VAE; their number changes no latent."""


class IndexCommand(Settings):
    """Gather the listings of truths and of the conditions of one source into one index."""

    truths: tuple[Path, ...]
    """The listings (.parquet) of the shards of truths, all of them."""
    conditions: tuple[Path, ...]
    """The listings of the shards of conditions, all of them and of one source."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    out: Path
    """The .parquet file to write, a row per window."""


class PromptSettings(Settings):
    """The text that goes with every sequence."""

    prompt: str = ""
    """Text that training and inference are conditioned on; empty for a base without a text encoder."""


class PromptCommand(PromptSettings, ModelSettings):
    """Encode the prompt once, so that no later step loads the text encoder."""

    out: Path
    """The .safetensors file to write."""
