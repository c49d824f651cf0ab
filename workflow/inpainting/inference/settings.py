"""Settings of `inpaint run`."""

from pathlib import Path

from pydantic import Field

from inpainting.filling.settings import FillSettings
from inpainting.models.settings import ModelSettings
from inpainting.video.settings import MaskSettings, WindowSettings

INPAINTING_CODE = (
    *(f"inference/{n}.py" for n in ("conditioning", "denoising", "inpainter", "pipeline", "restoration", "timeline")),
    "filling",
    "models",
    "video",
)
"""What shapes the frames that a model makes of a clip, for `provenance.code_digest`."""


class RunCommand(ModelSettings, MaskSettings, WindowSettings, FillSettings):
    """Inpaint a clip of any size and length. An adapter brings its own masks, windows and fill, which then hold."""

    input: Path
    """What to inpaint: a video, a folder of frames, or a sequence folder with RGB_480 in it."""
    mask: Path | None = None
    """Where to inpaint: a video, a folder of masks, one image for all frames, or a sequence folder with MASK_480 in it;
    may be left out where --input is such a folder."""
    output: Path
    """What to write: .mp4 (H.264), .mkv (FFV1, lossless) or a folder of PNGs; <output>.json says how it was made."""
    adapter: Path | None = None
    """Folder of a trained adapter; without it the untouched base has its known latents replaced at each step."""
    prompt: str | None = None
    """Text to condition on; by default the one that the adapter was trained with, or none."""
    steps: int = Field(50, ge=1)
    """Denoising steps; the time taken is proportional to them."""
    raw: bool = False
    """Write the model's own frames. By default known pixels are the input's, and only the hole is the model's."""
    frames: int | None = Field(None, ge=1)
    """Frames that are read at most, from the first; all where it is not given."""
    seed: int = Field(0, ge=0)
    """Seed of the noise: the same one gives the same bytes."""
