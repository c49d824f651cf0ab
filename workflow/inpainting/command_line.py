"""The options of a step: a command line, and optionally a YAML file, to the step's settings and back."""

import difflib
import inspect
import itertools
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args

import yaml
from pydantic import create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliPositionalArg,
    CliSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from inpainting.commands import COMMANDS
from inpainting.core.errors import UsageError
from inpainting.core.settings import Settings, names_by_declaring_class, read_values

CONFIG = "--config"
POSITIONAL = get_args(CliPositionalArg[object])[1]
"""What marks a field as a positional argument."""


def parse(name: str, arguments: list[str], partial: bool = False) -> Settings:
    """Parse a step's command line. partial: required values may be absent and are then None (for --print-config).

    Options override the values of the file that --config names. Raises pydantic's ValidationError for wrong values,
    UsageError for an unknown option or a wrong file, SystemExit(2) for a line that the parser can't read.
    """
    kind = COMMANDS[name].settings_class()
    values, arguments = _without_config(arguments)
    _refuse_unknown_options(arguments, kind)
    required = {field for field, info in kind.model_fields.items() if info.is_required()}
    values = {option: value for option, value in values.items() if value is not None or option not in required}
    absent = _with_nothing_required(kind) if partial or values else kind
    given = _parsed(name, absent, arguments, values)
    if partial or not values:
        return absent.model_construct(**given)
    names = {field: option_name(field, info) for field, info in kind.model_fields.items()}
    return kind.model_validate(
        {names[field]: v for field, v in given.items() if v is not None or field not in required}
    )


def as_yaml(settings: Settings) -> str:
    """The settings as the YAML file that --config takes."""
    values = settings.model_dump(mode="json")
    named = {option_name(field, info): values[field] for field, info in type(settings).model_fields.items()}
    return yaml.safe_dump(named, sort_keys=False, allow_unicode=True)


def option_name(field: str, info: FieldInfo) -> str:
    """A setting's name on the command line and in files, with underscores."""
    return str(info.validation_alias or field)


def _parsed(name: str, kind: type[Settings], arguments: list[str], values: dict[str, Any]) -> dict[str, Any]:
    """The values by field of a command line over those of a file."""

    class Parsed(kind, BaseSettings):  # type: ignore[misc, valid-type]
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

    parser = ArgumentParser(
        prog=f"inpaint {name}",
        usage=" ".join(["inpaint", name, *_places(kind), "[options]"]),
        description=f"{COMMANDS[name].summary}\n\n{CONFIG} FILE gives options as YAML; --print-config prints them so.",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source: CliSettingsSource[Any] = CliSettingsSource(
        Parsed, root_parser=parser, add_argument_method=_grouped(parser, COMMANDS[name].settings_class())
    )
    try:
        parsed = CliApp.run(Parsed, cli_args=arguments, cli_settings_source=source, **values)
    except SettingsError as error:  # "Parsing error encountered for <field>: ..."
        field = str(error).partition(":")[0].split()[-1].replace("_", "-")
        raise UsageError(f"--{field}: should be a list, A,B, or names with values, A=1,B=2") from error
    return {field: getattr(parsed, field) for field in kind.model_fields}


def _places(kind: type[Settings]) -> list[str]:
    """Names of the positional arguments."""
    return [field.upper() for field, info in kind.model_fields.items() if POSITIONAL in info.metadata]


def _grouped(parser: ArgumentParser, kind: type[Settings]) -> Callable[..., Any]:
    """A method that adds an option to the group of the settings class that declares it; the step's own come first."""
    group_of: dict[str, Any] = {}
    for title, fields in names_by_declaring_class(kind):
        group = parser.add_argument_group("this step" if fields[0] in inspect.get_annotations(kind) else title)
        group_of |= {option_name(field, kind.model_fields[field]): group for field in fields}

    def add(_: ArgumentParser, *names: str, **options: Any) -> Any:
        return group_of.get(options.get("dest", ""), parser).add_argument(*names, **options)

    return add


def _without_config(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The values of the file that --config names, and the other arguments."""
    for place, argument in enumerate(arguments):
        option, equals, path = argument.partition("=")
        if option == CONFIG:
            after = place + 1 if equals else place + 2
            if not equals and after > len(arguments):
                raise UsageError(f"{CONFIG}: a value is needed and none was given")
            path = path if equals else arguments[place + 1]
            return read_values(Path(path), CONFIG), arguments[:place] + arguments[after:]
    return {}, arguments


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
        name = option_name(field, info).replace("_", "-")
        options += [f"--{name}", f"--no-{name}"] if info.annotation is bool else [f"--{name}"]
    for argument in itertools.takewhile(lambda argument: argument != "--", arguments):
        option = argument.partition("=")[0]
        if option.startswith("--") and option not in options:
            close = difflib.get_close_matches(option, options, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the options are {', '.join(options)}"
            raise UsageError(f"{option}: there is no such option; {hint}")
