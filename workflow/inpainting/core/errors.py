"""The failures that are the user's to mend or to repeat; everything else is a bug and keeps its traceback."""


class InputError(Exception):
    """The data or a file is not what the step needs. One sentence: what was found, what would be right. Exit code 1."""


class UsageError(Exception):
    """An option's value can't be used. One sentence: the option, the value and what would be right. Exit code 2."""


class Unfinished(Exception):
    """The step was asked to stop, has saved its work, and goes on from there when it is run again. Exit code 75."""
