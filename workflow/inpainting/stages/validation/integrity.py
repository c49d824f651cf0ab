"""Whether a checkpoint is whole, and the model that wrote it, before anything is scored with it."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from inpainting.artifacts.checkpoint_state import read_state
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning.adapter import load_adapter, read_adapter_config
from inpainting.core.errors import InputError
from inpainting.models import bases, loading, parity
from inpainting.models.adapter_files import PROMPT_FILE
from inpainting.models.settings import ModelSettings

TOLERANCE = 0.02
"""Largest difference, as a share of the prediction's own size, that may come of another precision or device."""


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


def difference_to_training(model: ModelSettings, checkpoint: Path) -> float:
    """How far the adapter of a checkpoint, loaded afresh, is from the model that was trained: see `models.parity`.

    Raises InputError where there is nothing to compare with, and where they differ by more than TOLERANCE.
    """
    written, adapter = parity.read_prediction(checkpoint), checkpoint / "adapter"
    config = read_adapter_config(adapter)
    device, dtype = loading.resolve_device(model.device), loading.DTYPES[model.dtype]
    rows, columns = written.shape[-2:]
    transformer = loading.load_transformer(
        model.base, dtype, device, (rows, columns), config.windows.window, config.random_base
    )
    load_adapter(transformer, adapter)
    prompt = read_prompt(adapter / PROMPT_FILE)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        found = parity.predict(bases.family(model.base), transformer, prompt)
    difference = parity.relative_difference(found, written)
    if not difference <= TOLERANCE:
        raise InputError(
            f"{checkpoint}: loaded in a process of its own, the model differs by {difference:.2%} from the one that "
            "was saved; its files or its base model have changed"
        )
    return difference
