"""`inpaint <step>`: one command per step, with the fields of the step's settings class as options."""

import difflib
import errno
import importlib
import itertools
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any

import yaml
from pydantic import ValidationError, create_model
from pydantic_settings import BaseSettings, CliApp, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from inpainting.core import devices
from inpainting.core.errors import InputError, Unfinished, UsageError
from inpainting.core.settings import Settings, error_sentences
from inpainting.models import out_of_memory
from inpainting.models.settings import ModelSettings

UNUSABLE_DISK = {
    errno.ENOSPC: "the disk has no space or no inodes left",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file is larger than this system or shell allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
}
"""Errors of the file system that only the user can mend; others are bugs."""


@dataclass(frozen=True)
class Command:
    """A step: its settings class in `<package>.settings`, and the function named `module` in `<package>.<module>`."""

    package: str
    module: str
    settings: str
    summary: str

    def settings_class(self) -> type[Settings]:
        """The settings class; importing it loads neither torch nor diffusers."""
        kind = getattr(importlib.import_module(f"inpainting.{self.package}.settings"), self.settings)
        assert issubclass(kind, Settings)
        return kind

    def run(self, settings: Settings) -> None:
        """Run the step; one that uses the model first finds its folder and takes the GPUs it needs."""
        if not isinstance(settings, ModelSettings) or not settings.uses_model():
            self._function()(settings)
            return
        from inpainting.models import bases

        settings = bases.with_local_base(settings)
        devices.reserve(settings.gpus_needed())
        with out_of_memory.explained(settings):
            self._function()(settings)

    def _function(self) -> Callable[[Settings], None]:
        module = importlib.import_module(f"inpainting.{self.package}.{self.module}")
        function: Callable[[Settings], None] = getattr(module, self.module)
        return function


COMMANDS = {
    "sample": Command(
        "stages.dataset", "sample", "SampleCommand", "make object-removal sequences in the dataset's layout"
    ),
    "import": Command("importing", "import_clips", "ImportCommand", "make sequences from videos or folders of frames"),
    "inspect": Command(
        "stages.dataset", "inspect_shard", "InspectCommand", "check the sequences of one shard of a dataset"
    ),
    "audit": Command("stages.dataset", "audit", "AuditCommand", "find and check every sequence below a folder"),
    "look": Command("stages.report", "look", "LookCommand", "show short clips of a dataset on one page"),
    "split": Command(
        "stages.dataset", "split", "SplitCommand", "split the accepted sequences into train, validation and test"
    ),
    "encode": Command(
        "stages.latents", "encode", "EncodeCommand", "encode windows of sequences into a shard of latents"
    ),
    "prompt": Command("stages.latents", "prompt", "PromptCommand", "encode the prompt once"),
    "index": Command("stages.latents", "index", "IndexCommand", "collect the shards of latents in one index"),
    "train": Command("stages.training", "train", "TrainCommand", "train LoRA and the widened patch embedding"),
    "find-rate": Command("stages.training", "find_rate", "FindRateCommand", "find a learning rate for a training"),
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
    "draw-dataset": Command("stages.report", "draw_dataset", "DrawDatasetCommand", "show the dataset and its audit"),
    "draw-training": Command("stages.report", "draw_training", "DrawTrainingCommand", "draw an experiment's training"),
    "draw-trainings": Command("stages.report", "draw_trainings", "DrawTrainingsCommand", "draw all trainings together"),
    "draw-checkpoints": Command(
        "stages.report", "draw_checkpoints", "DrawCheckpointsCommand", "draw the checkpoints' scores"
    ),
    "draw-comparison": Command("stages.report", "draw_comparison", "DrawComparisonCommand", "draw the methods' scores"),
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
    "fetch": Command("models", "fetch", "FetchCommand", "download a base model from the hub"),
    "plan": Command("planning", "plan", "PlanCommand", "print what a run will cost, before anything is computed"),
    "run": Command("sampling", "run", "RunCommand", "inpaint a video or a folder of frames"),
    "export": Command("sampling", "export", "ExportCommand", "write an adapter as one folder with a card"),
}


def parse(name: str, arguments: list[str], partial: bool = False) -> Settings:
    """Parse a step's command line. partial: required values may be absent and are then None (for --print-config).

    Raises pydantic's ValidationError for wrong values, UsageError for an unknown option, SystemExit(2) for a line that
    the parser can't read.
    """
    command = COMMANDS[name]
    kind: type[Settings] = command.settings_class()
    _refuse_unknown_options(arguments, kind)
    if partial:
        kind = _with_nothing_required(kind)

    class Parsed(kind, BaseSettings):  # type: ignore[misc, valid-type]
        __doc__ = command.summary
        model_config = SettingsConfigDict(
            cli_prog_name=f"inpaint {name}",
            cli_kebab_case=True,
            cli_implicit_flags=True,
            cli_hide_none_type=True,
            cli_avoid_json=True,
            extra="forbid",
        )

        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings,)

    parsed = CliApp.run(Parsed, cli_args=arguments)
    return kind.model_construct(**{field: getattr(parsed, field) for field in kind.model_fields})


def _with_nothing_required(kind: type[Settings]) -> type[Settings]:
    """The same settings class with None as default of required fields; bounds and positional arguments are kept."""
    absent: dict[str, Any] = {}
    for field, info in kind.model_fields.items():
        if info.is_required():
            optional: Any = info.annotation | NoneType
            absent[field] = (Annotated[(optional, *info.metadata)] if info.metadata else optional, None)
    return create_model(kind.__name__, __base__=kind, **absent)


def _refuse_unknown_options(arguments: list[str], kind: type[Settings]) -> None:
    options = ["--help"]
    for field, info in kind.model_fields.items():
        name = str(info.validation_alias or field).replace("_", "-")
        options += [f"--{name}", f"--no-{name}"] if info.annotation is bool else [f"--{name}"]
    for argument in itertools.takewhile(lambda argument: argument != "--", arguments):
        option = argument.partition("=")[0]
        if option.startswith("--") and option not in options:
            close = difflib.get_close_matches(option, options, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the options are {', '.join(options)}"
            raise UsageError(f"{option}: there is no such option; {hint}")


def usage() -> str:
    """The text of `inpaint --help`."""
    lines = [f"  {name:14} {command.summary}" for name, command in COMMANDS.items()]
    text = "usage: inpaint STEP [options]\n\nsteps:\n" + "\n".join(lines)
    return (
        text + "\n\n`inpaint STEP --help` explains a step, `inpaint STEP ... --print-config` shows what it resolved to."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed, 2 wrong usage, 75 stopped early with the work saved."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"inpaint: there is no step {name!r}; the steps are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.captureWarnings(True)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    try:
        if "--print-config" in arguments:
            settings = parse(name, [a for a in arguments if a != "--print-config"], partial=True)
            print(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")
            return 0
        COMMANDS[name].run(parse(name, arguments))
        return 0
    except ValidationError as error:
        for sentence in error_sentences(error, COMMANDS[name].settings_class(), option=True):
            print(f"inpaint {name}: {sentence}", file=sys.stderr)
        return 2
    except (UsageError, SettingsError) as error:
        print(f"inpaint {name}: {error}", file=sys.stderr)
        return 2
    except InputError as error:
        print(f"inpaint {name}: {error}", file=sys.stderr)
        return 1
    except Unfinished as stopped:
        print(f"inpaint {name}: {stopped}", file=sys.stderr)
        return os.EX_TEMPFAIL
    except OSError as error:
        if error.errno not in UNUSABLE_DISK:
            raise
        place = "a file can't be written" if error.filename is None else f"{error.filename} can't be opened"
        print(
            f"inpaint {name}: {place}: {UNUSABLE_DISK[error.errno]}; finished work is kept, so change that and run the "
            "same command again",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"inpaint {name}: interrupted; finished work is kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
