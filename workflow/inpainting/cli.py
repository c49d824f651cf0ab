"""`inpaint <step>`: one command per step, with the fields of the step's settings class as options.

Packages are imported where they are used, so that the help appears at once.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from inpainting.commands import COMMANDS, GROUPS
from inpainting.core.errors import InputError, Unfinished, UsageError

if TYPE_CHECKING:
    from inpainting.core.settings import Settings

COMPLETION = "--print-completion"
UNUSABLE_DISK = {
    errno.ENOSPC: "the disk has no space or no inodes left",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file is larger than this system or shell allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
}
"""Errors of the file system that only the user can mend; others are bugs."""


def usage() -> str:
    """The text of `inpaint --help`."""
    lines = ["usage: inpaint STEP [options]"]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:16} {command.summary}" for name, command in commands.items())]
    lines += ["", "`inpaint STEP --help` explains a step, `inpaint STEP ... --print-config` shows what it resolved to,"]
    lines += [f"`inpaint {COMPLETION} bash` prints the completion for a shell."]
    return "\n".join(lines)


def parse(name: str, arguments: list[str], partial: bool = False) -> Settings:
    """Parse a step's command line, see `command_line.parse`."""
    from inpainting import command_line

    return command_line.parse(name, arguments, partial)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 done, 1 failed, 2 wrong usage, 75 stopped early with the work saved."""
    arguments = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name, *rest = arguments
    if name == COMPLETION:
        return _print_completion(rest)
    if name not in COMMANDS:
        print(f"inpaint: there is no step {name!r}; the steps are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.captureWarnings(True)
    return _run(name, rest)


def _print_completion(arguments: list[str]) -> int:
    from inpainting.completion import SHELLS, completion

    if len(arguments) != 1 or arguments[0] not in SHELLS:
        found = " ".join(arguments) or "nothing"
        print(f"inpaint: {COMPLETION}: {found} was given, but it should be one of {', '.join(SHELLS)}", file=sys.stderr)
        return 2
    print(completion(arguments[0]))
    return 0


def _run(name: str, arguments: list[str]) -> int:
    from pydantic import ValidationError

    from inpainting.command_line import as_yaml
    from inpainting.core.settings import error_sentences

    try:
        if "--print-config" in arguments:
            print(as_yaml(parse(name, [a for a in arguments if a != "--print-config"], partial=True)), end="")
            return 0
        COMMANDS[name].run(parse(name, arguments))
        return 0
    except ValidationError as error:
        for sentence in error_sentences(error, COMMANDS[name].settings_class(), option=True):
            print(f"inpaint {name}: {sentence}", file=sys.stderr)
        return 2
    except UsageError as error:
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
        print(
            f"inpaint {name}: interrupted; finished work is kept, run the same command again to go on", file=sys.stderr
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
