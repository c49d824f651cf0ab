"""`inpaint prompt`: the text embedding that training and inference take, made once."""

from safetensors.torch import save_file

from inpainting.core.files import atomic_path
from inpainting.models import loading
from inpainting.stages.latents.settings import PromptCommand


def prompt(settings: PromptCommand) -> None:
    """Write float32 [1, tokens, width] as the tensor `prompt`."""
    embedding = loading.encode_prompt(settings.base, settings.prompt, loading.resolve_device(settings.device))
    with atomic_path(settings.out) as temporary:
        save_file({"prompt": embedding.contiguous()}, temporary, metadata={"text": settings.prompt})
