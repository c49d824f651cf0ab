"""Carrying known pixels into a hole along optical flow, without any training.

In the manner of R. Xu, X. Li, B. Zhou, C. C. Loy: Deep Flow-Guided Video Inpainting, CVPR 2019, with classical parts in
place of learned ones: dense inverse search for the flow (T. Kroeger et al., ECCV 2016), and its values under the hole
completed smoothly from the known ones around it.
"""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainting.baselines.baseline import Baseline
from inpainting.baselines.per_frame import masked_input, telea
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole, dilate

Flow = NDArray[np.float32]
"""float32 [height, width, 2]: the way in pixels (x, y) from a pixel to where it is in the next frame of a direction."""

Value = TypeVar("Value", np.uint8, np.float32)

MARGIN = 8
"""Pixels round a hole in which the flow is not trusted either; shadows and soft edges move with the object."""

ROW = 256
"""Places that are sampled side by side; OpenCV takes no more than 32767 in a row."""

MIN_SIDE = 16
"""Sides in pixels below which no flow can be found: such clips are taken to stand still."""


def flow_propagation(rgb: Frames, hole: Hole) -> Frames:
    """Known pixels carried into the hole along optical flow, from before and after; what no frame shows, by Telea."""
    carried, unknown = propagate(masked_input(rgb, hole), hole)
    return telea(carried, unknown)


def propagate(masked: Frames, hole: Hole) -> tuple[Frames, Hole]:
    """Fill the hole with what earlier and later frames show there: (clip, hole that remains).

    masked: uint8 [frames, height, width, 3] whose hole holds nothing of use; hole: bool [frames, height, width].
    From each hole pixel a path follows the flow, frame by frame in both directions of time, to the first frame in which
    it is known. Two findings are averaged with the inverse of their distance in time as weight.
    """
    seen = np.concatenate([masked, 255 * hole[..., None].astype(np.uint8)], axis=3)
    flat = _without_hole(masked, hole)
    paths = {step: _flows(flat, hole, step) for step in (-1, 1)}
    filled, remaining = masked.copy(), hole.copy()
    for frame in range(len(hole)):
        rows, columns = np.nonzero(hole[frame])
        colour = np.zeros((len(rows), 3), np.float64)
        weight = np.zeros((len(rows), 1), np.float64)
        for step in (-1, 1):
            found, distance = _follow(seen, hole, paths[step], frame, step)
            near = np.where(distance > 0, 1.0 / np.maximum(distance, 1), 0.0)[:, None]
            colour += near * found
            weight += near
        known = weight[:, 0] > 0
        filled[frame, rows[known], columns[known]] = np.rint(colour[known] / weight[known])
        remaining[frame, rows[known], columns[known]] = False
    return filled, remaining


def _follow(
    seen: Frames, hole: Hole, flows: list[Flow], frame: int, step: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Follow a frame's hole pixels in one direction: (colours [pixels, 3], frames passed [pixels], 0 for not found).

    seen: uint8 [frames, height, width, 4], colours and, last, 255 in the hole: one sampling tells both.
    """
    height, width = hole.shape[1:]
    rows, columns = np.nonzero(hole[frame])
    place = np.stack([columns, rows], axis=1).astype(np.float32)
    colour = np.zeros((len(rows), 3), np.uint8)
    distance = np.zeros(len(rows), np.int64)
    searching = np.arange(len(rows))
    source = frame
    while len(searching) and 0 <= source + step < len(hole):
        here = place[searching]
        here += _sample(flows[source], here)
        source += step
        within = ((here >= 0) & (here <= (width - 1, height - 1))).all(axis=1)
        searching, here = searching[within], here[within]
        place[searching] = here
        sampled = _sample(seen[source], here)
        clear = sampled[:, 3] == 0
        colour[searching[clear]] = sampled[clear, :3]
        distance[searching[clear]] = abs(source - frame)
        searching = searching[~clear]
    return colour, distance


def _flows(flat: NDArray[np.uint8], hole: Hole, step: int) -> list[Flow]:
    """For each frame the flow to the frame `step` away, completed under the hole; zero where there is no such frame."""
    frames, height, width = flat.shape
    flows = [np.zeros((height, width, 2), np.float32) for _ in range(frames)]
    if min(height, width) < MIN_SIDE:
        return flows
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    doubtful = dilate(hole, MARGIN)
    for frame in range(frames):
        other = frame + step
        if 0 <= other < frames:
            flow = search.calc(flat[frame], flat[other], None)
            flows[frame] = complete(flow, ~(doubtful[frame] | doubtful[other]))
    return flows


def complete(flow: Flow, known: NDArray[np.bool_]) -> Flow:
    """Fill a flow where it is not known with a smooth continuation of the known values; zero if nothing is known.

    flow: float32 [height, width, 2]; known: bool [height, width]. Averages of known values on ever coarser grids, each
    grid filling what the finer one could not (pull-push: S. J. Gortler et al., The Lumigraph, SIGGRAPH 1996).
    """
    weight = known.astype(np.float32)
    if min(flow.shape[:2]) < 2 or known.all() or not known.any():
        mean = flow[known].mean(axis=0) if known.any() else np.zeros(2, np.float32)
        return np.where(known[..., None], flow, mean).astype(np.float32)
    height, width = known.shape
    share = cv2.pyrDown(weight)
    total = cv2.pyrDown(flow * weight[..., None])
    coarse = complete(total / np.maximum(share, 1e-6)[..., None], share > 0.05)
    return np.where(known[..., None], flow, cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR))


def _without_hole(masked: Frames, hole: Hole) -> NDArray[np.uint8]:
    """Grey frames, uint8 [frames, height, width], with the hole filled from its edge so that it has no outline."""
    return np.stack(
        [
            cv2.inpaint(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), frame_hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
            for frame, frame_hole in zip(masked, hole, strict=True)
        ]
    )


def _sample(image: NDArray[Value], place: NDArray[np.float32]) -> NDArray[Value]:
    """Bilinear values of an image [height, width, channels] at places (x, y), to 1/32 pixel: [places, channels]."""
    if not len(place):
        return np.zeros((0, image.shape[2]), image.dtype)
    grid = np.zeros((-(-len(place) // ROW), ROW, 2), np.float32)
    grid.reshape(-1, 2)[: len(place)] = place
    values = cv2.remap(image, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, image.shape[2])[: len(place)]


FLOW_PROPAGATION = Baseline(
    "flow_propagation",
    flow_propagation,
    "known pixels carried into the hole along optical flow",
    condition="flow_propagation",
)
