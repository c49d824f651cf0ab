"""Trust in a fill is learned where the truth is known."""

import numpy as np
import pytest
from inpainting.filling.trust import FillTrust
from inpainting.inference.views import Clip, View
from inpainting.validation import trusting
from inpainting.validation.trusting import TrustFit
from inpainting.video.masks import Hole

Sequence = tuple[View, Clip, Clip, Hole]
"""What the model was shown and made, the truth, and the hole."""


def sequence(seed: int) -> Sequence:
    """A fill that is right in the left half of its hole, where it is not doubted, and wrong in the right one; the
    model's frames are a little wrong everywhere."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(60, 200, (3, 32, 48, 3), dtype=np.uint8)
    hole = np.zeros(truth.shape[:3], bool)
    hole[:, 8:24, 8:40] = True
    right = np.zeros_like(hole)
    right[:, :, 24:] = True
    noise = {name: draw.normal(0, size, truth.shape) for name, size in (("made", 25), ("wrong", 70), ("fine", 5))}
    made = (truth + noise["made"]).clip(0, 255).astype(np.uint8)
    wrong = np.where(right[..., None], noise["wrong"], noise["fine"])
    frames = np.where(hole[..., None], truth + wrong, truth).clip(0, 255).astype(np.uint8)
    return View(frames, hole, np.where(hole & right, np.uint8(40), np.uint8(1) * hole)), made, truth, hole


def mean_psnr(clips: list[tuple[Clip, Clip, Hole]]) -> float:
    errors = [np.square(clip[hole].astype(float) - truth[hole]).mean() for clip, truth, hole in clips]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors]))


def kept(trust: FillTrust, sequences: list[Sequence]) -> float:
    return mean_psnr([(trust.keep(made, v.frames, v.doubt, hole), truth, hole) for v, made, truth, hole in sequences])


def test_the_trust_is_the_best_there_is_and_its_gain_is_what_it_brings() -> None:
    sequences = [sequence(seed) for seed in range(3)]
    fit = TrustFit(0)
    for number, (view, made, truth, hole) in enumerate(sequences):
        fit.add(f"{number}", view, made, truth, hole)
    found = fit.fit()
    assert found is not None
    trust, gain = found
    assert trust.slope < 0, "what is uncertain is kept less"
    made_alone = mean_psnr([(made, truth, hole) for _, made, truth, hole in sequences])
    fill_alone = mean_psnr([(view.frames, truth, hole) for view, _, truth, hole in sequences])
    best = kept(trust, sequences)
    assert best > max(made_alone, fill_alone) + 2
    assert gain == pytest.approx(best - made_alone, abs=0.1)
    for name, value in trust.model_dump().items():
        for factor in (0.7, 1.4):
            assert kept(trust.model_copy(update={name: factor * value}), sequences) < best + 0.01


def test_of_a_large_hole_pixels_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusting, "PIXELS", 300)
    found = []
    for seed in (0, 0, 1):
        fit = TrustFit(seed)
        fit.add("a", *sequence(0))
        assert len(fit.samples[0].model) == 300
        found.append(fit.fit())
    assert found[0] == found[1] != found[2]


def test_an_empty_hole_tells_nothing() -> None:
    fit = TrustFit(0)
    view, made, truth, hole = sequence(0)
    fit.add("a", view, made, truth, np.zeros_like(hole))
    assert fit.fit() is None
