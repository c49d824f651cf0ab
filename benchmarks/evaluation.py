"""Speed of scoring: `PYTHONPATH=workflow .venv/bin/python benchmarks/evaluation.py [FRAMES]`.

Scores blurred clips of 640x480 in this process, and compares with the metrics' functions alone and with scikit-image's
SSIM. Also prints the time of each metric. FRAMES per clip is 9 by default.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import Reference
from inpainting.metrics.motion import motion_of
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import LOCAL
from inpainting.metrics.ssim import ssim
from inpainting.stages.evaluation.scoring import score_outputs
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import SequenceClip
from numpy.typing import NDArray
from rows import report, say, take_turns
from skimage.metrics import structural_similarity

WIDTH, HEIGHT = 640, 480
SETTINGS = EvaluateCommand(
    method="telea", dataset=Path(), manifest=Path(), split_file=Path(), out=Path("x.parquet"), mask_dilation=4
)


def clip_of(seed: int, frames: int) -> tuple[SequenceClip, NDArray[np.uint8]]:
    """A textured scene that pans under a moving mask, and the same blurred, which stands for an output."""
    rng = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH + 4 * frames, 3)).astype(np.uint8), (0, 0), 2)
    truth = np.stack([scene[:, 4 * i : 4 * i + WIDTH] for i in range(frames)])
    mask = np.zeros((frames, HEIGHT, WIDTH), np.uint8)
    for i in range(frames):
        cv2.circle(mask[i], (200 + 3 * i, 240), 100, 255, -1)
    output = np.stack([cv2.GaussianBlur(frame, (0, 0), 1) for frame in truth])
    shaded = np.where(mask[..., None] > 0, np.uint8(20), truth)
    return SequenceClip(str(seed), shaded, mask, truth), output


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a function call."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def kernels(frames: int) -> dict[str, float]:
    """Milliseconds per frame of each metric, and of scikit-image's SSIM."""
    clip, output = clip_of(0, frames)
    hole = masks.to_hole(clip.mask, SETTINGS)
    reference = Reference(clip.truth, Regions(hole, effect_region(clip.rgb, clip.truth, hole)))
    reference.cached(motion_of)
    work: dict[str, Callable[[], object]] = {
        **{metric.title: partial(metric.score, output, reference) for metric in LOCAL if metric.score},
        "the truth's flow, once": lambda: motion_of(clip.truth),
    }
    return {name: 1000 * seconds(job) / frames for name, job in work.items()}


def against_kernels(frames: int) -> list[float]:
    """Time of all scores of raw and composited output, divided by that of the metrics' functions and region maps."""
    clip, output = clip_of(0, frames)
    filled = masks.dilate(masks.to_hole(clip.mask, SETTINGS), SETTINGS.mask_dilation)
    outputs: dict[Output, NDArray[np.uint8]] = {
        "raw": output,
        "composited": masks.composite(output, clip.rgb, filled),
    }

    def alone() -> None:
        effect = effect_region(clip.rgb, clip.truth, filled)
        reference = Reference(clip.truth, Regions(masks.to_hole(clip.mask, SETTINGS), effect))
        for metric in LOCAL:
            for name in {"raw" if metric.composites_itself else name for name in metric.outputs}:
                if metric.score:
                    metric.score(outputs[name], reference)

    ours, kernels = take_turns(3, lambda: score_outputs(SETTINGS, clip, filled, outputs), alone)
    return [one / other for one, other in zip(ours, kernels, strict=True)]


def against_skimage(frames: int) -> list[float]:
    """Time of scikit-image's SSIM divided by that of ours."""
    clip, output = clip_of(0, frames)
    pairs = list(zip(output, clip.truth, strict=True))
    ours, theirs = take_turns(
        3,
        lambda: [ssim(one, other) for one, other in pairs],
        lambda: [structural_similarity(a, b, data_range=255, channel_axis=-1, full=True) for a, b in pairs],
    )
    return [other / one for one, other in zip(ours, theirs, strict=True)]


def main() -> None:
    """Measure and report."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    cv2.setNumThreads(1)
    for name, milliseconds in kernels(frames).items():
        say(f"{name:32} {milliseconds:8.1f} ms per frame")
    report("evaluation", against_kernels(frames), "CPU time of scoring both outputs / of the metrics' functions alone")
    report("SSIM", against_skimage(frames), "CPU time of scikit-image's SSIM / of ours")


if __name__ == "__main__":
    main()
