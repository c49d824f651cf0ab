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

from inpainting.core import seeds
from inpainting.core.errors import InputError
from inpainting.models.family import Family

PROBE_FILE = "probe.safetensors"


def write_probe(folder: Path, prediction: Tensor) -> None:
    """Write what `predict` gave of a model."""
    save_file({"prediction": prediction}, folder / PROBE_FILE)


def read_probe(checkpoint: Path) -> Tensor:
    """What the model predicted that wrote a checkpoint; raises InputError where it is absent or damaged."""
    try:
        return load_file(checkpoint / PROBE_FILE)["prediction"]
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(f"{checkpoint}: {PROBE_FILE} is absent or damaged ({error}); train again") from error


def relative_difference(found: Tensor, written: Tensor) -> float:
    """How far one prediction is from another: root mean square, as a share of the written one's own."""
    return float((found - written).square().mean().sqrt() / written.square().mean().sqrt())


@torch.no_grad()
def predict(family: Family, transformer: CogVideoXTransformer3DModel, prompt: Tensor) -> Tensor:
    """What the model predicts of noise in place of all its input: float32, of the latents that it was laid out for.

    The model may be in training, and is left as it was.
    """
    training, device = transformer.training, next(transformer.parameters()).device
    latent_size, frames = family.laid_out_for(transformer)
    shape = (1, family.geometry.latent_frames(frames), transformer.config.in_channels, *latent_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seeds.derive(0, "models.probe"))).to(device)
    timesteps = torch.full((1,), family.timesteps // 2, device=device)
    prediction = family.predict(transformer.eval(), noise, None, None, prompt.to(noise), timesteps)
    transformer.train(training)
    return prediction.float().cpu().contiguous()
