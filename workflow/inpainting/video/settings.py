"""Settings of masks and windows, shared by all stages so that training and inference agree."""

import shlex
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from inpainting.core.settings import Role, Settings
from inpainting.video.sequence import FOLDERS, Folders

EFFECT_THRESHOLD = 10
"""Input and truth count as different outside the mask where they differ by more grey levels, mean over the channels:
there a removed object left its shadow or reflection."""


MissingMasks = Literal["refuse", "empty"]
"""What to do if a folder of masks has none for some frames."""

FolderName = Annotated[str, Role.PLACE]
"""Name of a folder. It has no part in a result: the same frames in another folder are the same sequence."""


class FolderSettings(Settings):
    """Names of the three folders in each sequence's folder."""

    rgb_folder: FolderName = FOLDERS.rgb
    """Name of the folder of input frames in each sequence."""
    mask_folder: FolderName = FOLDERS.mask
    """Name of the folder of masks in each sequence."""
    truth_folder: FolderName = FOLDERS.truth
    """Name of the folder of true frames in each sequence."""

    @field_validator("rgb_folder", "mask_folder", "truth_folder")
    @classmethod
    def _is_a_name_of_its_own(cls, name: str, info: ValidationInfo) -> str:
        if not name.isprintable() or "/" in name or name.startswith(".") or not name.strip():
            raise ValueError("should be the name of a folder inside each sequence, such as RGB_480")
        if name in (info.data.get(other) for other in cls.model_fields if other.endswith("_folder")):
            raise ValueError("should differ from the names of the other two folders")
        return name

    @property
    def folders(self) -> Folders:
        """The three names."""
        return Folders(self.rgb_folder, self.mask_folder, self.truth_folder)

    def folder_options(self) -> str:
        """The names that are not the default ones, as command line options: none for most datasets."""
        changed = {
            name: value
            for name, value in self.section(FolderSettings).of_role(Role.PLACE).items()
            if value != FolderSettings.model_fields[name].default
        }
        return " ".join(f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in changed.items())


class HoleSettings(Settings):
    """From mask images to the hole that is scored."""

    mask_threshold: int = Field(128, ge=1, le=255)
    """A mask value of this or more (of 0 to 255) means: inpaint this pixel."""
    mask_invert: bool = False
    """Turn masks round first: for datasets whose masks are white where pixels are known."""


class UnionSettings(HoleSettings):
    """From mask images to the hole that a model is shown."""

    mask_union: int = Field(0, ge=0, le=16)
    """Frames before and after each frame whose masks are united with its own in what the model is shown, fills and
    learns: masks that are empty or too small in some frames are made good by their neighbours, and moving holes grow. 3
    unites all frames that share a latent frame of CogVideoX. Scores are still those of the masks themselves."""


class MaskSettings(UnionSettings):
    """From mask images to the hole that is inpainted, which is grown a little."""

    mask_dilation: int = Field(2, ge=0, le=64)
    """Pixels by which the hole is grown before it is filled, so that no soft edge of the object leaks out."""


class WindowSettings(Settings):
    """How a sequence is cut into windows that the model can take."""

    window: int = Field(49, ge=1)
    """Frames in a window: for CogVideoX 1 or 8k+1, since other counts do not survive its VAE."""
    window_overlap: int = Field(4, ge=0)
    """Frames that neighbouring windows share at least."""

    def model_post_init(self, _: object) -> None:
        if self.window > 1 and self.window_overlap >= self.window:
            raise ValueError(
                f"window_overlap: {self.window_overlap} must be less than the window's {self.window} frames"
            )
