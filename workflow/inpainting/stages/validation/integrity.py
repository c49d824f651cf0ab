"""Whether a checkpoint is whole, before anything is scored with it."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from inpainting.artifacts.checkpoint_state import read_state
from inpainting.core.errors import InputError
from inpainting.models.adapter import read_adapter_config


def check_integrity(checkpoint: Path) -> int:
    """The checkpoint's step; raises InputError where a file is absent or damaged, a weight not finite, or a name wrong.

    checkpoint: a step-N folder. That every weight arrives in the model, bit for bit, is checked where it is loaded.
    """
    adapter = checkpoint / "adapter"
    config = read_adapter_config(adapter)
    for path in sorted(adapter.glob("*.safetensors")):
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} is damaged ({error}); train again from the checkpoint before it") from error
        broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if broken or not tensors:
            raise InputError(f"{path}: {broken[0] if broken else 'nothing in it'} is not finite")
    state = read_state(checkpoint)
    if checkpoint.name != f"step-{state.step}":
        raise InputError(f"{checkpoint} holds a checkpoint of step {state.step}; it was renamed or replaced")
    trained = state.fingerprint["adapter"]
    odd = sorted(name for name, value in config.shaping().items() if trained.get(name) != value)
    if odd:
        raise InputError(f"{adapter}: {odd[0]} is not what was trained; the adapter was replaced")
    return state.step
