"""Typed settings: the one place where a step's options, defaults, help texts and bounds are written.

A step has two classes. `<Step>Settings` is what a section of the configuration may say; `<Step>Command` adds the files
and what the sections share (seed, frames, base model), and is what the command line takes.
"""

import difflib
import json
import shlex
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from inpainting.core.errors import UsageError

Size = Annotated[str, Field(pattern=r"^[1-9]\d*x[1-9]\d*$", json_schema_extra={"expected": "WIDTHxHEIGHT"})]
"""A frame size in pixels, written WIDTHxHEIGHT, e.g. 640x480."""

SettingsT = TypeVar("SettingsT", bound="Settings")


class Role(Enum):
    """What a setting has to do with the result, written where it is declared: `Annotated[int, Role.EXECUTION]`.

    Keys of caches, fingerprints and provenance are built from roles: see `Settings.shaping`.
    """

    RESULT = "result"
    """It shapes what is made. Settings that name no role have this one."""
    ARCHITECTURE = "architecture"
    """It shapes what is made, and weights and states that were trained with another value do not fit."""
    PLACE = "place"
    """Where an input or output lies, or which of several it is: inputs count by their digests, outputs not at all. All
    paths are places."""
    EXECUTION = "execution"
    """How fast, how often or how watched: another value gives the same result, but for rounding."""


def role_of(field: FieldInfo) -> Role:
    """The role of a field of a settings class."""
    named = [part for part in field.metadata if isinstance(part, Role)]
    assert len(named) <= 1, f"{field}: a setting has one role"
    return named[0] if named else Role.PLACE if _holds_path(field.annotation) else Role.RESULT


def names_of_role(kind: type[BaseModel], *roles: Role) -> set[str]:
    """The settings of a class that have one of these roles."""
    return {name for name, field in kind.model_fields.items() if role_of(field) in roles}


def _holds_path(annotation: Any) -> bool:
    return annotation is Path or any(_holds_path(part) for part in get_args(annotation))


class Settings(BaseModel):
    """Base of all settings: unknown names are refused, values can't be changed, docstrings are the help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    def of_role(self, *roles: Role) -> dict[str, Any]:
        """The settings of these roles by name, as JSON values; of nested settings, theirs."""
        values = self.model_dump(mode="json", include=names_of_role(type(self), *roles))
        return {
            name: nested.of_role(*roles) if isinstance(nested := getattr(self, name), Settings) else value
            for name, value in values.items()
        }

    def shaping(self) -> dict[str, Any]:
        """The settings that shape the result, by name, as JSON values: what goes into keys and provenance."""
        return self.of_role(Role.RESULT, Role.ARCHITECTURE)

    def to_options(self, *roles: Role) -> str:
        """These settings, or those of some roles, as command line options, quoted for a shell.

        Nested sections and what is None are left out.
        """
        options = []
        for name, value in self.of_role(*(roles or Role)).items():
            if isinstance(value, dict):
                continue
            flag = "--" + name.replace("_", "-")
            if isinstance(value, bool):
                options.append(flag if value else "--no-" + flag[2:])
            elif value is not None:
                text = (",".join(map(str, value)) or "[]") if isinstance(value, list) else str(value)
                options.append(f"{flag}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}")
        return " ".join(options)

    def section(self, kind: type[SettingsT]) -> SettingsT:
        """The part of a command's settings that belongs to another settings class."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})


def parse_size(size: str) -> tuple[int, int]:
    """`"640x480"` as (width, height) in pixels."""
    width, height = size.split("x")
    return int(width), int(height)


def existing(path: Path, option: str, what: str) -> Path:
    """The path itself, or a UsageError that names the option and what was expected there."""
    if not path.exists():
        raise UsageError(f"{option}: {path} does not exist; give {what}")
    return path


def error_sentences(error: ValidationError, kind: type[BaseModel], option: bool) -> list[str]:
    """What is wrong, one sentence per value: the option or key, the value found, and what would be right.

    `option` says whether names are shown as command line options (--frames) or as configuration keys (dataset.frames).
    """
    return [_sentence(detail, kind, option) for detail in error.errors(include_url=False)]


def _sentence(detail: Any, kind: type[BaseModel], option: bool) -> str:
    place = [str(part) for part in detail["loc"]]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and isinstance(detail["input"], dict):
        setting, _, message = message.partition(": ")
        return f"{_shown([*place, setting], option)}: {message}"
    name = _shown(place, option)
    if detail["type"] == "extra_forbidden":
        known = list(_model_at(kind, place[:-1]).model_fields)
        close = difflib.get_close_matches(place[-1], known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return f"{name}: there is no such setting; {hint}"
    if detail["type"] == "missing":
        return f"{name}: a value is needed and none was given"
    found = json.dumps(detail["input"], default=str)
    if detail["type"] == "string_pattern_mismatch":
        message = "should be WIDTHxHEIGHT in pixels, such as 640x480"
    message = message.removeprefix("Input ").replace("input was", "it was")
    return f"{name}: {found} was given, but it {message}"


def _shown(place: Sequence[str], option: bool) -> str:
    name = ".".join(place)
    return "--" + name.replace("_", "-") if option else name


def _model_at(kind: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    for name in place:
        annotation = kind.model_fields[name].annotation if name in kind.model_fields else None
        candidates = [annotation, *get_args(annotation)] if get_origin(annotation) else [annotation]
        kind = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), kind)
    return kind
