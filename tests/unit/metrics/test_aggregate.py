import math

import numpy as np
import pandas as pd
import pytest
from inpainting.metrics.aggregate import mean_interval, paired_interval, per_sequence
from inpainting.metrics.by_region import score_clip
from inpainting.metrics.psnr import PSNR_CEILING
from inpainting.metrics.regions import Regions


def scored(seed: int, sequence: str, mask_share: tuple[float, ...] = (0.1, 0.5, 0.3)) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    output, truth = rng.integers(0, 256, (2, len(mask_share), 12, 14, 3)).astype(np.uint8)
    hole = rng.random((len(mask_share), 12, 14)) < np.array(mask_share)[:, None, None]
    return score_clip(output, truth, Regions(hole)).assign(method="noise", sequence=sequence, output="raw")


def test_a_sequences_psnr_comes_from_the_error_pooled_over_all_its_mask_pixels() -> None:
    rng = np.random.default_rng(0)
    output, truth = rng.integers(0, 256, (2, 3, 12, 14, 3)).astype(np.uint8)
    hole = rng.random((3, 12, 14)) < np.array([0.1, 0.9, 0.4])[:, None, None]
    frames = score_clip(output, truth, Regions(hole)).assign(sequence="a")
    result = per_sequence(frames, keys=("sequence",)).iloc[0]
    error = output[hole].astype(float) - truth[hole].astype(float)
    known = output[~hole].astype(float) - truth[~hole].astype(float)
    assert result["psnr_mask"] == pytest.approx(10 * math.log10(255**2 / (error**2).mean()))
    assert result["mae_mask"] == pytest.approx(np.abs(error).mean())
    assert result["psnr_outside"] == pytest.approx(10 * math.log10(255**2 / (known**2).mean()))
    assert result["mask_pixels"] == hole.sum()


def test_ssim_in_the_mask_is_a_mean_over_pixels_and_of_the_frame_a_mean_over_frames() -> None:
    frames = scored(1, "a")
    result = per_sequence(frames).iloc[0]
    assert result["ssim_mask"] == pytest.approx(np.average(frames["ssim_mask"], weights=frames["mask_pixels"]))
    assert result["ssim_frame"] == pytest.approx(frames["ssim_frame"].mean())


def test_frames_without_a_hole_are_counted_and_have_no_weight() -> None:
    with_gap, without = scored(1, "a", (0.1, 0.0, 0.3)), scored(1, "a", (0.1, 0.0, 0.3)).iloc[[0, 2]]
    result, expected = per_sequence(with_gap).iloc[0], per_sequence(without).iloc[0]
    assert result["frames"] == 3
    assert result["masked_frames"] == 2
    assert result["psnr_mask"] == expected["psnr_mask"]
    assert result["ssim_mask"] == expected["ssim_mask"]


def test_a_sequence_without_any_hole_has_no_score_in_it() -> None:
    result = per_sequence(scored(1, "a", (0.0, 0.0))).iloc[0]
    assert result["masked_frames"] == 0
    assert result[["psnr_mask", "ssim_mask", "mae_mask", "psnr_band"]].isna().all()
    assert not result["capped"]


def test_a_sequence_without_error_scores_the_ceiling_and_is_counted_as_capped() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (2, 12, 14, 3)).astype(np.uint8)
    frames = score_clip(clip, clip, Regions(np.ones((2, 12, 14), np.bool_))).assign(sequence="a")
    result = per_sequence(frames, keys=("sequence",)).iloc[0]
    assert result["psnr_mask"] == result["psnr_frame"] == PSNR_CEILING
    assert result["capped"]


def test_one_frame_without_error_caps_nothing() -> None:
    frames = scored(1, "a")
    frames.loc[0, ["mse_mask", "psnr_mask"]] = [0.0, np.inf]
    result = per_sequence(frames).iloc[0]
    assert result["psnr_mask"] < PSNR_CEILING
    assert not result["capped"]


def test_sequences_are_kept_apart_and_sorted() -> None:
    result = per_sequence(pd.concat([scored(2, "b"), scored(1, "a")]))
    assert result["sequence"].tolist() == ["a", "b"]
    assert result["psnr_mask"].iloc[1] == per_sequence(scored(2, "b"))["psnr_mask"].iloc[0]


def test_an_interval_is_the_same_for_the_same_seed_and_differs_for_another() -> None:
    values = np.random.default_rng(0).normal(20, 3, 24).tolist()
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_an_interval_is_about_two_standard_errors_to_either_side() -> None:
    values = np.random.default_rng(0).normal(20, 3, 400)
    interval = mean_interval(values.tolist(), seed=0)
    error = values.std() / math.sqrt(400)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_sequences_without_a_value_are_left_out_of_the_interval_and_of_its_count() -> None:
    values = [1.0, 2.0, 4.0, 7.0, 3.0]
    assert mean_interval([1.0, math.nan, 2.0, 4.0, 7.0, 3.0], seed=0) == mean_interval(values, seed=0)
    assert mean_interval(values, seed=0).count == 5


def test_few_sequences_have_a_mean_and_no_interval_and_none_have_neither() -> None:
    few, none = mean_interval([5.0, 6.0, 7.0, 8.0], seed=0), mean_interval([], seed=0)
    assert few.mean == 6.5
    assert math.isnan(few.low) and math.isnan(few.high)
    assert none.count == 0 and math.isnan(none.mean)


def test_a_paired_difference_is_independent_of_the_sequences_difficulty() -> None:
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(30)]
    reference = pd.Series(rng.normal(20, 8, 30), index=names)
    better = reference + rng.normal(0.5, 0.1, 30)
    interval = paired_interval(better.sample(frac=1, random_state=1), reference, seed=0)
    assert interval.mean == pytest.approx((better - reference).mean())
    assert 0.4 < interval.low < interval.high < 0.6


def test_a_method_does_not_differ_from_itself() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], index=list("abcde"))
    interval = paired_interval(values, values, seed=0)
    assert (interval.mean, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_pairs_of_other_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="same sequences"):
        paired_interval(pd.Series([1.0], index=["a"]), pd.Series([1.0], index=["b"]), seed=0)
