"""Typed settings: the only place where a step's options, defaults, help texts and bounds are written.

A step has two classes: `<Step>Settings` is a section of the configuration; `<Step>Command` adds files and values that
sections share (seed, frames, base model), and defines the command line.
"""

import difflib
import inspect
import json
import re
import reprlib
import shlex
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from inpainting.core.errors import UsageError

Size = Annotated[str, Field(pattern=r"^[1-9]\d*x[1-9]\d*$", json_schema_extra={"expected": "WIDTHxHEIGHT"})]
"""A frame size in pixels, written WIDTHxHEIGHT, e.g. 640x480."""

EXPONENT = re.compile(r"[0-9.]+[eE]\+?[0-9]+")
"""A number such as 1e4, which YAML takes for text: its own form is 1.0e+4."""

SettingsT = TypeVar("SettingsT", bound="Settings")

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 1


class Role(Enum):
    """How a setting affects the result, given in its declaration: `Annotated[int, Role.EXECUTION]`.

    Cache keys, fingerprints and provenance are built from roles: see `Settings.shaping`.
    """

    RESULT = "result"
    """Affects the result. The default."""
    ARCHITECTURE = "architecture"
    """Affects the result, and weights or states that were trained with another value can't be loaded."""
    PLACE = "place"
    """Path of an input or output, or which of several it is: inputs count by their digests, outputs do not count. The
    default of paths."""
    EXECUTION = "execution"
    """Speed, saving, logging: another value gives the same result except for rounding."""


def role_of(field: FieldInfo) -> Role:
    """The role of a field of a settings class."""
    named = [part for part in field.metadata if isinstance(part, Role)]
    assert len(named) <= 1, f"{field}: a setting has one role"
    return named[0] if named else Role.PLACE if holds_path(field.annotation) else Role.RESULT


def names_of_role(kind: type[BaseModel], *roles: Role) -> set[str]:
    """Names of the settings of a class that have one of these roles."""
    return {name for name, field in kind.model_fields.items() if role_of(field) in roles}


def names_by_declaring_class(kind: type[BaseModel]) -> list[tuple[str, list[str]]]:
    """Names of the settings by the class that declares them, with its docstring's first words; its own come first."""
    groups: list[tuple[str, list[str]]] = []
    for declaring in kind.__mro__:
        declared = inspect.get_annotations(declaring)
        known = {name for _, names in groups for name in names}
        names = [name for name in declared if name in kind.model_fields and name not in known]
        if names:
            groups.append(((inspect.getdoc(declaring) or "").partition(".")[0], names))
    return groups


def choices(annotation: Any) -> tuple[Any, ...]:
    """The values that a Literal allows; also inside of an optional one."""
    inside = get_args(annotation)
    return inside if get_origin(annotation) is Literal else tuple(one for part in inside for one in choices(part))


def holds_path(annotation: Any) -> bool:
    """Whether a setting of this type is a path, or may hold some."""
    return annotation is Path or any(holds_path(part) for part in get_args(annotation))


class Settings(BaseModel):
    """Base class of all settings: immutable, refuses unknown names, uses field docstrings as help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any, info: ValidationInfo) -> Any:
        """A word that YAML reads as false or true, such as `no`, and an integer that it reads as text, such as 1e4."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool):
            if {int, float} & {annotation, *get_args(annotation)}:
                raise ValueError("should be a number; YAML reads yes, no, on and off as true and false")
            words = {"yes", "on"} if value else {"no", "off"}
            return next((word for word in choices(annotation) if word in words), value)
        if isinstance(value, str) and int in (annotation, *get_args(annotation)) and EXPONENT.fullmatch(value):
            return int(float(value)) if float(value).is_integer() else value
        return value

    def of_role(self, *roles: Role) -> dict[str, Any]:
        """Settings with these roles by name, as JSON values; nested settings are filtered too."""
        values = self.model_dump(mode="json", include=names_of_role(type(self), *roles))
        return {
            name: nested.of_role(*roles) if isinstance(nested := getattr(self, name), Settings) else value
            for name, value in values.items()
        }

    def shaping(self) -> dict[str, Any]:
        """Settings that affect the result, by name, as JSON values: part of cache keys and provenance."""
        return self.of_role(Role.RESULT, Role.ARCHITECTURE)

    def to_options(self, *roles: Role) -> str:
        """These settings, or those with some roles, as command line options, quoted for a shell.

        Nested sections and values of None are left out.
        """
        values = self.of_role(*(roles or Role))
        sections = {name for name in values if isinstance(getattr(self, name), Settings)}
        given = {name: value for name, value in values.items() if value is not None and name not in sections}
        return " ".join(self.option(name, value) for name, value in given.items())

    @classmethod
    def option(cls, name: str, value: Any) -> str:
        """A setting with a JSON value as a command line option, quoted for a shell."""
        flag = "--" + name.replace("_", "-")
        if cls.model_fields[name].annotation is bool:
            return flag if value else "--no-" + flag[2:]
        text = (",".join(map(str, value)) or "[]") if isinstance(value, list) else str(value)
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else text
        text = text.lower() if isinstance(value, bool) else text
        return f"{flag}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}"

    def section(self, kind: type[SettingsT]) -> SettingsT:
        """The values of another settings class whose fields this class contains."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})


def parse_size(size: str) -> tuple[int, int]:
    """`"640x480"` as (width, height) in pixels."""
    width, height = size.split("x")
    return int(width), int(height)


def read_values(path: Path, setting: str) -> dict[str, Any]:
    """The values in a configuration file; raises UsageError with the name of the setting that named it."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(
            f"{setting}: {path} {found}; give a configuration file, relative to the file that names it or to the "
            "current folder"
        )
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{setting}: {path} is not a YAML file ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        found = "is empty" if values is None else f"holds a {type(values).__name__}"
        raise UsageError(f"{setting}: {path} {found}; a configuration has names and values")
    return values


def existing(path: Path | None, option: str, what: str) -> Path:
    """Return `path`; raises UsageError with the option and `what` was expected if it is None or does not exist."""
    if path is None:
        raise UsageError(f"{option}: none was given; give {what}")
    if not path.exists():
        raise UsageError(f"{option}: {path} does not exist; give {what}")
    return path


def error_sentences(error: ValidationError, kind: type[BaseModel], option: bool) -> list[str]:
    """One sentence per wrong value: the option or key, the value found, and what would be right.

    option: whether names are shown as command line options (--frames) or as configuration keys (dataset.frames).
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
        close = difflib.get_close_matches(place[-1], known, n=1) or list(_places(kind, place[-1]))
        hint = f"did you mean {' or '.join(close)}?" if close else f"known here: {', '.join(known)}"
        return f"{name}: there is no such setting; {hint}"
    if detail["type"] == "missing":
        return f"{name}: a value is needed and none was given"
    found = _found(detail["input"])
    if detail["type"] == "string_pattern_mismatch":
        message = "should be WIDTHxHEIGHT in pixels, such as 640x480"
    if detail["type"] == "model_type":
        message = "should be a section with names and values"
    if detail["type"] == "string_type" and isinstance(detail["input"], bool):
        message += "; YAML reads yes, no, on and off as true and false, so quote them"
    message = message.removeprefix("Input ").replace("input was", "it was")
    return f"{name}: {found} was given, but it {message}"


def _found(value: Any) -> str:
    """A value as it was given; of nested ones only the beginning, since YAML's aliases can make them endless."""
    nested = isinstance(value, list | dict) and any(isinstance(part, list | dict) for part in _parts(value))
    return _BRIEF.repr(value) if nested else json.dumps(value, default=str)


def _parts(value: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _shown(place: Sequence[str], option: bool) -> str:
    name = ".".join(place)
    return "--" + name.replace("_", "-") if option else name


def _places(kind: type[BaseModel], setting: str) -> Iterable[str]:
    """The sections that have a setting of this name, as paths from the top: where a misplaced one belongs."""
    for name, field in kind.model_fields.items():
        if name == setting:
            yield name
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inside}" for inside in _places(field.annotation, setting))


def _model_at(kind: type[BaseModel], place: Sequence[str]) -> type[BaseModel]:
    for name in place:
        annotation = kind.model_fields[name].annotation if name in kind.model_fields else None
        candidates = [annotation, *get_args(annotation)] if get_origin(annotation) else [annotation]
        kind = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), kind)
    return kind
