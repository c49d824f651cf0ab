"""Out of memory, as a sentence that names the settings which take less."""

from collections.abc import Iterator
from contextlib import contextmanager

from inpainting.core.errors import InputError
from inpainting.models.settings import ModelSettings

MESSAGES = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""In what torch raises: OutOfMemoryError of a GPU's allocator, RuntimeError of the CPU's and of CUDA's libraries."""


@contextmanager
def explained(settings: ModelSettings) -> Iterator[None]:
    """Within this context, a RuntimeError for lack of memory becomes an InputError with the settings that help."""
    try:
        yield
    except RuntimeError as error:
        if not any(message in str(error) for message in MESSAGES):
            raise
        raise InputError(_sentence(settings, str(error))) from error


def _sentence(settings: ModelSettings, message: str) -> str:
    found = " ".join(message.split())[:200].rstrip(" .")
    options = [settings.option(name, value) for name, value in settings.less_memory().items()]
    helps = ", ".join([*options, "fewer frames in a window (--window)"])
    return f"out of memory ({found}); what helps: {helps}, or a GPU with more free memory; see `inpaint plan`"
