"""Checks that a checkpoint is undamaged and gives the model that was trained, before it is scored."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from inpainting.artifacts.checkpoint_state import STATE_FILE, read_state
from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning.adapter import load_adapter, read_adapter_config
from inpainting.core.errors import InputError
from inpainting.core.sums import damage, summed
from inpainting.models import bases, loading, parity
from inpainting.models.adapter_files import PROMPT_FILE
from inpainting.models.settings import ModelSettings

TOLERANCE = 0.02
"""Largest relative difference of predictions that another precision or device may cause."""


def check_integrity(checkpoint: Path) -> int:
    """The step of a checkpoint, a step-N folder.

    Raises InputError if a file that is scored is missing or damaged, a weight is not finite, or step or adapter are not
    those of the training. Whether the model gets every weight is checked when the adapter is loaded.
    """
    adapter = checkpoint / "adapter"
    scored = {name for name in summed(checkpoint) if name.startswith("adapter/")} | {STATE_FILE, parity.PARITY_FILE}
    if wrong := damage(checkpoint, scored):
        raise InputError(
            f"{wrong}; remove {checkpoint}, and the training.json of the training, and train again, which goes on from "
            "the checkpoint before it"
        )
    config = read_adapter_config(adapter)
    for path in sorted(adapter.glob("*.safetensors")):
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} is damaged ({error}); train again from the checkpoint before it") from error
        broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if broken or not tensors:
            raise InputError(f"{path}: {f'{broken[0]} is not finite' if broken else 'it has no tensors'}")
    state = read_state(checkpoint)
    if checkpoint.name != f"step-{state.step}":
        raise InputError(f"{checkpoint} holds a checkpoint of step {state.step}; it was renamed or replaced")
    trained = state.fingerprint["adapter"]
    changed = sorted(name for name, value in config.shaping().items() if trained.get(name) != value)
    if changed:
        raise InputError(f"{adapter}: {changed[0]} is not what was trained; the adapter was replaced")
    return state.step


def difference_to_training(model: ModelSettings, checkpoint: Path) -> float:
    """Relative difference of the predictions of a checkpoint's freshly loaded adapter and of the trained model.

    See `models.parity`. Raises InputError if the checkpoint has no stored prediction, or for a difference above
    TOLERANCE.
    """
    written, adapter = parity.read_prediction(checkpoint), checkpoint / "adapter"
    config = read_adapter_config(adapter)
    device, dtype = loading.resolve_device(model.device), loading.DTYPES[model.dtype]
    rows, columns = written.shape[-2:]
    transformer = loading.load_transformer(
        model.base, dtype, device, (rows, columns), config.windows.window, config.random_base, config.quantization
    )
    load_adapter(transformer, adapter)
    prompt = read_prompt(adapter / PROMPT_FILE)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        found = parity.predict(bases.family(model.base), transformer, prompt)
    difference = parity.relative_difference(found, written)
    if not difference <= TOLERANCE:
        raise InputError(
            f"{checkpoint}: the loaded model's prediction differs by {difference:.2%} from the trained model's; the "
            "checkpoint's files or the base model have changed"
        )
    return difference
