"""`inpaint prompt`: encodes the prompt for training and inference."""

from inpainting.artifacts.prompt import write_prompt
from inpainting.models import loading
from inpainting.stages.latents.settings import PromptCommand


def prompt(settings: PromptCommand) -> None:
    """Write the text embedding, float32 [1, tokens, width], as the tensor `prompt`.

    Raises UsageError for a prompt with a base that has no text encoder.
    """
    embedding = loading.encode_prompt(settings.base, settings.prompt, loading.resolve_device(settings.device))
    write_prompt(settings.out, embedding, {"text": settings.prompt})
