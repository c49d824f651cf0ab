import math

import numpy as np
import pytest
from inpainting.metrics.by_region import REGION_COLUMNS, score_clip
from inpainting.metrics.psnr import psnr
from inpainting.metrics.regions import Regions, edge_band
from inpainting.metrics.ssim import ssim
from inpainting.video.clip import Frames
from inpainting.video.masks import Hole
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity


def noise(seed: int, frames: int = 3, height: int = 20, width: int = 26) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3)).astype(np.uint8)


def ramps(offset: int, frames: int = 3, height: int = 20, width: int = 26) -> Frames:
    time, row, column, channel = np.indices((frames, height, width, 3))
    return ((time * 9 + row * 5 + column * 3 + channel * 40 + offset) % 256).astype(np.uint8)


def hole_of(seed: int, frames: int = 3, height: int = 20, width: int = 26) -> Hole:
    return np.random.default_rng(seed).random((frames, height, width)) < 0.2


def square_hole() -> Hole:
    hole = np.zeros((3, 20, 26), np.bool_)
    hole[:, 6:12, 8:17] = True
    return hole


CASES = [
    pytest.param(noise(0), noise(1), hole_of(2), id="noise"),
    pytest.param(ramps(0), ramps(7), square_hole(), id="ramps"),
    pytest.param(ramps(0), noise(3), square_hole(), id="ramps against noise"),
]


@pytest.mark.parametrize(("output", "truth", "hole"), CASES)
def test_errors_in_the_hole_and_outside_agree_with_loops_over_pixels(output: Frames, truth: Frames, hole: Hole) -> None:
    table = score_clip(output, truth, Regions(hole))
    for frame in range(len(hole)):
        inside: list[int] = []
        outside: list[int] = []
        for row in range(hole.shape[1]):
            for column in range(hole.shape[2]):
                for channel in range(3):
                    error = int(output[frame, row, column, channel]) - int(truth[frame, row, column, channel])
                    (inside if hole[frame, row, column] else outside).append(error)
        scores = table.iloc[frame]
        assert scores["mask_pixels"] == len(inside) / 3
        assert scores["mse_mask"] == pytest.approx(sum(e * e for e in inside) / len(inside))
        assert scores["mae_mask"] == pytest.approx(sum(abs(e) for e in inside) / len(inside))
        assert scores["mse_outside"] == pytest.approx(sum(e * e for e in outside) / len(outside))


@pytest.mark.parametrize(("output", "truth", "hole"), CASES)
def test_whole_frame_scores_are_scikit_images(output: Frames, truth: Frames, hole: Hole) -> None:
    table = score_clip(output, truth, Regions(hole))
    for frame, scores in table.iterrows():
        pair = truth[int(str(frame))], output[int(str(frame))]
        assert scores["mse_frame"] == pytest.approx(mean_squared_error(*pair))
        assert scores["psnr_frame"] == pytest.approx(peak_signal_noise_ratio(*pair, data_range=255))
        assert scores["ssim_frame"] == pytest.approx(
            structural_similarity(*pair, channel_axis=-1, data_range=255), abs=1e-6
        )


@pytest.mark.parametrize(("output", "truth", "hole"), CASES)
def test_ssim_in_the_hole_agrees_with_loops_over_windows(output: Frames, truth: Frames, hole: Hole) -> None:
    inner = hole.copy()
    inner[:, :3] = inner[:, -3:] = False
    inner[:, :, :3] = inner[:, :, -3:] = False
    values = []
    for row, column in np.argwhere(inner[0]):
        for channel in range(3):
            window = np.s_[0, row - 3 : row + 4, column - 3 : column + 4, channel]
            a, b = output[window].astype(float), truth[window].astype(float)
            covariance = ((a - a.mean()) * (b - b.mean())).sum() / 48
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append(
                (2 * a.mean() * b.mean() + c1)
                * (2 * covariance + c2)
                / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (a.var(ddof=1) + b.var(ddof=1) + c2))
            )
    assert score_clip(output, truth, Regions(inner)).loc[0, "ssim_mask"] == pytest.approx(np.mean(values), abs=1e-6)


def test_the_table_has_a_row_per_frame_counted_from_one() -> None:
    table = score_clip(noise(0), noise(1), Regions(hole_of(2)))
    assert tuple(table.columns) == REGION_COLUMNS
    assert table["frame"].tolist() == [1, 2, 3]


def test_a_frame_without_a_hole_has_no_scores_in_mask_and_band() -> None:
    hole = square_hole()
    hole[1] = False
    scores = score_clip(noise(0), noise(1), Regions(hole)).iloc[1]
    assert scores["mask_pixels"] == scores["band_pixels"] == 0
    assert scores[["mse_mask", "psnr_mask", "ssim_mask", "mae_mask", "mse_band", "psnr_band"]].isna().all()
    assert scores["mse_outside"] == scores["mse_frame"]


def test_a_frame_that_is_all_hole_has_no_scores_outside_it() -> None:
    scores = score_clip(noise(0), noise(1), Regions(np.ones((3, 20, 26), np.bool_))).iloc[0]
    assert scores["mask_pixels"] == scores["frame_pixels"] == 20 * 26
    assert scores["mse_mask"] == scores["mse_frame"]
    assert scores[["mse_outside", "psnr_outside", "mse_band", "psnr_band"]].isna().all()


def test_identical_clips_have_no_error_infinite_psnr_and_an_ssim_of_one() -> None:
    table = score_clip(ramps(0), ramps(0), Regions(square_hole()))
    assert (table[["mse_mask", "mae_mask", "mse_band", "mse_outside", "mse_frame"]] == 0).all(axis=None)
    assert np.isposinf(table[["psnr_mask", "psnr_band", "psnr_outside", "psnr_frame"]]).all(axis=None)
    assert table[["ssim_mask", "ssim_frame"]].to_numpy() == pytest.approx(1.0)


def test_a_hole_of_one_pixel_is_scored_by_that_pixel() -> None:
    hole = np.zeros((1, 20, 26), np.bool_)
    hole[0, 5, 6] = True
    output, truth = noise(0, frames=1), noise(1, frames=1)
    error = output[0, 5, 6].astype(int) - truth[0, 5, 6].astype(int)
    scores = score_clip(output, truth, Regions(hole)).iloc[0]
    assert scores["mse_mask"] == pytest.approx((error**2).mean())
    assert scores["psnr_mask"] == pytest.approx(10 * math.log10(255**2 / (error**2).mean()))
    assert scores["ssim_mask"] == pytest.approx(ssim(output[0], truth[0])[1][5, 6])


def test_an_error_outside_the_hole_does_not_touch_the_scores_in_it() -> None:
    truth, hole = ramps(0), square_hole()
    output = np.where(hole[..., None], truth, 255 - truth)
    scores = score_clip(output, truth, Regions(hole)).iloc[0]
    assert scores["mse_mask"] == 0
    assert scores["mse_outside"] > 0
    assert scores["mse_band"] > 0


def test_the_band_is_symmetric_about_the_holes_edge_and_ignores_the_frames_border() -> None:
    hole = np.zeros((1, 20, 40), np.bool_)
    hole[:, :, :20] = True
    columns = np.flatnonzero(edge_band(hole, 3)[0].all(axis=0))
    assert columns.tolist() == list(range(17, 23))


def test_frames_smaller_than_the_ssim_window_are_compared_with_a_smaller_one() -> None:
    a, b = noise(0, height=6, width=5), noise(1, height=6, width=5)
    scores = score_clip(a, b, Regions(np.ones((3, 6, 5), np.bool_)))
    expected = structural_similarity(a[0], b[0], win_size=5, channel_axis=-1, data_range=255)
    assert scores.loc[0, "ssim_frame"] == pytest.approx(expected)


def test_frames_too_small_for_any_ssim_window_are_refused() -> None:
    with pytest.raises(ValueError, match="3 x 3"):
        ssim(noise(0, height=2)[0], noise(1, height=2)[0])


def test_clips_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        score_clip(noise(0), noise(1, frames=2), Regions(square_hole()))
    with pytest.raises(ValueError, match="uint8"):
        score_clip(noise(0).astype(np.float32), noise(1), Regions(square_hole()))


def test_psnr_is_infinite_without_error_and_unknown_without_a_region() -> None:
    values = psnr(np.array([0.0, 255.0**2, np.nan]))
    assert values[0] == np.inf
    assert values[1] == 0
    assert np.isnan(values[2])
