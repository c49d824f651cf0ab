"""What a model says of noise that anyone can draw again: whether a checkpoint that was read is the model that wrote it.

Training writes the prediction of the model in its memory beside the adapter; validation loads the adapter in a process
of its own and compares. A weight lost, a scale applied twice or another base model would show.
"""

from pathlib import Path

import torch
from diffusers import CogVideoXTransformer3DModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inpainting.artifacts.prompt import read_prompt
from inpainting.core import seeds
from inpainting.core.errors import InputError
from inpainting.models import loading
from inpainting.models.adapter import load_adapter, read_adapter_config
from inpainting.models.adapter_files import PROMPT_FILE
from inpainting.models.settings import ModelSettings

PROBE_FILE = "probe.safetensors"
TIMESTEP = 500

TOLERANCE = 0.02
"""Largest difference, as a share of the prediction's own size, that may come of another precision or device."""


def write_probe(folder: Path, prediction: Tensor) -> None:
    """Write what `predict` gave of a model."""
    save_file({"prediction": prediction}, folder / PROBE_FILE)


def difference_to_training(model: ModelSettings, checkpoint: Path) -> float:
    """How far the adapter of a checkpoint, loaded afresh, is from the model that was trained: root mean square, as a
    share of the prediction's own.

    Raises InputError where there is nothing to compare with, and where they differ by more than TOLERANCE.
    """
    try:
        written = load_file(checkpoint / PROBE_FILE)["prediction"]
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(f"{checkpoint}: {PROBE_FILE} is absent or damaged ({error}); train again") from error
    adapter = checkpoint / "adapter"
    config = read_adapter_config(adapter)
    device, dtype = loading.resolve_device(model.device), loading.DTYPES[model.dtype]
    rows, columns = written.shape[-2:]
    transformer = loading.load_transformer(
        model.base, dtype, device, (rows, columns), config.windows.window, config.random_base
    )
    load_adapter(transformer, adapter)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        found = predict(transformer, read_prompt(adapter / PROMPT_FILE))
    difference = float((found - written).square().mean().sqrt() / written.square().mean().sqrt())
    if not difference <= TOLERANCE:
        raise InputError(
            f"{checkpoint}: loaded in a process of its own, the model differs by {difference:.2%} from the one that "
            "was saved; its files or its base model have changed"
        )
    return difference


@torch.no_grad()
def predict(transformer: CogVideoXTransformer3DModel, prompt: Tensor) -> Tensor:
    """What the model predicts of noise in place of all its input: float32, of the latents that it was laid out for.

    The model may be in training, and is left as it was.
    """
    training = transformer.training
    config, device = transformer.config, next(transformer.parameters()).device
    frames = (config.sample_frames - 1) // config.temporal_compression_ratio + 1
    channels = transformer.patch_embed.proj.in_channels
    generator = torch.Generator().manual_seed(seeds.derive(0, "models.probe"))
    noise = torch.randn(1, frames, channels, config.sample_height, config.sample_width, generator=generator).to(device)
    timesteps = torch.full((1,), TIMESTEP, device=device)
    prediction = transformer.eval()(noise, prompt.to(noise), timesteps, return_dict=False)[0]
    transformer.train(training)
    return prediction.float().cpu().contiguous()
