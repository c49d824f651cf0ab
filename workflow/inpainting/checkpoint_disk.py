"""Estimate of the disk space of the checkpoints that a configuration's trainings will write."""

from collections.abc import Mapping
from pathlib import Path

from inpainting.models import bases
from inpainting.stages.training.settings import TrainSettings, checkpoint_steps

COGVIDEOX_2B = {"num_attention_heads": 30, "attention_head_dim": 64, "num_layers": 30}
"""Configuration that stands for a base on the hub that was not downloaded yet."""

LAYERS = {"attention": 8, "attention+ff": 18}
"""LoRA weights per block by target, in units of rank x width: four square layers, and two that are 4 times as wide."""

ALL_LAYERS = 32
"""The same for other targets: all linear layers of a block, rounded up."""

WEIGHT_BYTES = 4
"""Trained weights are float32."""

OTHER_BYTES = 10_000_000
"""Bytes per checkpoint of everything else: the prompt's embedding, the prediction that validation compares, configs."""

STATE_BYTES = 20
"""Bytes per weight that only the last `keep_last` checkpoints hold: Prodigy's states (16, the most of all optimizers)
and the weights beside their average (4)."""


def missing_checkpoint_bytes(base: str, trainings: Mapping[str, TrainSettings], folder: Path) -> int:
    """Bytes of the trainings' checkpoints that are not on disk yet.

    trainings: by experiment; folder: results/training, with a folder of each experiment.
    """
    return sum(
        max(checkpoint_bytes(base, training) - _size(folder / name / "checkpoints"), 0)
        for name, training in trainings.items()
    )


def checkpoint_bytes(base: str, training: TrainSettings) -> int:
    """Bytes of one training's checkpoints, rounded up: LoRA, the patch embedding, and the optimizer's states."""
    config = bases.configs_unless_remote(base)["transformer"] or COGVIDEOX_2B
    width = config["num_attention_heads"] * config["attention_head_dim"]
    per_block = sum(LAYERS.get(target, ALL_LAYERS) for target in training.targets)
    lora = min(per_block, ALL_LAYERS) * training.rank * width * (config["num_layers"] + 1)
    patch = 4 * width * 4 * config.get("in_channels", 16)
    steps = len(checkpoint_steps(training))
    states = min(steps, training.keep_last) * STATE_BYTES
    return (lora + patch) * (steps * WEIGHT_BYTES + states) + steps * OTHER_BYTES


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
