"""The steps, which are the commands of `inpaint`. Importing this loads no package, so that `inpaint --help` is fast."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inpainting.core.settings import Settings


@dataclass(frozen=True)
class Command:
    """A step: its settings class in `<package>.settings`, and the function named `module` in `<package>.<module>`."""

    package: str
    module: str
    settings: str
    summary: str

    def settings_class(self) -> type[Settings]:
        """The settings class; importing it loads neither torch nor diffusers."""
        from inpainting.core.settings import Settings

        kind = getattr(importlib.import_module(f"inpainting.{self.package}.settings"), self.settings)
        assert issubclass(kind, Settings)
        return kind

    def run(self, settings: Settings) -> None:
        """Run the step; one that uses the model first finds its folder and takes the GPUs it needs."""
        from inpainting.models.settings import ModelSettings

        if not isinstance(settings, ModelSettings) or not settings.uses_model():
            self._function()(settings)
            return
        from inpainting.core import devices
        from inpainting.models import bases, out_of_memory

        settings = bases.with_local_base(settings)
        devices.reserve(settings.gpus_needed())
        with out_of_memory.explained(settings):
            self._function()(settings)

    def _function(self) -> Callable[[Settings], None]:
        module = importlib.import_module(f"inpainting.{self.package}.{self.module}")
        function: Callable[[Settings], None] = getattr(module, self.module)
        return function


GROUPS = {
    "prepare": {
        "sample": Command(
            "stages.dataset", "sample", "SampleCommand", "make object-removal sequences in the dataset's layout"
        ),
        "import": Command(
            "importing", "import_clips", "ImportCommand", "make sequences from videos or folders of frames"
        ),
        "inspect": Command(
            "stages.dataset", "inspect_shard", "InspectCommand", "check the sequences of one shard of a dataset"
        ),
        "audit": Command("stages.dataset", "audit", "AuditCommand", "find and check every sequence below a folder"),
        "look": Command("stages.report", "look", "LookCommand", "show short clips of a dataset on one page"),
        "split": Command(
            "stages.dataset", "split", "SplitCommand", "split the accepted sequences into train, validation and test"
        ),
        "fetch": Command("models", "fetch", "FetchCommand", "download a base model from the hub"),
        "plan": Command("planning", "plan", "PlanCommand", "print what a run will cost, before anything is computed"),
        "doctor": Command("planning", "doctor", "DoctorCommand", "check the machine, and what a configuration names"),
    },
    "train": {
        "encode": Command(
            "stages.latents", "encode", "EncodeCommand", "encode windows of sequences into a shard of latents"
        ),
        "prompt": Command("stages.latents", "prompt", "PromptCommand", "encode the prompt once"),
        "index": Command("stages.latents", "index", "IndexCommand", "collect the shards of latents in one index"),
        "train": Command("stages.training", "train", "TrainCommand", "train LoRA and the widened patch embedding"),
        "find-rate": Command("stages.training", "find_rate", "FindRateCommand", "find a learning rate for a training"),
    },
    "judge": {
        "validate": Command(
            "stages.validation", "validate", "ValidateCommand", "score one checkpoint on the validation set"
        ),
        "best": Command("stages.validation", "best", "BestCommand", "choose the best of the validated checkpoints"),
        "evaluate": Command("stages.evaluation", "evaluate", "EvaluateCommand", "score one method on the test set"),
        "tables": Command("stages.evaluation", "tables", "TablesCommand", "compare the evaluated methods in tables"),
        "compare": Command(
            "stages.preference", "compare", "CompareCommand", "write a page of blinded pairs for people to judge"
        ),
        "preference": Command(
            "stages.preference", "preference", "PreferenceCommand", "score the methods by people's choices"
        ),
    },
    "use": {
        "run": Command("sampling", "run", "RunCommand", "inpaint a video or a folder of frames"),
        "export": Command("sampling", "export", "ExportCommand", "write an adapter as one folder with a card"),
    },
    "figures": {
        "draw-dataset": Command(
            "stages.report", "draw_dataset", "DrawDatasetCommand", "show the dataset and its audit"
        ),
        "draw-training": Command(
            "stages.report", "draw_training", "DrawTrainingCommand", "draw an experiment's training"
        ),
        "draw-previews": Command(
            "stages.report", "draw_previews", "DrawPreviewsCommand", "draw a training's previews over its steps"
        ),
        "draw-trainings": Command(
            "stages.report", "draw_trainings", "DrawTrainingsCommand", "draw all trainings together"
        ),
        "draw-checkpoints": Command(
            "stages.report", "draw_checkpoints", "DrawCheckpointsCommand", "draw the checkpoints' scores"
        ),
        "draw-comparison": Command(
            "stages.report", "draw_comparison", "DrawComparisonCommand", "draw the methods' scores"
        ),
        "draw-sequences": Command(
            "stages.report", "draw_sequences", "DrawSequencesCommand", "draw two methods' scores by sequence"
        ),
        "draw-examples": Command(
            "stages.report", "draw_examples", "DrawExamplesCommand", "show the methods on test sequences"
        ),
        "draw-headline": Command("stages.report", "draw_headline", "DrawHeadlineCommand", "write the report's opening"),
        "draw-provenance": Command(
            "stages.report", "draw_provenance", "DrawProvenanceCommand", "list what results were made with"
        ),
    },
}
"""The steps by group, as `inpaint --help` lists them."""

COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
