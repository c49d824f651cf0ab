"""prompt.safetensors: the text embedding that goes with every sequence, float32 [1, tokens, width] as `prompt`.

Written by `inpaint prompt`, and with every adapter that was trained with it; all that runs the model reads it, so that
no text encoder has to be loaded. Its metadata holds a `checksum` of the tensor.
"""

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpainting.artifacts.formats import CHECKSUM, Damaged, reading
from inpainting.core.files import atomic_path
from inpainting.core.tensor_files import checksum, sort_metadata


def write_prompt(path: Path, prompt: Tensor, about: Mapping[str, str] | None = None) -> None:
    """Write an embedding, complete or not at all, with what is said about it."""
    tensor = prompt.contiguous()
    with atomic_path(path) as temporary:
        save_file({"prompt": tensor}, temporary, metadata={**(about or {}), CHECKSUM: str(checksum(tensor))})
        sort_metadata(temporary)


def read_prompt(path: Path, option: str | None = None) -> Tensor:
    """An embedding: float32 [1, tokens, width]; raises InputError for a file that is damaged or another's."""
    with reading(path, "a text embedding of `inpaint prompt`", option), safe_open(path, "pt") as file:
        tensor: Tensor = file.get_tensor("prompt")
        if (file.metadata() or {}).get(CHECKSUM) not in (None, str(checksum(tensor))):
            raise Damaged("its checksum is another")
        return tensor.float()
