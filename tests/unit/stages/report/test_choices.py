"""Pictures by the checkpoints that each criterion would have chosen stand side by side."""

from pathlib import Path

import numpy as np
import pytest
from inpainting.artifacts.best import BestCheckpoint, Choice
from inpainting.artifacts.formats import Provenance
from inpainting.artifacts.validation_pictures import cache_folder, steps_folder, write_picture
from inpainting.stages.report.draw_choices import SHOWN, choices_figure

GREY = {(2, 1): 60, (4, 8): 160}
"""Brightness of the pictures, by step and number of denoising steps."""


@pytest.fixture
def best() -> BestCheckpoint:
    """Two criteria choose step 2 with one denoising step, two step 4 with eight."""
    early, late = Choice(step=2, sampling_steps=1), Choice(step=4, sampling_steps=8)
    return BestCheckpoint(
        step=2,
        sampling_steps=1,
        criterion="psnr_mask",
        why="",
        by_criterion={"psnr_mask": early, "ssim_mask": early, "detail_mask": late, "mean_rank": late},
        scores={},
        difference_to_training=0,
        candidates=[],
        provenance=Provenance(settings={}, versions={}, inputs={}),
    )


def write_pictures(validation: Path, sequences: int) -> None:
    for (step, sampling_steps), grey in GREY.items():
        for number in range(sequences):
            folder = steps_folder(cache_folder(validation / f"step-{step}.json"), sampling_steps) / f"{number:02d}"
            folder.mkdir(parents=True)
            write_picture(folder, np.full((8, 8, 3), 250, np.uint8), np.full((8, 8, 3), grey, np.uint8))


def test_criteria_that_agree_share_a_column_beside_the_truth(best: BestCheckpoint, tmp_path: Path) -> None:
    write_pictures(tmp_path, SHOWN + 1)
    figure = choices_figure("lora", tmp_path, best)
    assert len(figure.axes) == 3 * SHOWN
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == [
        "truth",
        "step 2, 1 denoising step\nby PSNR in the mask\nby SSIM in the mask",
        "step 4, 8 denoising steps\nby detail in the mask\nby mean rank",
    ]
    for row in range(SHOWN):
        shown = [np.unique(np.asarray(axes.images[0].get_array())) for axes in figure.axes[3 * row : 3 * row + 3]]
        assert [values.tolist() for values in shown] == [[250], [60], [160]]


def test_checkpoints_that_were_validated_without_pictures_are_said_to_be(best: BestCheckpoint, tmp_path: Path) -> None:
    figure = choices_figure("lora", tmp_path, best)
    assert not figure.axes
    assert "No pictures were kept" in figure.texts[-1].get_text()
