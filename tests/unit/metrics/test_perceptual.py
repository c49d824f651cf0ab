"""LPIPS and DISTS are what their papers' formulas give, computed here by plain loops from the weights' files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from inpainting.core.errors import InputError
from inpainting.metrics.metric import Reference
from inpainting.metrics.networks import Networks
from inpainting.metrics.perceptual import dists, lpips, score_dists, score_lpips
from inpainting.metrics.regions import Regions
from inpainting.metrics.settings import WeightsSettings
from inpainting.video.clip import Frames
from network_weights import CHANNELS, VGG16
from numpy.typing import NDArray
from torch.nn.functional import conv2d, max_pool2d


@pytest.fixture
def pair() -> tuple[Frames, Frames]:
    """Two unlike clips, uint8 [2, 48, 64, 3]."""
    rng = np.random.default_rng(0)
    output, truth = (rng.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8) for _ in range(2))
    return output, truth


def stages(networks: Networks, image: NDArray[np.uint8], hann: bool) -> list[NDArray[np.float64]]:
    """The activations after the last ReLU of each stage: [channels, height, width], by torchvision's numbers."""
    state = torch.load(networks.paths["vgg16_weights"], weights_only=True)
    colours = torch.from_numpy(image).permute(2, 0, 1)[None].double() / 255
    values = (colours - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    found = []
    for number in VGG16:
        if number in (5, 10, 17, 24):
            found.append(values[0].numpy())
            values = hann_pooled(values) if hann else max_pool2d(values, 2)
        weight, bias = (state[f"features.{number}.{part}"].double() for part in ("weight", "bias"))
        values = conv2d(values, weight, bias, padding=1).clamp(min=0)
    return [*found, values[0].numpy()]


def hann_pooled(values: torch.Tensor) -> torch.Tensor:
    """The root of the mean of the squares under np.hanning's window, at every second pixel."""
    window = np.outer(np.hanning(5), np.hanning(5))[1:-1, 1:-1]
    padded = torch.nn.functional.pad(values.square(), (1, 1, 1, 1))
    rows, columns = ((extent + 1) // 2 * 2 for extent in values.shape[2:])
    total = sum(
        window[y, x] * padded[:, :, y : y + rows : 2, x : x + columns : 2][:, :, : rows // 2, : columns // 2]
        for y in range(3)
        for x in range(3)
    )
    return (torch.as_tensor(total) / window.sum() + 1e-12).sqrt()


def test_lpips_is_the_weighted_distance_of_normalised_features(networks: Networks, pair: tuple[Frames, Frames]) -> None:
    weights = torch.load(networks.paths["lpips_weights"], weights_only=True)
    expected = 0.0
    for number, features in enumerate(zip(*(stages(networks, images[1], hann=False) for images in pair), strict=True)):
        a, b = (values / np.linalg.norm(values, axis=0, keepdims=True) for values in features)
        weight = weights[f"lin{number}.model.1.weight"].flatten().double().numpy()
        expected += float(((a - b) ** 2 * weight[:, None, None]).sum(axis=0).mean())
    with torch.inference_mode():
        assert lpips(networks, *pair)[1].item() == pytest.approx(expected, rel=1e-4)
        assert lpips(networks, pair[0], pair[0]).tolist() == [0, 0]


def test_dists_is_one_minus_the_weighted_similarity_of_structure_and_texture(
    networks: Networks, pair: tuple[Frames, Frames]
) -> None:
    state = torch.load(networks.paths["dists_weights"], weights_only=True)
    alpha, beta = (state[name].flatten().double().numpy() for name in ("alpha", "beta"))
    similarity, channel = 0.0, 0
    both = [[images[0].transpose(2, 0, 1) / 255, *stages(networks, images[0], hann=True)] for images in pair]
    for stage in zip(*both, strict=True):
        for a, b in zip(*stage, strict=True):
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            texture = (2 * a.mean() * b.mean() + 1e-6) / (a.mean() ** 2 + b.mean() ** 2 + 1e-6)
            structure = (2 * covariance + 1e-6) / (a.var() + b.var() + 1e-6)
            similarity += alpha[channel] * texture + beta[channel] * structure
            channel += 1
    assert channel == 3 + sum(CHANNELS)
    with torch.inference_mode():
        found = dists(networks, *pair)
        assert found[0].item() == pytest.approx(1 - similarity / (alpha.sum() + beta.sum()), abs=1e-5)
        assert dists(networks, pair[0], pair[0]).tolist() == pytest.approx([0, 0], abs=1e-6)


def test_only_the_square_around_the_hole_counts_but_for_the_frames_score(
    networks: Networks, pair: tuple[Frames, Frames]
) -> None:
    output, truth = pair[0].copy(), pair[0]
    output[:, :, 40:] = pair[1][:, :, 40:]
    hole = np.zeros(truth.shape[:3], np.bool_)
    hole[0, 16:28, 10:22] = True
    reference = Reference(truth, Regions(hole), networks)
    scores = score_lpips(output, reference)
    assert scores["lpips_mask"][0] == 0
    assert np.isnan(scores["lpips_mask"][1]), "it has no hole"
    assert (scores["lpips_frame"] > 0.01).all()
    assert score_dists(output, reference)["dists_mask"][0] == pytest.approx(0, abs=1e-6)
    low = Reference(truth[:, :15], Regions(hole[:, :15]), networks)
    assert score_lpips(output[:, :15], low)["lpips_frame"].isna().all()


def test_weights_of_another_network_are_refused(networks: Networks, pair: tuple[Frames, Frames]) -> None:
    wrong = networks.paths["dists_weights"]
    swapped = Networks(WeightsSettings(vgg16_weights=wrong, lpips_weights=wrong), networks.device)
    with pytest.raises(InputError, match=r"dists.pt: features.0.weight should have the shape \(64, 3, 3, 3\)"):
        lpips(swapped, *pair)


@pytest.mark.parametrize(
    ("beta", "sentence"),
    [
        ("no tensor", r"beta should have the shape \(1, 1475, 1, 1\), found no tensor; see --help of --dists-weights"),
        (torch.full((1, 1475, 1, 1), torch.nan), "beta holds NaN or infinity"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, beta: object, sentence: str) -> None:
    path = tmp_path / "dists.pt"
    torch.save({"alpha": torch.ones(1, 1475, 1, 1), "beta": beta}, path)
    with pytest.raises(InputError, match=sentence):
        _ = Networks(WeightsSettings(dists_weights=path), torch.device("cpu")).dists_weights
