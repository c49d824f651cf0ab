"""The pipeline's configuration: one section per stage, made of the stages' own settings."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from inpainting.core.errors import UsageError
from inpainting.core.files import write_json
from inpainting.core.settings import Settings, error_sentences
from inpainting.experiments import Experiment, read_experiments
from inpainting.models import bases
from inpainting.models.settings import ModelSettings
from inpainting.stages.dataset.settings import AuditSettings, SampleSettings, SplitSettings
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.evaluation.settings import NAME, EvaluateSettings, MethodName, TablesSettings
from inpainting.stages.latents.settings import EncodeSettings, PromptSettings, TruthSettings
from inpainting.stages.report.settings import ReportSettings
from inpainting.stages.training.settings import TrainSettings
from inpainting.stages.validation.settings import ValidateSettings
from inpainting.video.settings import MaskSettings, WindowSettings


class AuditConfig(AuditSettings):
    """How the dataset is audited."""

    shards: int = Field(1, ge=1)
    """Jobs that the sequences are spread over; a few hundred sequences a shard are a good size."""


class DatasetConfig(Settings):
    """Which sequences, and how they are checked and parted."""

    root: str | None = None
    """Folder that holds one folder per sequence; without it, sample sequences are made."""
    frames: int = Field(100, ge=1)
    """Frames that every sequence must have; further ones are not looked at."""
    sample: SampleSettings = SampleSettings()
    """The sample sequences, where `root` is not given."""
    audit: AuditConfig = AuditConfig()
    """How closely the audit looks, and what it puts up with."""
    split: SplitSettings = SplitSettings()
    """How large the sets are."""


class LatentsConfig(EncodeSettings, TruthSettings, PromptSettings):
    """How latents are cached."""

    shards: int = Field(1, ge=1)
    """Files, each a job, that the windows are spread over; a few hundred sequences a shard are a good size."""


class EvaluationConfig(EvaluateSettings, TablesSettings):
    """What is compared on the test set."""

    methods: tuple[MethodName, ...] = tuple(name for name, method in METHODS.items() if method.compared)
    """What the experiments are compared with."""
    adapters: dict[str, tuple[str, ...]] = Field({})
    """Folders of adapters trained before, by their name in the tables; several of a name are averaged, as seeds are."""
    external: dict[str, str] = Field({})
    """Folders of other tools' outputs, by their name in the tables: a folder of images or a video per sequence."""

    def given(self) -> dict[str, tuple[str, str]]:
        """Every adapter that was trained before, by a name of its own: its folder and its name in the tables."""
        return {
            name if len(folders) == 1 else f"{name}-{number}": (folder, name)
            for name, folders in self.adapters.items()
            for number, folder in enumerate(folders)
        }

    def check_given(self, taken: set[str]) -> None:
        """Raise UsageError for adapters or outputs without a name of their own (not in `taken`) or a folder."""
        taken = taken | {*METHODS}
        for name, (folder, group) in self.given().items():
            if {name, group} & taken:
                raise UsageError(f"evaluation.adapters: {group} is another method's name; give the adapter its own")
            if not re.fullmatch(NAME, name):
                raise UsageError(f"evaluation.adapters: {name} should be made of letters, digits, '_', '.' and '-'")
            if not Path(folder).is_dir():
                raise UsageError(f"evaluation.adapters: {folder} does not exist; give a folder that training wrote")
        taken |= {part for name, (_, group) in self.given().items() for part in (name, group)}
        for name, folder in self.external.items():
            if name in taken or not re.fullmatch(NAME, name):
                raise UsageError(f"evaluation.external: {name} should be a name of its own, of letters, digits, '_.-'")
            if not Path(folder).is_dir():
                raise UsageError(f"evaluation.external: {folder} does not exist; give a folder of outputs")


class PipelineConfig(Settings):
    """The whole configuration."""

    seed: int = Field(0, ge=0)
    """The run's one seed; every random choice is drawn from it by name."""
    experiments: str | None = "config/experiments.tsv"
    """Table of the trainings that are compared: experiment, overrides of section `training` (and `seed`), description
    and, if any, group: trainings that differ in their seed alone are averaged in the tables under its name.
    Null: nothing is trained, and the adapters that `evaluation` names are scored."""
    model: ModelSettings = ModelSettings()
    """The base model."""
    masks: MaskSettings = MaskSettings()
    """From mask images to holes."""
    windows: WindowSettings = WindowSettings()
    """How sequences are cut."""
    dataset: DatasetConfig = DatasetConfig()
    """Sequences, audit, split."""
    latents: LatentsConfig = LatentsConfig()
    """The cache of latents."""
    training: TrainSettings = TrainSettings()
    """The training that experiments vary."""
    validation: ValidateSettings = ValidateSettings()
    """How checkpoints are chosen."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """Methods and scores."""
    report: ReportSettings = ReportSettings()
    """Figures and pages."""

    def model_post_init(self, _: object) -> None:
        if self.windows.window > self.dataset.frames:
            raise ValueError(
                f"windows.window: {self.windows.window} frames do not fit into sequences of dataset.frames = "
                f"{self.dataset.frames}"
            )
        if self.evaluation.split == "all" and self.experiments is not None:
            raise ValueError("evaluation.split: all was given, but experiments train on some of these; use test")

    def compared(self) -> dict[str, Experiment]:
        """Every training that is compared by its name, in the table's order; raises UsageError for a wrong table."""
        if self.experiments is None:
            return {}
        return read_experiments(Path(self.experiments), self.training, self.seed)

    def groups(self) -> dict[str, str]:
        """What the tables call every experiment and every adapter that was trained before.

        Raises UsageError for a wrong table of experiments, and for adapters and outputs that are not there or bear
        another method's name.
        """
        groups = {name: experiment.group for name, experiment in self.compared().items()}
        self.evaluation.check_given({*groups, *groups.values()})
        return groups | {name: group for name, (_, group) in self.evaluation.given().items()}


def resolve(config: Mapping[str, Any]) -> PipelineConfig:
    """The configuration that Snakemake read, checked; `extends` names a file whose values it goes over.

    Raises UsageError with a sentence for every value that is wrong.
    """
    try:
        resolved = PipelineConfig.model_validate(_extended(config))
    except ValidationError as error:
        raise UsageError("; ".join(error_sentences(error, PipelineConfig, option=False))) from error
    root = resolved.dataset.root
    if root is not None and not Path(root).is_dir():
        raise UsageError(f"dataset.root: {root} does not exist; give the folder that holds one folder per sequence")
    _check_base(resolved)
    resolved.groups()
    return resolved


def _check_base(config: PipelineConfig) -> None:
    """Raise UsageError for a base, or windows, that can't be used; a hub name is looked up when it is first loaded."""
    family = bases.family_unless_remote(config.model.base, "model.base")
    if family is not None:
        bases.check_window(family, config.windows.window, "windows.window")


def resolve_or_exit(config: Mapping[str, Any]) -> PipelineConfig:
    """What `resolve` gives; a wrong value ends the program with its sentence and exit code 2, without a traceback."""
    try:
        return resolve(config)
    except UsageError as error:
        print(f"configuration: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _extended(config: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(config)
    name = values.pop("extends", None)
    if name is None:
        return values
    if not Path(name).is_file():
        raise UsageError(f"extends: {name} does not exist; give a configuration file, seen from {os.curdir}")
    return _merged(_extended(yaml.safe_load(Path(name).read_text(encoding="utf-8"))), values)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if both else value
    return result


def schema() -> dict[str, Any]:
    """The configuration's JSON schema, for editors: every setting with its default, bounds and meaning."""
    made = PipelineConfig.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["properties"]["extends"] = {"type": "string", "description": "A configuration file that this one goes over."}
    return made


if __name__ == "__main__":
    write_json("workflow/schemas/config.schema.json", schema())
