"""Settings of `inpaint run` and `inpaint export`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import InferenceSettings
from inpainting.video.settings import FolderSettings, MaskSettings, MissingMasks, WindowSettings

INPAINTING_VERSION = 1
"""Raised by hand when sampled frames change on purpose: outputs of another version are made again."""

DEFAULT_STEPS = 50
"""Denoising steps if neither an option nor the adapter gives a number."""


class DenoisingSettings(Settings):
    """How clips are denoised."""

    steps: int | None = Field(None, ge=1)
    """Denoising steps, to which the time is proportional; by default as many as validation chose for the adapter, or
    50."""
    scheduler: Literal["ddim", "dpm"] = "ddim"
    """ddim is deterministic; dpm adds noise at each step and uses the previous step's prediction."""
    guidance: float = Field(1.0, ge=1)
    """Classifier-free guidance; over 1, each step also predicts without the prompt and takes twice as long."""
    blend: Literal["latents", "pixels"] = "latents"
    """How overlapping windows are joined: latents averages their predictions at each denoising step; pixels inpaints
    each on its own and cross-fades the frames."""


class ComputeSettings(Settings):
    """Speed and memory."""

    windows_at_once: Annotated[int | None, Role.EXECUTION] = Field(None, ge=1)
    """Windows in a batch; by default 2 on the CPU and 1 on a GPU. More is faster if memory allows it."""
    compile: Annotated[bool, Role.EXECUTION] = False
    """Compile the transformer first, which takes minutes and makes each step faster. Needs a C++ compiler."""
    fuse_lora: bool = False
    """Add the adapter's LoRA to the base's weights first, which makes each step faster. In float32 results differ by
    rounding alone; in half precision LoRA is rounded to the base's precision."""
    vae_tiling: bool = False
    """Encode and decode frames in tiles: less memory for large frames, and slightly different pixels."""


class RunCommand(
    InferenceSettings, MaskSettings, WindowSettings, FillSettings, DenoisingSettings, ComputeSettings, FolderSettings
):
    """Inpaint a clip of any size and length. With an adapter, its own mask, window and fill settings apply, except that
    --mask-threshold and --mask-invert, if they are given, say how this clip's masks are stored."""

    base: str = ""
    """The base model: a folder in diffusers' layout, or a hub name; by default the one that the adapter was trained on,
    or models/nano without an adapter."""
    input: Path | None = None
    """What to inpaint: a video, a folder of frames, or a sequence folder with RGB_480 in it."""
    mask: Path | None = None
    """Where to inpaint: a video, a folder of masks, one image for all frames, or a sequence folder with MASK_480 in it;
    may be left out where --input is such a folder."""
    missing_masks: MissingMasks = "refuse"
    """If a folder of masks has none for some of a folder's frames: refuse names them, empty inpaints nothing there."""
    output: Path | None = None
    """What to write: .mp4 (H.264), .mkv (FFV1, lossless) or a folder of PNGs; <output>.json has the metadata."""
    batch: Path | None = None
    """Instead of the three: a table (.tsv or .csv) with the columns input, mask and output, a row per
    clip. Finished clips are skipped when it is run again; a clip that fails does not stop the others."""
    adapter: Path | None = None
    """Folder of a trained adapter; without it, the base's known latents are replaced at each step."""
    prompt: str | None = None
    """Text prompt; by default the one that the adapter was trained with, or none."""
    raw: bool = False
    """Write the model's frames as they are. By default known pixels are the input's, only the hole is the model's."""
    crop: bool = False
    """Inpaint only a region around the hole, at full resolution: for frames larger than the model was trained with."""
    preview: Annotated[bool, Role.EXECUTION] = False
    """First inpaint the window with the largest hole on its own, and write <output>.preview.png."""
    frames: int | None = Field(None, ge=1)
    """Read at most so many frames, from the first; by default all."""
    seed: int = Field(0, ge=0)
    """Seed of the noise; the same seed gives the same bytes."""

    def less_memory(self) -> dict[str, Any]:
        """Those of the model, and of this step."""
        helps = {"windows_at_once": 1, "vae_tiling": True}
        absent = {name: value for name, value in helps.items() if getattr(self, name) not in (None, value)}
        return super().less_memory() | absent


class ExportCommand(Settings):
    """Write an adapter as one folder to publish: its files bit for bit, a model card, scores and provenance."""

    checkpoint: Path
    """A step-N folder that training wrote, or an adapter folder, such as validation's best."""
    scores: Path | None = None
    """The adapter's scores, a file of `inpaint validate` or `inpaint best`, for the model card."""
    out: Path
    """The folder to write, for `inpaint run --adapter` and `CogVideoXInpaintPipeline.load_adapter`."""
