"""Propagation of known pixels into a hole along optical flow, without training.

After R. Xu, X. Li, B. Zhou, C. C. Loy: Deep Flow-Guided Video Inpainting, CVPR 2019, with classical methods in place of
the learned ones: dense inverse search for the flow (T. Kroeger et al., ECCV 2016), and smooth interpolation of the flow
under the hole.
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
"""float32 [height, width, 2]: displacement (x, y) in pixels of each pixel to the next (or previous) frame."""

Value = TypeVar("Value", np.uint8, np.float32)

MARGIN = 8
"""Pixels around a hole where the flow is replaced too: shadows and soft edges move with the object."""

ROW = 256
"""Points per row in a call of cv2.remap, which supports at most 32767."""

MIN_SIDE = 16
"""Smallest side in pixels for which flow is computed; smaller clips are treated as static."""


def flow_propagation(rgb: Frames, hole: Hole) -> Frames:
    """Propagate known pixels of earlier and later frames into the hole; fill pixels that no frame shows by Telea.

    rgb: uint8 [frames, height, width, 3]; hole: bool [frames, height, width].
    """
    propagated, unknown = propagate(masked_input(rgb, hole), hole)
    return telea(propagated, unknown)


def propagate(masked: Frames, hole: Hole) -> tuple[Frames, Hole]:
    """Fill the hole with pixels of earlier and later frames: (filled frames, remaining hole).

    masked: uint8 [frames, height, width, 3], whose hole pixels are ignored; hole: bool [frames, height, width]. Each
    hole pixel is tracked along the flow, forwards and backwards in time, to the first frame in which it is known. If
    both directions find a colour, the two are averaged with the inverse temporal distance as weight.
    """
    with_hole = np.concatenate([masked, 255 * hole[..., None].astype(np.uint8)], axis=3)
    flat = _without_hole(masked, hole)
    paths = {step: _flows(flat, hole, step) for step in (-1, 1)}
    filled, remaining = masked.copy(), hole.copy()
    for frame in range(len(hole)):
        rows, columns = np.nonzero(hole[frame])
        colour = np.zeros((len(rows), 3), np.float64)
        weight = np.zeros((len(rows), 1), np.float64)
        for step in (-1, 1):
            found, distance = _follow(with_hole, hole, paths[step], frame, step)
            near = np.where(distance > 0, 1.0 / np.maximum(distance, 1), 0.0)[:, None]
            colour += near * found
            weight += near
        known = weight[:, 0] > 0
        filled[frame, rows[known], columns[known]] = np.rint(colour[known] / weight[known])
        remaining[frame, rows[known], columns[known]] = False
    return filled, remaining


def _follow(
    with_hole: NDArray[np.uint8], hole: Hole, flows: list[Flow], frame: int, step: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Track a frame's hole pixels in one direction: (colours [pixels, 3], distances in frames [pixels], 0: not found).

    with_hole: uint8 [frames, height, width, 4], RGB and a channel that is 255 in the hole, so that one sampling yields
    both.
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
        sampled = _sample(with_hole[source], here)
        clear = sampled[:, 3] == 0
        colour[searching[clear]] = sampled[clear, :3]
        distance[searching[clear]] = abs(source - frame)
        searching = searching[~clear]
    return colour, distance


def _flows(flat: NDArray[np.uint8], hole: Hole, step: int) -> list[Flow]:
    """Flow from each frame to the frame `step` away, interpolated under the hole; zero if there is no such frame."""
    frames, height, width = flat.shape
    flows = [np.zeros((height, width, 2), np.float32) for _ in range(frames)]
    if min(height, width) < MIN_SIDE:
        return flows
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    unreliable = dilate(hole, MARGIN)
    for frame in range(frames):
        other = frame + step
        if 0 <= other < frames:
            flow = search.calc(flat[frame], flat[other], None)
            flows[frame] = complete(flow, ~(unreliable[frame] | unreliable[other]))
    return flows


def complete(flow: Flow, known: NDArray[np.bool_]) -> Flow:
    """Interpolate a flow smoothly where it is unknown; zero if nothing is known.

    flow: float32 [height, width, 2]; known: bool [height, width]. Pull-push: known values are averaged on successively
    coarser grids, and each grid fills the gaps of the finer one (S. J. Gortler et al., The Lumigraph, SIGGRAPH 1996).
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
    """Grey frames, uint8 [frames, height, width], with the hole inpainted, so that its outline does not affect flow."""
    return np.stack(
        [
            cv2.inpaint(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), frame_hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
            for frame, frame_hole in zip(masked, hole, strict=True)
        ]
    )


def _sample(image: NDArray[Value], place: NDArray[np.float32]) -> NDArray[Value]:
    """Sample an image [height, width, channels] bilinearly at points (x, y), to 1/32 pixel: [points, channels]."""
    if not len(place):
        return np.zeros((0, image.shape[2]), image.dtype)
    grid = np.zeros((-(-len(place) // ROW), ROW, 2), np.float32)
    grid.reshape(-1, 2)[: len(place)] = place
    values = cv2.remap(image, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, image.shape[2])[: len(place)]


FLOW_PROPAGATION = Baseline(
    "flow_propagation",
    flow_propagation,
    "known pixels propagated into the hole along optical flow",
    condition="flow_propagation",
)
