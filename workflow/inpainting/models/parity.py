"""Parity check: a loaded checkpoint must predict what the trained model predicted from the same seeded noise.

Training stores its model's prediction with the adapter; validation loads the adapter in a new process and compares. A
difference reveals a lost weight, a scale that is applied twice, or another base model.
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

PARITY_FILE = "probe.safetensors"


def write_prediction(folder: Path, prediction: Tensor) -> None:
    """Store the result of `predict`, float32 [1, latent frames, channels, rows, columns], in a checkpoint folder."""
    save_file({"prediction": prediction}, folder / PARITY_FILE)


def read_prediction(checkpoint: Path) -> Tensor:
    """The prediction stored by training, float32 [1, latent frames, channels, rows, columns].

    Raises InputError if it is missing or damaged.
    """
    try:
        return load_file(checkpoint / PARITY_FILE)["prediction"]
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(f"{checkpoint}: {PARITY_FILE} is missing or damaged ({error}); train again") from error


def relative_difference(found: Tensor, stored: Tensor) -> float:
    """RMS difference of two predictions of one shape [...], relative to the RMS of the stored one."""
    return float((found - stored).square().mean().sqrt() / stored.square().mean().sqrt())


@torch.no_grad()
def predict(family: Family, transformer: CogVideoXTransformer3DModel, prompt: Tensor) -> Tensor:
    """The velocity predicted from seeded noise in all inputs: float32 [1, latent frames, channels, rows, columns].

    The clip size is that of the position embeddings. The model's training mode is restored afterwards.
    """
    training, device = transformer.training, next(transformer.parameters()).device
    latent_size, frames = family.position_size(transformer)
    shape = (1, family.geometry.latent_frames(frames), transformer.config.in_channels, *latent_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seeds.derive(0, "models.probe"))).to(device)
    timesteps = torch.full((1,), family.timesteps // 2, device=device)
    prediction = family.predict(transformer.eval(), noise, None, None, prompt.to(noise), timesteps)
    transformer.train(training)
    return prediction.float().cpu().contiguous()
