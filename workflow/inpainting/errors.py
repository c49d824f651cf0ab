"""The two kinds of failure that are the user's to mend; everything else is a bug and keeps its traceback."""


class InputError(Exception):
    """The data or a file is not what the step needs. One sentence: what was found, what would be right. Exit code 1."""


class UsageError(Exception):
    """An option's value can't be used. One sentence: the option, the value and what would be right. Exit code 2."""
