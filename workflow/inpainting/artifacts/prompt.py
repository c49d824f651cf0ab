"""prompt.safetensors: the text embedding of all sequences, float32 [1, tokens, width] as `prompt`.

Written by `inpaint prompt`, and copied with every adapter trained with it. Training and inference read it, so that no
text encoder has to be loaded. Its metadata holds a `checksum` of the tensor.
"""

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from inpainting.artifacts.formats import CHECKSUM, Damaged, reading
from inpainting.core.files import atomic_path
from inpainting.core.tensor_files import checksum, sort_metadata


def write_prompt(path: Path, prompt: Tensor, metadata: Mapping[str, str] | None = None) -> None:
    """Write an embedding, [1, tokens, width], and further metadata atomically."""
    tensor = prompt.contiguous()
    with atomic_path(path) as temporary:
        save_file({"prompt": tensor}, temporary, metadata={**(metadata or {}), CHECKSUM: str(checksum(tensor))})
        sort_metadata(temporary)


def read_prompt(path: Path, option: str | None = None) -> Tensor:
    """Read an embedding: float32 [1, tokens, width]; raises InputError if the file is damaged or of another kind."""
    with reading(path, "a text embedding of `inpaint prompt`", option), safe_open(path, "pt") as file:
        tensor: Tensor = file.get_tensor("prompt")
        if (file.metadata() or {}).get(CHECKSUM) not in (None, str(checksum(tensor))):
            raise Damaged("its checksum does not match")
        return tensor.float()
