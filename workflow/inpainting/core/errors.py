"""Errors that the user can fix or repeat; `inpaint` prints them without a traceback. All others are bugs."""


class InputError(Exception):
    """A data file is missing, damaged or unsuitable. Message: what was found and what would be right. Exit code 1."""


class UsageError(Exception):
    """An option has a wrong value. Message: the option, the value and what would be right. Exit code 2."""


class Unfinished(Exception):
    """The step was asked to stop and saved its work; run again, it continues from there. Exit code 75."""


def first_line(error: BaseException) -> str:
    """What a library's exception says, without the lines that follow; its name if it says nothing."""
    return (str(error).strip() or repr(error)).splitlines()[0]
