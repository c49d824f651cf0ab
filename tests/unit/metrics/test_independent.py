"""The metrics agree with independent implementations, on noise and on photographs in motion."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from inpainting.metrics.by_region import score_clip
from inpainting.metrics.propainter_compat import propainter_compat
from inpainting.metrics.regions import REGIONS, Regions, effect_region
from inpainting.metrics.ssim import ssim, ssim_of_large_windows
from inpainting.metrics.vmaf import vmaf
from inpainting.video.clip import Frames
from numpy.typing import NDArray
from skimage import data
from skimage.metrics import structural_similarity

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def photograph(frames: int = 4) -> tuple[Frames, Frames]:
    """A photograph that pans, and the same blurred and with noise."""
    image = data.astronaut()
    truth = np.stack([image[100:220, 120 + 4 * i : 280 + 4 * i] for i in range(frames)])
    noise = np.random.default_rng(0).normal(0, 6, truth.shape)
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.2) for frame in truth])
    return (blurred + noise).clip(0, 255).astype(np.uint8), truth


def noise(frames: int = 3) -> tuple[Frames, Frames]:
    output, truth = np.random.default_rng(1).integers(0, 256, (2, frames, 70, 90, 3)).astype(np.uint8)
    return output, truth


CLIPS = [pytest.param(photograph, id="photograph"), pytest.param(noise, id="noise")]
Make = Callable[[], tuple[Frames, Frames]]


@pytest.mark.parametrize("make", CLIPS)
def test_ssim_maps_and_values_are_scikit_images(make: Make) -> None:
    for output, truth in zip(*make(), strict=True):
        expected, full = structural_similarity(output, truth, channel_axis=-1, data_range=255, full=True)
        value, similarity = ssim(output, truth)
        assert value == pytest.approx(expected, abs=1e-6)
        assert np.abs(similarity - full.mean(axis=-1)).max() < 2e-4


@pytest.mark.parametrize("window", [7, 31, 65])
def test_ssim_of_large_windows_is_scikit_images(window: int) -> None:
    for output, truth in zip(*photograph(2), strict=True):
        expected = structural_similarity(output, truth, channel_axis=-1, data_range=255, win_size=window)
        assert ssim_of_large_windows(output, truth, window) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [((0, 3), (0, 2)), ((50, 70), (90, 120)), ((118, 120), (1, 160))])
def test_ssim_of_large_windows_agrees_with_scikit_image_in_equal_regions(
    rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    (output, *_), (truth, *_) = photograph(1)
    place = np.s_[slice(*rows), slice(*columns)]
    pasted = truth.copy()
    pasted[place] = output[place]
    expected = structural_similarity(pasted, truth, channel_axis=-1, data_range=255, win_size=31)
    assert ssim_of_large_windows(pasted, truth, 31) == pytest.approx(expected, abs=1e-9)
    assert ssim_of_large_windows(truth, truth, 31) == 1.0


@pytest.mark.parametrize("make", CLIPS)
def test_psnr_of_frames_is_what_ffmpeg_says(make: Make, tmp_path: Path) -> None:
    output, truth = make()
    files = write_raw(tmp_path, output, truth)
    command = [FFMPEG, "-hide_banner", *files, "-lavfi", "psnr=stats_file=psnr.log", "-f", "null", "-"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    errors = [float(error) for error in re.findall(r"mse_avg:(\S+)", (tmp_path / "psnr.log").read_text())]
    scores = score_clip(output, truth, Regions(np.ones(output.shape[:3], np.bool_)))
    assert scores["mse_frame"].to_numpy() == pytest.approx(errors, abs=0.006)
    assert scores["mse_mask"].to_numpy() == pytest.approx(scores["mse_frame"].to_numpy())


def test_vmaf_equals_ffmpegs_for_two_lossless_videos(tmp_path: Path) -> None:
    output, truth = photograph()
    graph = "[0]format=yuv444p[a];[1]format=yuv444p[b];[a][b]libvmaf=log_fmt=json:log_path=vmaf.json"
    command = [FFMPEG, "-hide_banner", *write_raw(tmp_path, output, truth), "-lavfi", graph, "-f", "null", "-"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    frames = json.loads((tmp_path / "vmaf.json").read_text())["frames"]
    assert vmaf(output, truth) == pytest.approx([frame["metrics"]["vmaf"] for frame in frames], abs=1e-6)
    assert vmaf(truth, truth).min() > 90 > vmaf(output, truth).max()


def test_frames_too_small_for_vmaf_have_no_score() -> None:
    clip = noise()[0][:, :19, :40]
    assert np.isnan(vmaf(clip, clip)).all()


def write_raw(folder: Path, *clips: Frames) -> list[str]:
    """Write clips as raw planar files; returns ffmpeg's options to read them."""
    options = []
    for number, clip in enumerate(clips):
        (folder / f"{number}.raw").write_bytes(clip[..., [1, 2, 0]].transpose(0, 3, 1, 2).tobytes())
        options += ["-f", "rawvideo", "-pix_fmt", "gbrp", "-s", f"{clip.shape[2]}x{clip.shape[1]}"]
        options += ["-r", "25", "-i", f"{number}.raw"]
    return options


@pytest.mark.parametrize("make", CLIPS)
def test_every_region_agrees_with_loops_over_pixels(make: Make) -> None:
    output, truth = (clip[:, :24, :30] for clip in make())
    rng = np.random.default_rng(2)
    hole, effect = rng.random((2, *output.shape[:3])) < np.array([0.2, 0.1])[:, None, None, None]
    scores = score_clip(output, truth, Regions(hole, effect)).iloc[1]
    band = near(hole[1]) & near(~hole[1])
    wanted = {"mask": hole[1], "band": band, "effect": effect[1], "outside": ~hole[1], "frame": np.ones_like(band)}
    full = structural_similarity(output[1], truth[1], channel_axis=-1, data_range=255, full=True)[1].mean(axis=-1)
    assert set(wanted) == set(REGIONS)
    for name, where in wanted.items():
        errors, similarities = [], []
        for row, column in np.argwhere(where):
            errors += [int(a) - int(b) for a, b in zip(output[1, row, column], truth[1, row, column], strict=True)]
            similarities.append(full[row, column])
        assert scores[f"{name}_pixels"] == where.sum()
        assert scores[f"mse_{name}"] == pytest.approx(np.square(errors).mean())
        assert scores[f"mae_{name}"] == pytest.approx(np.abs(errors).mean())
        if name != "frame":
            assert scores[f"ssim_{name}"] == pytest.approx(np.mean(similarities), abs=1e-5)


def near(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels within 3 of one in the hole, by the disc that OpenCV draws."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)).astype(bool)
    places = np.argwhere(disc) - 3
    result = np.zeros_like(hole)
    for row, column in np.argwhere(hole):
        for down, across in places:
            if 0 <= row + down < hole.shape[0] and 0 <= column + across < hole.shape[1]:
                result[row + down, column + across] = True
    return result


def test_the_effect_region_is_where_input_and_truth_differ_outside_the_hole() -> None:
    truth = np.full((1, 4, 4, 3), 100, np.uint8)
    rgb = truth.copy()
    rgb[0, 0, 0] = (100, 100, 131)
    rgb[0, 0, 1] = (100, 100, 130)
    rgb[0, 2, 2] = 0
    rgb[0, 3, 3] = 50
    hole = np.zeros((1, 4, 4), np.bool_)
    hole[0, 2, 2] = True
    assert np.argwhere(effect_region(rgb, truth, hole)[0]).tolist() == [[0, 0], [3, 3]]


def test_propainter_compat_is_what_its_published_steps_give() -> None:
    output, truth = photograph(2)
    hole = np.zeros(output.shape[:3], np.bool_)
    hole[:, 30:80, 50:100] = True
    scores = propainter_compat(output, truth, hole)
    for frame in range(2):
        small_output, small_truth = (cv2.resize(clip[frame], (432, 240)).astype(np.float64) for clip in (output, truth))
        mask = cv2.resize(hole[frame].astype(np.uint8), (432, 240), interpolation=cv2.INTER_NEAREST)
        for _ in range(4):
            mask = cv2.dilate(mask, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8))
        pasted = np.where(mask[..., None] > 0, small_output, small_truth)
        psnr = 20 * np.log10(255 / np.sqrt(np.mean((pasted - small_truth) ** 2)))
        expected = structural_similarity(small_truth, pasted, data_range=255, channel_axis=-1, win_size=65)
        assert scores["propainter_psnr"][frame] == pytest.approx(psnr)
        assert scores["propainter_ssim"][frame] == pytest.approx(expected, abs=1e-9)
