"""`inpaint sample`: reproducibility, layout, masks, shadows and worker processes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import commands
import cv2
import numpy as np
import pytest
from inpainting.baselines.fills import fill
from inpainting.core.files import folder_digest, read_table
from inpainting.stages.dataset.sample import COVERAGE, SampleSequence, make_sequence, sample
from inpainting.stages.dataset.settings import SampleCommand
from inpainting.video.pictures import PHOTOGRAPHS, photograph
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

SIZE = (64, 48)
PLAIN = [make_sequence(3, index, 17, SIZE) for index in range(12)]
DYNAMIC = [make_sequence(3, index, 17, SIZE, dynamic_share=1.0) for index in range(12)]
SEQUENCES = [*PLAIN, *DYNAMIC]


def test_the_same_arguments_give_the_same_pixels() -> None:
    first, second = make_sequence(1, 4, 9, SIZE), make_sequence(1, 4, 9, SIZE)
    assert first.id == second.id
    for name in ("rgb", "mask", "truth"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_worker_processes_end_when_the_command_is_killed(tmp_path: Path) -> None:
    command = commands.sample(tmp_path, 10000, "--workers", "2", "--frames", "2")
    with subprocess.Popen([sys.executable, "-m", "inpainting.cli", *command], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not any(tmp_path.iterdir()):
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=30)  # returns once no worker holds the pipe
    assert process.returncode == -signal.SIGKILL


def test_another_seed_or_index_gives_another_sequence() -> None:
    ids = {make_sequence(seed, index, 1, SIZE).id for seed in range(3) for index in range(3)}
    assert len(ids) == 9
    assert not np.array_equal(make_sequence(0, 0, 1, SIZE).rgb, make_sequence(0, 1, 1, SIZE).rgb)


@pytest.mark.parametrize("dynamic_share", [0.0, 1.0])
@pytest.mark.parametrize(("frames", "size"), [(1, (16, 16)), (5, (33, 47)), (17, (128, 96)), (3, (320, 180))])
def test_any_length_and_size_can_be_made(frames: int, size: tuple[int, int], dynamic_share: float) -> None:
    made = make_sequence(0, 0, frames, size, dynamic_share=dynamic_share)
    width, height = size
    assert made.rgb.shape == made.truth.shape == (frames, height, width, 3)
    assert made.mask.shape == (frames, height, width)
    assert {made.rgb.dtype, made.mask.dtype, made.truth.dtype} == {np.dtype(np.uint8)}


def test_masks_are_binary_and_rarely_empty() -> None:
    masks = np.stack([made.mask for made in SEQUENCES])
    assert set(np.unique(masks)) == {0, 255}
    assert (masks.max(axis=(2, 3)) > 0).mean() > 0.9


def test_the_mask_covers_between_4_and_20_percent() -> None:
    for made in SEQUENCES:
        assert COVERAGE[0] <= made.coverage <= COVERAGE[1]


def test_far_from_the_objects_the_input_is_the_truth() -> None:
    reach = np.ones((43, 43), np.uint8)
    for made in SEQUENCES:
        near = np.stack([cv2.dilate(frame, reach) for frame in made.mask]) > 0
        assert np.array_equal(made.rgb[~near], made.truth[~near])


def test_shadows_darken_the_scene_outside_the_mask() -> None:
    for made in SEQUENCES:
        outside = made.mask == 0
        change = made.rgb[outside].astype(int) - made.truth[outside].astype(int)
        assert change.max() <= 0
        assert (change.min(axis=-1) < -10).mean() > 0.005


def test_under_the_mask_the_input_differs_from_the_truth() -> None:
    for made in SEQUENCES:
        inside = made.mask > 0
        assert np.abs(made.rgb[inside].astype(int) - made.truth[inside].astype(int)).mean() > 10


def test_with_a_still_camera_static_truth_pixels_are_equal_in_all_frames() -> None:
    made = [make_sequence(7, index, 5, SIZE, still=1.0) for index in range(6)]
    assert {one.camera for one in made} == {"still"}
    unchanged = [(one.truth == one.truth[:1]).all(axis=(0, 3)).mean() for one in made]
    assert min(unchanged) > 0.5
    assert max(unchanged) == 1.0


def test_a_moving_camera_changes_the_truth() -> None:
    made = make_sequence(7, 0, 9, SIZE, still=0.0)
    assert made.camera == "moving"
    assert np.abs(made.truth[0].astype(int) - made.truth[8].astype(int)).mean() > 1


def test_dynamic_share_does_not_change_the_other_sequences() -> None:
    mixed = [make_sequence(3, index, 17, SIZE, dynamic_share=0.5) for index in range(12)]
    kept = [np.array_equal(one.rgb, plain.rgb) for one, plain in zip(mixed, PLAIN, strict=True)]
    dynamic = [np.array_equal(one.rgb, other.rgb) for one, other in zip(mixed, DYNAMIC, strict=True)]
    assert 2 <= sum(kept) <= 10
    assert kept == [not one for one in dynamic]


def test_flow_propagation_scores_lower_on_dynamic_scenes() -> None:
    def found(made: SampleSequence) -> float:
        hole = made.mask > 0
        filled = fill(made.rgb, hole, "flow_propagation")
        return peak_signal_noise_ratio(made.truth[hole], filled[hole])

    assert np.mean([found(made) for made in DYNAMIC]) < np.mean([found(made) for made in PLAIN]) - 1


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_can_be_loaded(name: str) -> None:
    assert photograph(name).shape[2] == 3


def test_sample_writes_the_datasets_layout(tmp_path: Path) -> None:
    sample(SampleCommand(out=tmp_path / "few", sequences=2, frames=3, size="32x24", workers=1))
    table = read_table(tmp_path / "few" / "sample.tsv")
    assert list(table.columns) == ["id", "scene", "camera", "coverage"]
    for name in table["id"]:
        assert len(name) == 16
        for kind in ("RGB_480", "MASK_480", "GT_480"):
            names = sorted(path.name for path in (tmp_path / "few" / name / kind).iterdir())
            assert names == ["frame_00001.png", "frame_00002.png", "frame_00003.png"]
    with Image.open(tmp_path / "few" / table["id"][0] / "MASK_480" / "frame_00001.png") as mask:
        assert mask.mode == "L"
        assert mask.size == (32, 24)


def test_neither_the_number_of_sequences_nor_of_workers_changes_a_sequence(tmp_path: Path) -> None:
    for count, workers in ((2, 1), (3, 2)):
        sample(SampleCommand(out=tmp_path / str(count), sequences=count, frames=2, size="32x24", workers=workers))
    for name in read_table(tmp_path / "2" / "sample.tsv")["id"]:
        assert folder_digest(tmp_path / "2" / name) == folder_digest(tmp_path / "3" / name)
