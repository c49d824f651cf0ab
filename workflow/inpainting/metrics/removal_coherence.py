"""RC-S and RC-T: whether the fill looks like its surroundings, and like itself a frame later; they need no truth.

F. Li et al.: PROVE, a perceptual removal coherence benchmark for visual media, ACM Multimedia 2026 (arXiv 2605.14534);
constants and order of computation as in its repository, xiaomi-research/prove. Needs the weights of DINOv2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.core.batches import batched
from inpainting.metrics.crop import square_around
from inpainting.metrics.metric import Metric, Reference, TableColumn
from inpainting.metrics.perceptual import BATCH, NETWORKS_HEADING
from inpainting.metrics.pooling import over_frames
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole

if TYPE_CHECKING:  # imported where it is used, since the registry is read by all steps
    from torch import Tensor

    from inpainting.metrics.networks import Networks

SIDE = 448
"""Side in pixels that a square is scaled to for DINOv2."""

WINDOWS, STRIDES = 4, 8
"""A window's side is a fourth of the square's, and the windows are an eighth of it apart."""

MIN_TOKENS = 5
"""RC-S compares more tokens than this, RC-T at least as many."""

MIN_AREA = 200
"""Parts of the hole of fewer pixels have no RC-S of their own, unless all are smaller."""

BANDWIDTH = 10.0
"""Of the Gaussian kernel; features have length 1."""

SCALE, TEMPERATURE = 1000.0, 3.0
"""MMD is multiplied by SCALE; RC-S is exp(-MMD / TEMPERATURE)."""

COHERENCE_COLUMNS = ("rc_s", "rc_t")
"""Columns of `score_coherence`."""


def score_coherence(output: Frames, reference: Reference) -> pd.DataFrame:
    """A row per frame with the columns COHERENCE_COLUMNS; output: uint8 [frames, height, width, 3].

    rc_s: 0..1, the mean over the parts of the hole. rc_t: 0 or more, of a frame and the one before it. NaN for a frame
    without a hole, or if no window holds enough of it.
    """
    assert reference.networks is not None
    holes = reference.regions.mask
    return pd.DataFrame(
        {"rc_s": rc_s(reference.networks, output, holes), "rc_t": rc_t(reference.networks, output, holes)}
    )


def rc_s(networks: Networks, output: Frames, holes: Hole) -> NDArray[np.float64]:
    """RC-S of each frame: float64 [frames].

    output: uint8 [frames, height, width, 3]; holes: bool [frames, height, width]. In each window on the square around
    a part of the hole, the tokens of the hole are compared with the others; in a window that is all hole, with all
    known tokens of the square.
    """
    squares = [(frame, square_around(part)) for frame, hole in enumerate(holes) for part in parts(hole)]
    scores: list[list[float]] = [[] for _ in output]
    for batch in batched(squares, BATCH):
        embedded = embed(networks, [output[frame][square] for frame, square in batch])
        for (frame, square), tokens in zip(batch, embedded, strict=True):
            hole = token_mask(holes[frame][square], math.isqrt(len(tokens))).to(tokens)
            made, known = (windows(tokens) * where for where in (hole, 1 - hole))
            surrounded = known.sum(dim=1) == 0
            known[surrounded] = 1 - hole
            outside = known.sum(dim=1)
            enough = (made.sum(dim=1) > MIN_TOKENS) & ((outside > MIN_TOKENS) | (surrounded & (outside > 0)))
            if enough.any():
                kernel = gaussian(tokens, tokens)
                distance = mmd(kernel, kernel, kernel, made[enough], known[enough])
                scores[frame].append(math.exp(-max(0.0, distance) / TEMPERATURE))
    return np.array([np.mean(parts) if parts else np.nan for parts in scores])


def rc_t(networks: Networks, output: Frames, holes: Hole) -> NDArray[np.float64]:
    """RC-T of each frame and the one before it: float64 [frames], of which the first is NaN; arguments as of `rc_s`.

    In each window on the square around both holes, the tokens that are hole in both frames are compared.
    """
    scores = np.full(len(output), np.nan)
    pairs = [(n, square) for n in range(1, len(output)) if (square := square_around(holes[n - 1] | holes[n]))]
    for batch in batched(pairs, BATCH // 2):
        crops = [output[frame + step][square] for step in (-1, 0) for frame, square in batch]
        before, after = embed(networks, crops).chunk(2)
        for (frame, square), a, b in zip(batch, before, after, strict=True):
            shared = [token_mask(holes[frame + step][square], math.isqrt(len(a))).to(a) for step in (-1, 0)]
            inside = windows(a) * shared[0] * shared[1]
            enough = inside[inside.sum(dim=1) >= MIN_TOKENS]
            if len(enough):
                scores[frame] = mmd(gaussian(a, a), gaussian(b, b), gaussian(a, b), enough, enough)
    return scores


def parts(hole: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The connected parts of a hole, bool [height, width] each, of MIN_AREA pixels or more; the largest if none has."""
    count, labels, measures, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8), connectivity=4)
    areas = measures[1:, cv2.CC_STAT_AREA]
    least = min(MIN_AREA, areas.max(initial=0))
    return [labels == label for label in range(1, count) if areas[label - 1] >= least]


def embed(networks: Networks, crops: list[NDArray[np.uint8]]) -> Tensor:
    """DINOv2's patch tokens of squares, uint8 [side, side, 3], with a length of 1: float64 [batch, tokens, width]."""
    import torch

    images = np.stack([cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for crop in crops])
    with torch.inference_mode():
        tokens = networks.dinov2(pixel_values=networks.images(images)).last_hidden_state[:, 1:]
        return torch.nn.functional.normalize(tokens.double(), dim=2)


def token_mask(hole: NDArray[np.bool_], grid: int) -> Tensor:
    """Which tokens of a square, bool [side, side], contain a hole's pixel: bool [grid * grid]."""
    import torch

    scaled = cv2.resize(hole.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    patch = SIDE // grid
    return torch.from_numpy(scaled).view(grid, patch, grid, patch).amax(dim=(1, 3)).flatten() > 0


def windows(tokens: Tensor) -> Tensor:
    """The sliding windows on a square's tokens, [tokens, width]: 1 where a token is in a window, [windows, tokens]."""
    import torch

    count = len(tokens)
    grid = math.isqrt(count)
    numbers = torch.arange(count, device=tokens.device).view(grid, grid)
    side, stride = (max(1, grid // part) for part in (WINDOWS, STRIDES))
    places = numbers.unfold(0, side, stride).unfold(1, side, stride).reshape(-1, side * side)
    return tokens.new_zeros(len(places), count).scatter_(1, places, 1.0)


def gaussian(a: Tensor, b: Tensor) -> Tensor:
    """Gaussian kernel of all pairs of tokens of length 1, [tokens, width]: [tokens of a, tokens of b]."""
    return ((a @ b.T - 1) / BANDWIDTH**2).exp()


def mmd(kernel_a: Tensor, kernel_b: Tensor, kernel_ab: Tensor, a: Tensor, b: Tensor) -> float:
    """SCALE times the mean over windows of the squared maximum mean discrepancy (biased) of two sets of tokens.

    kernel_a, kernel_b, kernel_ab: kernels of the tokens that the sets are of, [tokens, tokens]; a, b: 1 where a token
    is in the set, [windows, tokens].
    """

    def mean(kernel: Tensor, left: Tensor, right: Tensor) -> Tensor:
        return ((left @ kernel) * right).sum(dim=1) / (left.sum(dim=1) * right.sum(dim=1))

    return SCALE * float((mean(kernel_a, a, a) + mean(kernel_b, b, b) - 2 * mean(kernel_ab, a, b)).mean())


REMOVAL_COHERENCE = Metric(
    name="removal_coherence",
    title="RC-S and RC-T",
    columns=COHERENCE_COLUMNS,
    score=score_coherence,
    pooled={name: over_frames(name) for name in COHERENCE_COLUMNS},
    shown=(
        TableColumn("rc_s", "raw", NETWORKS_HEADING, "RC-S, raw", 3, "high"),
        TableColumn("rc_t", "raw", NETWORKS_HEADING, "RC-T, raw", 3, "low"),
        TableColumn("rc_s", "composited", NETWORKS_HEADING, "RC-S, composited", 3, "high"),
        TableColumn("rc_t", "composited", NETWORKS_HEADING, "RC-T, composited", 3, "low"),
    ),
    notes=(
        "RC-S: how alike DINOv2's features of the fill and of its surroundings are; RC-T: how much those of the fill "
        "change from frame to frame (PROVE, arXiv 2605.14534). Neither knows the truth. Compare them only between "
        "scores of the same DINOv2; PROVE's are of the giant one, on frames of 1080 lines.",
    ),
    weights=("dinov2_weights",),
)
"""Coherence of the fill in space and in time."""
