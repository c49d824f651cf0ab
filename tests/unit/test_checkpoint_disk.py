"""The estimate of the disk space that checkpoints take."""

from pathlib import Path

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from inpainting.checkpoint_disk import OTHER_BYTES, checkpoint_bytes, missing_checkpoint_bytes
from inpainting.models import bases, lora
from inpainting.stages.training.settings import TrainSettings, checkpoint_steps

NANO = "models/nano"


def test_the_estimate_covers_the_checkpoints_of_a_training(tiny_base: Path, tiny_training: Path) -> None:
    training = TrainSettings(steps=4, warmup_steps=1, save_every=2, rank=2)
    files = [path for path in (tiny_training / "checkpoints").rglob("*") if path.is_file()]
    written = sum(path.stat().st_size for path in files)
    weights = sum(path.stat().st_size for path in files if path.suffix in {".safetensors", ".pt"})
    estimate = checkpoint_bytes(str(tiny_base), training)
    assert written <= estimate
    assert estimate - len(checkpoint_steps(training)) * OTHER_BYTES <= 4 * weights


@pytest.mark.parametrize("targets", ["attention", "attention+ff", "all_linear"])
def test_the_estimate_is_not_below_the_size_of_all_lora_weights(targets: str) -> None:
    training = TrainSettings(steps=1, warmup_steps=0, save_every=1, rank=64, targets=(targets,))
    with torch.device("meta"):
        transformer = CogVideoXTransformer3DModel.from_config(bases.read_configs(NANO)["transformer"])
    layers = lora.target_layers(transformer, training)
    linear = [transformer.get_submodule(name) for name in layers]
    weights = sum(64 * (module.in_features + module.out_features) for module in linear)
    estimate = checkpoint_bytes(NANO, training) - OTHER_BYTES
    assert 24 * weights <= estimate <= 2.5 * 24 * weights


def test_existing_checkpoints_are_subtracted(tiny_base: Path, tiny_training: Path) -> None:
    training = TrainSettings(steps=4, warmup_steps=1, save_every=2, rank=2)
    whole = checkpoint_bytes(str(tiny_base), training)
    trainings = {"new": training, tiny_training.name: training}
    missing = missing_checkpoint_bytes(str(tiny_base), trainings, tiny_training.parent)
    assert whole < missing < 2 * whole


def test_a_base_that_was_not_downloaded_counts_as_cogvideox_2b() -> None:
    training = TrainSettings(steps=500, save_every=500, rank=64)
    weights = 4 * 2 * 64 * 1920 * 30
    assert checkpoint_bytes("nobody/not-downloaded", training) == pytest.approx(24 * weights, rel=0.1)
