"""Settings of `inpaint encode`, `inpaint index` and `inpaint prompt`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field

from inpainting.artifacts.split import TRAIN
from inpainting.baselines.settings import ConditionSource
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import ModelSettings
from inpainting.video.settings import FolderSettings, MaskSettings, WindowSettings

if TYPE_CHECKING:
    Content = str
else:
    Content = Literal[("truth", *get_args(ConditionSource))]
"""Content of a shard: truths with their holes, or conditions of one `baselines.settings.ConditionSource`."""


class TruthSettings(Settings):
    """What is stored of the truth's posterior."""

    truth_posterior: Literal["mean", "mean_and_logvar"] = "mean"
    """What is stored of the truth: the posterior's mean, or its mean and log-variance, which takes twice the disk space
    and from which training draws a new sample at every step."""


class EncodeSettings(Settings):
    """Encoding of windows into latents."""

    windows_per_sequence: int | None = Field(None, ge=1)
    """Windows of each sequence that are encoded, chosen by a hash of its name; all if not given. Fewer take less time
    and disk space, and training sees fewer frames of each sequence."""
    latents_dtype: Literal["float16", "float32"] = "float16"
    """Precision of the stored latents."""
    max_left_out: Annotated[float, Role.EXECUTION] = Field(0.01, ge=0, le=1)
    """Share of a shard's sequences, 0 to 1, that may be left out because their frames can't be read or their latents
    are not finite; with more, encoding fails. At 0.01, each sequence of a shard of less than 100 must be encoded."""


class EncodeCommand(EncodeSettings, TruthSettings, ModelSettings, MaskSettings, WindowSettings, FolderSettings):
    """Encode the windows of one shard's sequences: truths with their holes, and conditions.

    Each sequence is read once for all contents that lack it. If it can't be encoded, it is left out of all of them and
    listed in shard-N.left_out.tsv: see --max-left-out.
    """

    contents: tuple[Content, ...] = Field(min_length=1)
    """What to encode: `truth` (with the holes), and conditions, each the input with its hole filled as named, or
    unchanged (`rgb`). Each content has a shard of its own, and only what a shard lacks is encoded."""
    dataset: Path
    """Folder of the sequences."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    out: Path
    """Folder of the latents; writes truth/shard-N.safetensors and condition/<source>/shard-N.safetensors there, and
    beside each its listing for `inpaint index`, shard-N.parquet."""
    splits: Annotated[tuple[str, ...], Role.PLACE] = (TRAIN,)
    """Splits to encode; validation and test sequences are read as frames, not as latents."""
    frames: int = Field(100, ge=1)
    """Frames of each sequence that the windows cover."""
    shard: Annotated[int, Role.PLACE] = Field(0, ge=0)
    """Number of this shard, from 0."""
    shards: Annotated[int, Role.PLACE] = Field(1, ge=1)
    """Number of shards into which the sequences are divided."""
    reserve_gb: Annotated[float, Role.EXECUTION] = Field(0.0, ge=0)
    """GB of disk space (10^9 bytes) that must stay free for later steps, such as checkpoints. It is checked before the
    first window is encoded, together with the space for all shards of these contents."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that read and fill sequences while the VAE encodes; their number does not change the result."""


class IndexCommand(Settings):
    """Combine the listings of truths and of conditions of one source into one index."""

    truths: tuple[Path, ...]
    """The listings (.parquet) of all shards of truths."""
    conditions: tuple[Path, ...]
    """The listings of all shards of conditions of one source."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    out: Path
    """The .parquet file to write, a row per window."""


class PromptSettings(Settings):
    """The prompt of all sequences."""

    prompt: str = ""
    """Text prompt of training and inference; must be empty for a base without a text encoder."""


class PromptCommand(PromptSettings, ModelSettings):
    """Encode the prompt once, so that no later step loads the text encoder."""

    out: Path
    """The .safetensors file to write."""

    def less_memory(self) -> dict[str, Any]:
        """The text encoder takes as much RAM on the CPU, some minutes for a prompt, and no GPU memory."""
        return {"device": "cpu"} if self.device != "cpu" else {}
