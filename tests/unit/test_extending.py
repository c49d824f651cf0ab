"""The examples in docs/extending.md run."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from inpainting.baselines.baseline import Baseline
from inpainting.conditioning.concat import CONCAT
from inpainting.metrics.metric import Metric, Reference
from inpainting.metrics.regions import Regions

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


@pytest.fixture
def shown() -> dict[str, object]:
    """What the page's examples define."""
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(code, names)
    return names


def test_the_baseline_fills_a_pixel_from_the_nearest_frame_that_knows_it(shown: dict[str, object]) -> None:
    entry = shown["NEAREST_FRAME"]
    assert isinstance(entry, Baseline)
    clip = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.full((6, 4, 5, 3), 10, np.uint8)
    hole = np.zeros((6, 4, 5), np.bool_)
    hole[2:5, 1, 1] = hole[3:, 2, 2] = True
    filled = entry.fill(clip, hole)
    assert filled[:, 1, 1, 0].tolist() == [0, 10, 10, 10, 50, 50]
    assert filled[:, 2, 2, 0].tolist() == [0, 10, 20, 20, 20, 20]


def test_the_metric_is_the_slope_of_a_ramp_against_a_plain_truth(shown: dict[str, object]) -> None:
    entry = shown["SHARPNESS"]
    assert isinstance(entry, Metric) and entry.score is not None
    ramp = np.zeros((2, 16, 16, 3), np.uint8) + np.arange(0, 64, 4, dtype=np.uint8)[None, None, :, None]
    hole = np.zeros(ramp.shape[:3], np.bool_)
    hole[0, 4:12, 4:12] = True
    scores = entry.score(ramp, Reference(np.zeros_like(ramp), Regions(hole)))
    assert tuple(scores.columns) == entry.columns
    assert scores["gradient_mask"][0] == pytest.approx(4 / 2), "no slope down, 4 levels a pixel to the right"
    assert np.isnan(scores["gradient_mask"][1])


def test_the_conditioning_shows_known_latents_twice(shown: dict[str, object]) -> None:
    entry = shown["CONCAT_REPLACE"]
    assert isinstance(entry, type(CONCAT)) and entry.replaces and entry.adds_channels
    noisy, known = torch.zeros(1, 3, 16, 2, 2), torch.ones(1, 3, 16, 2, 2)
    mask = torch.zeros(1, 3, 4, 2, 2)
    mask[0, 1, 3, 0, 0] = 1 / 64
    latents = entry.noisy_input(noisy, known, mask, lambda clean: 3 * clean)
    assert latents[0, 1, :, 0, 0].eq(0).all()
    assert latents.sum() == 3 * 16 * (3 * 4 - 1)
    assert entry.extra_channels(known, mask) == (known, mask)
