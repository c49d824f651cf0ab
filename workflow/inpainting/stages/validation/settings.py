"""Settings of `inpaint validate` and `inpaint best`."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from inpainting.artifacts.validation_scores import Criterion
from inpainting.core.settings import Role, Settings
from inpainting.models.settings import InferenceSettings
from inpainting.video.settings import FolderSettings

StepCounts = Annotated[int, Field(ge=1)] | list[Annotated[int, Field(ge=1)]]
"""A number of steps, or a list of several."""


class ValidateSettings(Settings):
    """How checkpoints are scored, and by which score the best one is chosen."""

    steps: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1),
        BeforeValidator(lambda value: (value,) if isinstance(value, int) else value, json_schema_input_type=StepCounts),
    ] = (50,)
    """Numbers of denoising steps to try, one or several; the evaluation uses the one that scores best."""
    limit: int | None = Field(None, ge=1)
    """Largest number of validation sequences, the first by id; all if not given."""
    criterion: Criterion = "psnr_mask"
    """What the best checkpoint is chosen by, of the raw output's scores in the mask: the highest psnr_mask or
    ssim_mask, which favour blur; the detail_mask closest to 0, which ignores content; the lowest mean_rank in all."""


class ValidateCommand(ValidateSettings, InferenceSettings, FolderSettings):
    """Load one checkpoint's adapter, inpaint the validation set with it, and score the result inside the mask."""

    checkpoint: Path
    """A step-N folder that training wrote."""
    dataset: Path
    """Folder of the sequences."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    frames: int = Field(100, ge=1)
    """Frames of each sequence that are inpainted and scored."""
    seed: int = Field(0, ge=0)
    """Seed of the noise, which is the same for every checkpoint."""
    out: Path
    """The .json file to write."""
    workers: Annotated[int, Role.EXECUTION] = Field(2, ge=1)
    """Processes that read and score sequences while this one denoises; with 1, it does all itself."""


class BestCommand(Settings):
    """Choose the best of an experiment's validated checkpoints, and copy its adapter."""

    scores: tuple[Path, ...] = Field(min_length=1)
    """The .json files of `inpaint validate`."""
    checkpoints: Path
    """The folder of the experiment's step-N folders."""
    out: Path
    """The .json file to write."""
    adapter_out: Path
    """Folder for the winner's adapter, as `inpaint run --adapter` takes it."""
