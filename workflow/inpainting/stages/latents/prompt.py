"""`inpaint prompt`: the text embedding that training and inference take, made once."""

from inpainting.artifacts.prompt import write_prompt
from inpainting.models import loading
from inpainting.stages.latents.settings import PromptCommand


def prompt(settings: PromptCommand) -> None:
    """Write float32 [1, tokens, width] as the tensor `prompt`."""
    embedding = loading.encode_prompt(settings.base, settings.prompt, loading.resolve_device(settings.device))
    write_prompt(settings.out, embedding, {"text": settings.prompt})
