"""LPIPS and DISTS: differences between features of a network, which agree with people better than those of pixels.

Both need the weights of VGG16 and their own (see `metrics.settings`). They are computed from the square around the hole
(`crop.square_around`), scaled to SIDE, and LPIPS also from whole frames, as publications do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.batches import batched
from inpainting.metrics.crop import square_around
from inpainting.metrics.metric import Metric, Reference, TableColumn
from inpainting.metrics.pooling import over_frames
from inpainting.video.clip import Frames

if TYPE_CHECKING:  # imported where it is used, since the registry is read by all steps
    from torch import Tensor

    from inpainting.metrics.networks import Networks

BATCH = 8
"""Images that a network computes at a time."""

SIDE = 256
"""Side in pixels that the square around the hole is scaled to."""

NETWORKS_HEADING = "Perceived quality, by networks"
"""Heading of the table of the metrics that need weights."""

STABILIZER = 1e-6
"""DISTS' constants c1 and c2, which stabilise the quotients of flat channels."""

MIN_SIDE = 16
"""Smallest side in pixels of frames for LPIPS: VGG16 halves it four times."""

ImagePair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Output and truth, uint8 [height, width, 3] each."""

Distance = Callable[["Networks", NDArray[np.uint8], NDArray[np.uint8]], "Tensor"]
"""Function of output and truth, uint8 [batch, height, width, 3], to [batch]."""


def lpips(networks: Networks, output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Tensor:
    """LPIPS of images, uint8 [batch, height, width, 3]: [batch], 0 for equal images.

    R. Zhang et al.: The unreasonable effectiveness of deep features as a perceptual metric, CVPR 2018: features of each
    stage of VGG16, normalised over the channels; their squared differences, weighted by channel and summed; the mean
    over the pixels; the sum over the stages. Version 0.1.
    """
    import torch
    from torch.nn.functional import normalize

    vgg16, total = networks.vgg16_of_lpips, torch.zeros(len(output), device=networks.device)
    pairs = zip(*(vgg16.stages(networks.images(images)) for images in (output, truth)), strict=True)
    for (made, real), weight in zip(pairs, networks.lpips_weights, strict=True):
        difference = (normalize(made, dim=1, eps=1e-10) - normalize(real, dim=1, eps=1e-10)).square()
        total += torch.einsum("bchw,c->bhw", difference, weight).mean(dim=(1, 2))
    return total


def dists(networks: Networks, output: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Tensor:
    """DISTS of images, uint8 [batch, height, width, 3]: [batch], 0 for equal images.

    K. Ding, K. Ma, S. Wang, E. P. Simoncelli: Image quality assessment: unifying structure and texture similarity, IEEE
    TPAMI 44(5), 2022: 1 minus the weighted mean, over the channels of the image and of each stage of VGG16, of the
    similarity of the means (texture) and of the covariance (structure).
    """
    import torch

    alphas, betas = networks.dists_weights
    similarity = torch.zeros(len(output), device=networks.device)
    features = []
    for images in (output, truth):
        colours = torch.from_numpy(images).to(networks.device).movedim(-1, 1).float() / 255
        features.append([colours, *networks.vgg16_of_dists.stages(networks.images(images))])
    for made, real, alpha, beta in zip(*features, alphas, betas, strict=True):
        a, b = (stage.flatten(2) for stage in (made, real))
        mean_a, mean_b = (stage.mean(dim=2) for stage in (a, b))
        variances = a.var(dim=2, correction=0) + b.var(dim=2, correction=0)
        covariance = ((a - mean_a[..., None]) * (b - mean_b[..., None])).mean(dim=2)
        texture = (2 * mean_a * mean_b + STABILIZER) / (mean_a.square() + mean_b.square() + STABILIZER)
        structure = (2 * covariance + STABILIZER) / (variances + STABILIZER)
        similarity += texture @ alpha + structure @ beta
    return 1 - similarity / sum(weight.sum() for weight in (*alphas, *betas))


def score_lpips(output: Frames, reference: Reference) -> pd.DataFrame:
    """A row per frame with the columns lpips_mask and lpips_frame; output: uint8 [frames, height, width, 3].

    lpips_mask: of the square around the hole, NaN for a frame without one; lpips_frame: of the frame at its own size,
    NaN if a side is below MIN_SIDE.
    """
    assert reference.networks is not None
    whole = dict(enumerate(zip(output, reference.truth, strict=True))) if min(output.shape[1:3]) >= MIN_SIDE else {}
    scores = {
        "lpips_mask": _distances(reference.networks, lpips, _crops(output, reference)),
        "lpips_frame": _distances(reference.networks, lpips, whole),
    }
    return pd.DataFrame(scores, index=range(len(output)), dtype=float)


def score_dists(output: Frames, reference: Reference) -> pd.DataFrame:
    """A row per frame with the column dists_mask, as lpips_mask of `score_lpips`."""
    assert reference.networks is not None
    scores = {"dists_mask": _distances(reference.networks, dists, _crops(output, reference))}
    return pd.DataFrame(scores, index=range(len(output)), dtype=float)


def _crops(output: Frames, reference: Reference) -> dict[int, ImagePair]:
    """The square around the hole, by frame, without frames that have none."""
    squares = {frame: square_around(hole) for frame, hole in enumerate(reference.regions.mask)}
    return {
        frame: (_scaled(output[frame][square]), _scaled(reference.truth[frame][square]))
        for frame, square in squares.items()
        if square
    }


def _scaled(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square image at SIDE x SIDE."""
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _distances(networks: Networks, distance: Distance, pairs: dict[int, ImagePair]) -> pd.Series:
    """The distance of each pair, by frame; the images of all pairs have one size."""
    import torch

    values: list[float] = []
    with torch.inference_mode():
        for batch in batched(pairs.values(), BATCH):
            output, truth = (np.stack(images) for images in zip(*batch, strict=True))
            values += distance(networks, output, truth).tolist()
    return pd.Series(values, index=list(pairs), dtype=float)


LPIPS = Metric(
    name="lpips",
    title="LPIPS",
    columns=("lpips_mask", "lpips_frame"),
    score=score_lpips,
    pooled={name: over_frames(name) for name in ("lpips_mask", "lpips_frame")},
    shown=(
        TableColumn("lpips_mask", "raw", NETWORKS_HEADING, "LPIPS around the hole, raw", 3, "low"),
        TableColumn("lpips_frame", "composited", NETWORKS_HEADING, "LPIPS of frame, composited", 3, "low"),
    ),
    notes=(
        f"LPIPS (VGG16) around the hole: of the square around it, scaled to {SIDE} x {SIDE}; of frame: of whole "
        "frames, which follows the mask's size.",
    ),
    weights=("vgg16_weights", "lpips_weights"),
)
"""Differences between features of VGG16."""

DISTS = Metric(
    name="dists",
    title="DISTS",
    columns=("dists_mask",),
    score=score_dists,
    pooled={"dists_mask": over_frames("dists_mask")},
    shown=(TableColumn("dists_mask", "raw", NETWORKS_HEADING, "DISTS around the hole, raw", 3, "low"),),
    notes=(f"DISTS around the hole: of the square around it, scaled to {SIDE} x {SIDE}; it forgives moved texture.",),
    weights=("vgg16_weights", "dists_weights"),
)
"""Similarity of features of VGG16 in structure and in texture."""
