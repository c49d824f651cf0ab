"""Completion of the command line in a shell: steps, options, their choices, and paths."""

from argparse import ArgumentParser, BooleanOptionalAction

import shtab
from pydantic.fields import FieldInfo

from inpainting.command_line import CONFIG, POSITIONAL, option_name
from inpainting.commands import COMMANDS
from inpainting.core.settings import choices, holds_path

SHELLS = tuple(shtab.SUPPORTED_SHELLS)


def completion(shell: str) -> str:
    """The script that a shell reads to complete `inpaint`; shell: one of SHELLS."""
    parser = ArgumentParser("inpaint")
    steps = parser.add_subparsers()
    for name, command in COMMANDS.items():
        step = steps.add_parser(name, help=command.summary)
        _add(step, CONFIG, is_path=True)
        step.add_argument("--print-config", action="store_true")
        for field, info in command.settings_class().model_fields.items():
            _add_setting(step, option_name(field, info), info)
    return str(shtab.complete(parser, shell))


def _add_setting(step: ArgumentParser, name: str, info: FieldInfo) -> None:
    option = name if POSITIONAL in info.metadata else "--" + name.replace("_", "-")
    if info.annotation is bool:
        step.add_argument(option, action=BooleanOptionalAction)
    else:
        _add(step, option, holds_path(info.annotation), tuple(map(str, choices(info.annotation))))


def _add(step: ArgumentParser, option: str, is_path: bool, values: tuple[str, ...] = ()) -> None:
    action = step.add_argument(option, choices=values or None)
    if is_path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
