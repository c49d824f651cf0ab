"""VMAF, Netflix's model of perceived quality, computed by libvmaf in the ffmpeg binary of imageio-ffmpeg.

It scores the luminance of whole frames. The model was trained for 1080p television, so compare only clips of one size.
Z. Li et al.: Toward a practical perceptual video quality metric, Netflix Technology Blog, 2016; model vmaf_v0.6.1.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from inpainting.metrics.metric import PERCEPTION_HEADING, Metric, Reference, TableColumn
from inpainting.metrics.pooling import over_frames
from inpainting.video.clip import Frames

MIN_SIDE = 20
"""Smallest side in pixels that libvmaf scores."""


def vmaf(output: Frames, truth: Frames) -> NDArray[np.float64]:
    """VMAF of each frame: float64 [frames] in 0..100, NaN if a side is shorter than MIN_SIDE.

    output, truth: uint8 [frames, height, width, 3]. Raises OSError if ffmpeg fails.
    """
    frames, height, width, _ = output.shape
    if min(height, width) < MIN_SIDE:
        return np.full(frames, np.nan)
    # Both clips go through one pipe, stacked vertically: with two pipes ffmpeg can deadlock.
    halves = ";".join(
        f"[{name}]crop={width}:{height}:0:{top}:exact=1,format=yuv444p[{name}{name}]"
        for name, top in (("a", 0), ("b", height))
    )
    with tempfile.TemporaryDirectory() as folder:
        graph = f"split[a][b];{halves};[aa][bb]libvmaf=log_fmt=json:log_path=log.json:n_threads=1"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-f", "rawvideo"]
        command += ["-pix_fmt", "rgb24", "-s", f"{width}x{2 * height}", "-r", "25", "-i", "-", "-filter_threads", "1"]
        done = subprocess.run(
            [*command, "-lavfi", graph, "-f", "null", "-"],
            input=np.concatenate([output, truth], axis=1).tobytes(),
            capture_output=True,
            cwd=folder,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
            raise OSError(f"ffmpeg could not compute VMAF: {reason}")
        scores = json.loads((Path(folder) / "log.json").read_text(encoding="utf-8"))["frames"]
    return np.array([frame["metrics"]["vmaf"] for frame in scores])


def _score(output: Frames, reference: Reference) -> pd.DataFrame:
    return pd.DataFrame({"vmaf": vmaf(output, reference.truth)})


VMAF = Metric(
    name="vmaf",
    title="VMAF",
    columns=("vmaf",),
    score=_score,
    pooled={"vmaf": over_frames("vmaf")},
    shown=(
        TableColumn("vmaf", "raw", PERCEPTION_HEADING, "VMAF, raw", 1, "high"),
        TableColumn("vmaf", "composited", PERCEPTION_HEADING, "VMAF, composited", 1, "high"),
    ),
    notes=("VMAF: luminance of whole frames; compare it between methods, not between frame sizes.",),
    extra="perceived quality (VMAF)",
)
"""Perceived quality."""
