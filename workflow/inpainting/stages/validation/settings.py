"""Settings of `inpaint validate` and `inpaint best`."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from inpainting.artifacts.validation_scores import Criterion
from inpainting.core.settings import Settings
from inpainting.models.settings import ModelSettings

StepCounts = Annotated[int, Field(ge=1)] | list[Annotated[int, Field(ge=1)]]
"""What a configuration may say: a number, or several."""


class ValidateSettings(Settings):
    """How checkpoints are scored, and which score chooses."""

    steps: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1),
        BeforeValidator(lambda value: (value,) if isinstance(value, int) else value, json_schema_input_type=StepCounts),
    ] = (50,)
    """Denoising steps: one number, or several to try, of which the one that scores best is evaluated with."""
    limit: int | None = Field(None, ge=1)
    """Validation sequences at most, the first by id; all where it is not given."""
    criterion: Criterion = "psnr_mask"
    """The in-mask score, of the raw output, that chooses the best checkpoint."""


class ValidateCommand(ValidateSettings, ModelSettings):
    """Load one checkpoint's adapter as a user would, inpaint the validation set and score it inside the mask."""

    checkpoint: Path
    """A step-N folder that training wrote."""
    dataset: Path
    """Folder that holds the sequences."""
    manifest: Path
    """manifest.parquet, as `inpaint audit` wrote it."""
    split_file: Path
    """split.tsv, as `inpaint split` wrote it."""
    frames: int = Field(100, ge=1)
    """Frames of each sequence that are inpainted and scored."""
    seed: int = Field(0, ge=0)
    """Seed of the noise; every checkpoint gets the same."""
    out: Path
    """The .json file to write."""


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
