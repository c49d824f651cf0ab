"""The rows that a training logs."""

from pathlib import Path

import pytest
import torch
from inpainting.stages.training.loss import BINS, RegionSums
from inpainting.stages.training.metrics_logger import MetricsLogger

ONES = RegionSums(torch.ones(BINS), torch.ones(BINS))


def test_waiting_for_data_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = MetricsLogger(tmp_path, first_step=0, steps=4, outside_weight=0.1, timesteps=1000)
    for step in range(1, 5):
        metrics.step(ONES, ONES, grad_norm=1.0, data_seconds=60.0)
        metrics.write(step, {})
        assert caplog.text.count("waiting for latents") == (step > 1)
