"""Settings of `inpaint run` and `inpaint export`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inpainting.baselines.settings import FillSettings
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import ModelSettings
from inpainting.video.settings import MaskSettings, WindowSettings

INPAINTING_VERSION = 1
"""Raised by hand when sampled frames change on purpose: what another version made is made anew."""

STEPS = 50
"""Denoising steps where nothing tells of a better number."""


class DenoisingSettings(Settings):
    """How clips are denoised."""

    steps: int | None = Field(None, ge=1)
    """Denoising steps; the time taken is proportional to them. By default as many as validation chose for the adapter,
    or 50 where none did."""
    scheduler: Literal["ddim", "dpm"] = "ddim"
    """ddim goes the same way from the same noise; dpm adds noise at each step and looks back one."""
    guidance: float = Field(1.0, ge=1)
    """Classifier-free guidance: over 1, each step is done without the prompt, too, and takes twice as long."""
    blend: Literal["latents", "pixels"] = "latents"
    """How overlapping windows come together: latents denoises them together, so that they agree; pixels inpaints each
    by itself and fades one into the other."""


class ComputeSettings(Settings):
    """How the machine is used: for speed, or for less memory."""

    windows_at_once: Annotated[int | None, Role.EXECUTION] = Field(None, ge=1)
    """Windows in a batch; by default 2 on the CPU and 1 on a GPU. More is faster where the memory allows it."""
    compile: Annotated[bool, Role.EXECUTION] = False
    """Compile the transformer first: minutes that long clips earn back. Needs a C++ compiler."""
    offload: Annotated[bool, Role.EXECUTION] = False
    """Keep on the GPU only the part of the model that is at work: less memory, slower."""
    vae_tiling: bool = False
    """Encode and decode frames in tiles: less memory for large frames, slightly other pixels than trained with."""


class RunCommand(ModelSettings, MaskSettings, WindowSettings, FillSettings, DenoisingSettings, ComputeSettings):
    """Inpaint a clip of any size and length. An adapter brings its own masks, windows and fill, which then hold."""

    base: str = ""
    """The base model: a folder in diffusers' layout, or a hub name; by default the one that the adapter was trained on,
    or models/nano without an adapter."""
    input: Path | None = None
    """What to inpaint: a video, a folder of frames, or a sequence folder with RGB_480 in it."""
    mask: Path | None = None
    """Where to inpaint: a video, a folder of masks, one image for all frames, or a sequence folder with MASK_480 in it;
    may be left out where --input is such a folder."""
    output: Path | None = None
    """What to write: .mp4 (H.264), .mkv (FFV1, lossless) or a folder of PNGs; <output>.json says how it was made."""
    batch: Path | None = None
    """Instead of the three: a table (tab-separated, a line of names first) with the columns input, mask and output, a
    row per clip. What is done is left out when it is run again; what fails does not stop the rest."""
    adapter: Path | None = None
    """Folder of a trained adapter; without it the untouched base has its known latents replaced at each step."""
    prompt: str | None = None
    """Text to condition on; by default the one that the adapter was trained with, or none."""
    raw: bool = False
    """Write the model's own frames. By default known pixels are the input's, and only the hole is the model's."""
    crop: bool = False
    """Inpaint only what lies around the hole, at its own resolution: for frames larger than the model was made for."""
    preview: Annotated[bool, Role.EXECUTION] = False
    """First inpaint the window with the largest hole and show it in <output>.preview.png; then go on."""
    frames: int | None = Field(None, ge=1)
    """Frames that are read at most, from the first; all where it is not given."""
    seed: int = Field(0, ge=0)
    """Seed of the noise: the same one gives the same bytes."""


class ExportCommand(Settings):
    """Write an adapter as one folder to give away: its files bit for bit, a model card, scores and provenance."""

    checkpoint: Path
    """A step-N folder that training wrote, or an adapter folder, such as the best one's."""
    scores: Path | None = None
    """The adapter's file of `inpaint validate` or `inpaint best`, for the card."""
    out: Path
    """The folder to write; `inpaint run --adapter` and `CogVideoXInpaintPipeline.load_adapter` take it."""
