"""Settings of `inpaint import`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inpainting.core.settings import Role, Size, parse_size
from inpainting.video.settings import FolderSettings, MissingMasks

SMALLEST_SIDE = 16
"""Pixels that both sides of a frame need: one token of the transformer (2 latents) of 8 pixels each."""


class ImportCommand(FolderSettings):
    """Make sequences in the dataset's layout from videos or folders of frames."""

    videos: Annotated[str | None, Role.PLACE] = None
    """A folder of videos or of folders of frames, one of these, or a quoted pattern such as 'clips/*.mp4'."""
    masks: Path | None = None
    """White where to inpaint: a folder that holds, for bear.mp4, a video, a folder or an image called bear or
    bear_mask; or one file for all clips. An image applies to all frames of its clip."""
    truths: Path | None = None
    """What should be there: a folder that holds, for bear.mp4, a video or a folder called bear or bear_truth; or one
    file. Sequences without it can be inpainted, but neither trained on nor scored."""
    table: Path | None = None
    """In place of --videos: a .tsv or .csv with the columns name, video, mask, and optionally truth and group; paths
    are relative to the table's folder."""
    davis: Path | None = None
    """In place of --videos: a folder of DAVIS' layout, with JPEGImages/480p/<name>/ and Annotations/480p/<name>/, where
    each object's pixels have its number."""
    out: Path
    """Folder of the dataset: one folder per sequence, import.tsv (what was made and what was refused) and groups.tsv
    (sequences of one video belong together)."""
    sequences: Path | None = None
    """In place of --videos: a folder of sequences, each with the three folders, whose frames have other names or
    formats than frame_00001.png."""
    missing_masks: MissingMasks = "refuse"
    """If a folder of masks has none for some of a folder's frames: refuse names them, empty takes them as empty."""
    make_masks: bool = False
    """The clips are the truth: paint moving objects with shadows over them, which are to be removed."""
    size: Size | None = None
    """Frame size in pixels of all sequences; by default each clip keeps its own."""
    resize: Literal["crop", "pad", "fit"] = "crop"
    """How a clip of another aspect ratio gets --size: crop scales it to cover the size and cuts, pad scales it to fit
    and adds black borders, fit scales it to fit and leaves one side smaller."""
    rate: float | None = Field(None, gt=0, le=1000)
    """Frames per second to which videos are resampled by leaving out or repeating frames; by default all are kept."""
    frames: int | None = Field(None, ge=1, le=99999)
    """Frames of each sequence: a longer clip becomes several, a shorter one is refused; by default a clip is one."""
    mask_threshold: int | None = Field(None, ge=1, le=255)
    """A mask's pixel whose brightest channel has this value or more is to be inpainted; 128, or with --davis 1."""
    mask_invert: bool = False
    """Invert masks that are white where pixels are known."""
    seed: int = Field(0, ge=0)
    """Seed of --make-masks, together with each sequence's name."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that import clips in parallel; their number does not change the result."""

    def model_post_init(self, _: object) -> None:
        given = [name for name in ("videos", "table", "davis", "sequences") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{given[1] if given else 'videos'}: one of --videos, --table, --davis and --sequences is needed"
            )
        for name in ("masks", "truths"):
            if getattr(self, name) is not None and self.videos is None:
                raise ValueError(f"{name}: goes with --videos; --{given[0]} has them itself")
            if getattr(self, name) is not None and self.make_masks:
                raise ValueError(f"{name}: with --make-masks the clips are the truth and masks are made; leave it out")
        if self.videos is not None and self.masks is None and not self.make_masks:
            raise ValueError("masks: a mask is needed for each clip; give --masks, or --make-masks to have some made")
        if self.size is not None and min(parse_size(self.size)) < SMALLEST_SIDE:
            raise ValueError(
                f"size: {self.size} is too small for the model; use {SMALLEST_SIDE}x{SMALLEST_SIDE} or more"
            )

    @property
    def target(self) -> tuple[int, int] | None:
        """--size as (width, height), or None."""
        return None if self.size is None else parse_size(self.size)

    @property
    def threshold(self) -> int:
        """The mask threshold, with its default."""
        return self.mask_threshold or (128 if self.davis is None else 1)
