"""Trust in fills is learned where the truth is known."""

import numpy as np
import pytest
from inpainting.baselines.fills import Filled
from inpainting.baselines.settings import Fill
from inpainting.baselines.trust import FillTrust
from inpainting.sampling.conditioned_clip import Clip, View
from inpainting.stages.validation import trusting
from inpainting.stages.validation.trusting import TrustFit
from inpainting.video.masks import Hole

FILLS: tuple[Fill, ...] = ("flow_propagation", "temporal_median")
Sequence = tuple[View, Clip, Clip, Hole]
"""What the model was shown and made, the truth, and the hole."""


def sequence(seed: int) -> Sequence:
    """Two fills: one that is right in the left third of the hole, where it is not doubted, and wrong elsewhere, and one
    that is right in the middle third; the model's frames are a little wrong everywhere."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(60, 200, (3, 32, 48, 3), dtype=np.uint8)
    hole = np.zeros(truth.shape[:3], bool)
    hole[:, 8:24, 8:40] = True
    made = (truth + draw.normal(0, 25, truth.shape)).clip(0, 255).astype(np.uint8)

    def filled(first: int, end: int) -> Filled:
        right = np.zeros_like(hole)
        right[:, :, first:end] = True
        error = np.where(right[..., None], draw.normal(0, 5, truth.shape), draw.normal(0, 70, truth.shape))
        frames = np.where(hole[..., None], truth + error, truth).clip(0, 255).astype(np.uint8)
        return Filled(frames, np.where(hole & ~right, np.uint8(40), np.uint8(1) * hole))

    view = View({"flow_propagation": filled(8, 19), "temporal_median": filled(19, 30)}, hole)
    return view, made, truth, hole


def mean_psnr(clips: list[tuple[Clip, Clip, Hole]]) -> float:
    errors = [np.square(clip[hole].astype(float) - truth[hole]).mean() for clip, truth, hole in clips]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors]))


def kept(trust: FillTrust, sequences: list[Sequence]) -> float:
    return mean_psnr([(trust.keep(made, view.fills, hole), truth, hole) for view, made, truth, hole in sequences])


def test_the_trust_is_the_best_there_is_and_its_gain_is_what_it_brings() -> None:
    sequences = [sequence(seed) for seed in range(3)]
    fit = TrustFit(FILLS, 0)
    for number, (view, made, truth, hole) in enumerate(sequences):
        fit.add(f"{number}", view, made, truth, hole)
    found = fit.fit()
    assert found is not None
    trust, gain = found
    assert trust.slope < 0, "what is uncertain is kept less"
    made_alone = mean_psnr([(made, truth, hole) for _, made, truth, hole in sequences])
    fill_alone = mean_psnr([(view.shown.clip, truth, hole) for view, _, truth, hole in sequences])
    best = kept(trust, sequences)
    assert best > max(made_alone, fill_alone) + 2
    assert gain == pytest.approx(best - made_alone, abs=0.1)
    for factor in (0.7, 1.4):
        assert kept(trust.model_copy(update={"slope": factor * trust.slope}), sequences) < best + 0.01
        for name, bias in trust.biases.items():
            biases = trust.biases | {name: factor * bias}
            assert kept(trust.model_copy(update={"biases": biases}), sequences) < best + 0.01


def test_a_second_fill_that_is_right_elsewhere_is_worth_more_than_the_first_alone() -> None:
    gains = []
    for fills in (FILLS[:1], FILLS):
        fit = TrustFit(fills, 0)
        for seed in range(3):
            fit.add(f"{seed}", *sequence(seed))
        found = fit.fit()
        assert found is not None
        assert tuple(found[0].biases) == fills
        gains.append(found[1])
    assert gains[1] > gains[0] + 1


def test_the_gradient_is_that_of_the_loss() -> None:
    fit = TrustFit(FILLS, 0)
    fit.add("a", *sequence(0))
    numbers = np.array([-0.8, 2.0, 1.5])
    _, gradient = fit._loss(numbers)
    for place, step in enumerate(1e-5 * np.eye(3)):
        change = fit._loss(numbers + step)[0] - fit._loss(numbers - step)[0]
        assert gradient[place] == pytest.approx(change / 2e-5, rel=1e-4)


def test_of_a_large_hole_pixels_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusting, "PIXELS", 300)
    found = []
    for seed in (0, 0, 1):
        fit = TrustFit(FILLS, seed)
        fit.add("a", *sequence(0))
        assert len(fit.samples[0].model) == 300
        found.append(fit.fit())
    assert found[0] == found[1] != found[2]


def test_an_empty_hole_tells_nothing() -> None:
    fit = TrustFit(FILLS, 0)
    view, made, truth, hole = sequence(0)
    fit.add("a", view, made, truth, np.zeros_like(hole))
    assert fit.fit() is None
