"""The pipeline's configuration: one section per stage, made of the stages' own settings."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from inpainting.core.errors import UsageError
from inpainting.core.files import write_json
from inpainting.core.settings import Settings, error_sentences, read_values
from inpainting.experiments import Experiment, read_experiments
from inpainting.models import bases
from inpainting.models.settings import InferenceSettings
from inpainting.stages.dataset.settings import AuditSettings, SampleSettings, SplitSettings
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.evaluation.settings import NAME, NAME_RULE, EvaluateSettings, MethodName, TablesSettings
from inpainting.stages.latents.settings import EncodeSettings, PromptSettings, TruthSettings
from inpainting.stages.report.settings import ReportSettings
from inpainting.stages.training.settings import TrainSettings
from inpainting.stages.validation.settings import ValidateSettings
from inpainting.video.settings import FolderSettings, MaskSettings, WindowSettings


class AuditConfig(AuditSettings):
    """The audit."""

    shards: int = Field(1, ge=1)
    """Number of jobs, each with a part of the sequences; a few hundred sequences per shard are a good size."""


class DatasetConfig(FolderSettings):
    """The sequences, their audit and their split."""

    root: str | None = None
    """Folder with one folder per sequence; without it, sample sequences are made."""
    frames: int = Field(100, ge=1)
    """Frames that every sequence must have; further frames are ignored."""
    sample: SampleSettings = SampleSettings()
    """The sample sequences, made if `root` is not given."""
    audit: AuditConfig = AuditConfig()
    """What the audit checks, and its thresholds."""
    split: SplitSettings = SplitSettings()
    """Sizes of the sets."""


class LatentsConfig(EncodeSettings, TruthSettings, PromptSettings):
    """The cache of latents."""

    shards: int = Field(1, ge=1)
    """Number of files, each made by one job; a few hundred sequences per shard are a good size."""


class EvaluationConfig(EvaluateSettings, TablesSettings):
    """The methods that are compared on the test set."""

    methods: tuple[MethodName, ...] = tuple(name for name, method in METHODS.items() if method.compared)
    """Methods that the experiments are compared with."""
    degraded_masks: bool = False
    """Score each adapter a second time, shown damaged masks, to see what it loses by them; takes as long as the first
    time."""
    adapters: dict[str, tuple[str, ...]] = Field({})
    """Folders of existing adapters, by their name in the tables; several with one name are averaged, like seeds."""
    external: dict[str, str] = Field({})
    """Folders of other tools' outputs, by their name in the tables: one folder of images or one video per sequence."""

    def degraded(self, adapters: Iterable[str]) -> dict[str, str]:
        """The adapters that are scored with damaged masks, by their name in the tables; adapters: those scored."""
        return {f"{name}-degraded-masks": name for name in adapters if self.degraded_masks}

    def given(self) -> dict[str, tuple[str, str]]:
        """Existing adapters by a unique name: (folder, name in the tables)."""
        return {
            name if len(folders) == 1 else f"{name}-{number}": (folder, name)
            for name, folders in self.adapters.items()
            for number, folder in enumerate(folders)
        }

    def check_given(self, taken: set[str]) -> None:
        """Raise UsageError if an adapter or output has no folder, or a name that is not unique or in `taken`."""
        degraded = {*self.degraded([*taken, *self.given()])}
        if clash := sorted(degraded & taken):
            raise UsageError(f"evaluation.degraded_masks: {clash[0]} would be the name of two results; rename that one")
        taken = taken | {*METHODS} | degraded
        for name, folders in self.adapters.items():
            if not folders:
                raise UsageError(f"evaluation.adapters: {name} has no folder; give some, or leave it out")
        if len(self.given()) < sum(map(len, self.adapters.values())):
            raise UsageError(
                "evaluation.adapters: several folders of one name are called NAME-1, NAME-2 and so on, and one of "
                "these is another adapter's name; choose another"
            )
        for name, (folder, group) in self.given().items():
            if {name, group} & taken:
                raise UsageError(f"evaluation.adapters: {group} is another method's name; choose another")
            if not re.fullmatch(NAME, name):
                raise UsageError(f"evaluation.adapters: {name} {NAME_RULE}")
            if not Path(folder).is_dir():
                raise UsageError(f"evaluation.adapters: {folder} does not exist; give a folder that training wrote")
        taken |= {part for name, (_, group) in self.given().items() for part in (name, group)}
        for name, folder in self.external.items():
            if name in taken:
                raise UsageError(f"evaluation.external: {name} is another method's name; choose another")
            if not re.fullmatch(NAME, name):
                raise UsageError(f"evaluation.external: {name} {NAME_RULE}")
            if not Path(folder).is_dir():
                raise UsageError(f"evaluation.external: {folder} does not exist; give a folder of outputs")


DEPTH = 5
"""Levels of the configuration's values; deeper ones are no settings, and YAML's aliases can make them endless."""


class PipelineConfig(Settings):
    """The whole configuration."""

    seed: int = Field(0, ge=0)
    """The run's seed, from which the seeds of all random choices are derived."""
    experiments: str | None = "config/experiments.tsv"
    """Table of the trainings to compare, with the columns experiment, overrides (of section `training`, and `seed`),
    description and optionally group: trainings that differ only in their seed are averaged in the tables under this
    name. Null: nothing is trained, and the adapters of section `evaluation` are scored."""
    model: InferenceSettings = InferenceSettings()
    """The base model."""
    masks: MaskSettings = MaskSettings()
    """Conversion of mask images to holes."""
    windows: WindowSettings = WindowSettings()
    """Windows that sequences are cut into."""
    dataset: DatasetConfig = DatasetConfig()
    """Sequences, audit, split."""
    latents: LatentsConfig = LatentsConfig()
    """The cache of latents."""
    training: TrainSettings = TrainSettings()
    """Settings of all trainings; experiments override them."""
    validation: ValidateSettings = ValidateSettings()
    """Scores and choice of checkpoints."""
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
        if not self.evaluation.examples:
            raise ValueError("evaluation.examples: 0 was given, but the report shows some of them; give 1 or more")
        if self.evaluation.split == "all" and self.experiments is not None:
            raise ValueError("evaluation.split: all was given, but experiments train on some of these; use test")

    def compared(self) -> dict[str, Experiment]:
        """Experiments by name, in the table's order; raises UsageError if the table is wrong."""
        if self.experiments is None:
            return {}
        return read_experiments(Path(self.experiments), self.training, self.seed)

    def groups(self) -> dict[str, str]:
        """Names in the tables, by the names of experiments and existing adapters.

        Raises UsageError if the table of experiments is wrong, or if an adapter or output does not exist or has another
        method's name.
        """
        groups = {name: experiment.group for name, experiment in self.compared().items()}
        self.evaluation.check_given({*groups, *groups.values()})
        return groups | {name: group for name, (_, group) in self.evaluation.given().items()}


def resolve(config: Mapping[str, Any], folders: Sequence[Path] = (), root_exists: bool = True) -> PipelineConfig:
    """Validate the configuration that Snakemake read; its values override those of the file that `extends` names.

    folders: of the files that it was read from. The paths `extends`, `experiments` and `model.base` are relative to the
    folder of the file that has them or, if there is no such file, to the current folder; `model.base` at last to the
    project's. root_exists: whether dataset.root and the metrics' weights have to exist, which they need not for a plan.
    Raises UsageError with one sentence per wrong value.
    """
    try:
        resolved = PipelineConfig.model_validate(_extended(config, folders))
    except ValidationError as error:
        raise UsageError("; ".join(error_sentences(error, PipelineConfig, option=False))) from error
    root = resolved.dataset.root
    if root_exists and root is not None and not Path(root).is_dir():
        raise UsageError(f"dataset.root: {root} does not exist; give the folder that holds one folder per sequence")
    base = bases.find_folder(resolved.model.base) or resolved.model.base
    resolved = resolved.model_copy(update={"model": resolved.model.model_copy(update={"base": base})})
    _check_base(resolved)
    if root_exists:
        resolved.evaluation.weights("evaluation")
    resolved.groups()
    return resolved


def _check_base(config: PipelineConfig) -> None:
    """Raise UsageError if the base or the windows are unsuitable; the base is not checked here if it is a hub name."""
    family = bases.family_unless_remote(config.model.base, config.model.revision, "model.base")
    if family is not None:
        bases.check_window(family, config.windows.window, "windows.window")


def resolve_or_exit(config: Mapping[str, Any], folders: Sequence[Path] = ()) -> PipelineConfig:
    """`resolve`, except that a wrong value prints its sentence and exits with code 2, without a traceback."""
    try:
        return resolve(config, folders)
    except UsageError as error:
        print(f"configuration: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _extended(config: Mapping[str, Any], folders: Sequence[Path], through: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The values with those of the files that they extend; through: the files that led here."""
    values = _with_home(config)
    for key in ("extends", "experiments"):
        if isinstance(values.get(key), str):
            values[key] = _relative_to(folders, values[key])
    model = values.get("model")
    if isinstance(model, Mapping) and isinstance(base := model.get("base"), str):
        values["model"] = {**model, "base": _relative_to(folders, base)}
    name = values.pop("extends", None)
    if name is None:
        return values
    if not isinstance(name, str):
        raise UsageError(f"extends: a {type(name).__name__} was given, but it should be the path of one file")
    path = Path(name).resolve()
    if path in through:
        raise UsageError(f"extends: {name} extends itself, through {' and '.join(file.name for file in through)}")
    return _merged(_extended(read_values(Path(name), "extends"), [Path(name).parent], (*through, path)), values)


def _with_home(value: Any, depth: int = DEPTH) -> Any:
    """The values with the home folder in place of a leading ~, as a shell has it, down to `depth` levels."""
    if isinstance(value, Mapping) and depth:
        return {key: _with_home(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list) and depth:
        return [_with_home(part, depth - 1) for part in value]
    return str(Path(value).expanduser()) if isinstance(value, str) and value.startswith("~/") else value


def _relative_to(folders: Sequence[Path], name: str) -> str:
    """The path in the first folder that has it; as it is given if that is the same one, or if none has it."""
    here = Path(name)
    found = next((folder / name for folder in folders if (folder / name).exists()), here)
    return name if here.exists() and found.samefile(here) else str(found)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merged(result[key], value) if both else value
    return result


def schema() -> dict[str, Any]:
    """The configuration's JSON schema, for editors: all settings with defaults, bounds and descriptions."""
    made = PipelineConfig.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["properties"]["extends"] = {
        "type": "string",
        "description": "A configuration file whose values this one overrides.",
    }
    return made


if __name__ == "__main__":
    write_json("workflow/schemas/config.schema.json", schema())
