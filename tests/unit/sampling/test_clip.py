"""What `inpaint run` writes, with a tiny model and real files."""

import resource
from fractions import Fraction
from pathlib import Path

import commands
import numpy as np
import pytest
from inpainting.cli import parse
from inpainting.core.files import read_json
from inpainting.sampling.run_model import RunModel
from inpainting.sampling.settings import RunCommand
from inpainting.video import masks, reader, sequence, writer
from inpainting.video.reader import Video
from peft.tuners.tuners_utils import BaseTunerLayer
from PIL import Image

from .conftest import FRAMES, HEIGHT, WIDTH, Run, hole, picture_frames, still_mask


def test_a_folder_has_every_frame_and_known_pixels_bit_for_bit(
    run: Run, clip: Path, mask: Path, tmp_path: Path
) -> None:
    assert run(clip, mask, tmp_path / "out") == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [sequence.frame_name(number) for number in range(1, FRAMES + 1)]
    written = reader.read_video(tmp_path / "out").frames
    assert np.array_equal(written[:, ~hole()], picture_frames()[:, ~hole()])
    assert (written[:, hole()] != picture_frames()[:, hole()]).mean() > 0.9


def test_an_mkv_has_the_rate_the_size_and_the_same_pixels_as_the_folder(
    run: Run, clip: Path, mask: Path, tmp_path: Path
) -> None:
    assert run(clip, mask, tmp_path / "out.mkv") == 0
    assert run(clip, mask, tmp_path / "out") == 0
    written = reader.read_video(tmp_path / "out.mkv")
    assert (written.rate, written.size) == (Fraction(25), (WIDTH, HEIGHT))
    assert np.array_equal(written.frames, reader.read_video(tmp_path / "out").frames)


def test_an_mp4_has_the_rate_the_size_and_every_frame(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "out.mp4") == 0
    written = reader.read_video(tmp_path / "out.mp4")
    assert (written.rate, written.size, len(written.frames)) == (Fraction(25), (WIDTH, HEIGHT), FRAMES)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    run: Run, clip: Path, mask: Path, tmp_path: Path, name: str
) -> None:
    for folder, seed in (("first", "1"), ("second", "1"), ("third", "2")):
        assert run(clip, mask, tmp_path / folder / name, "--seed", seed, "--frames", "9") == 0
    first, second, third = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second", "third"))
    assert first == second != third
    metadata = [(tmp_path / folder / f"{name}.json").read_bytes() for folder in ("first", "second")]
    assert metadata[0] == metadata[1]


def test_raw_writes_the_models_frames_everywhere(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "raw", "--raw") == 0
    assert run(clip, mask, tmp_path / "composite") == 0
    raw, composite = (reader.read_video(tmp_path / name).frames for name in ("raw", "composite"))
    assert np.array_equal(raw[:, hole()], composite[:, hole()])
    assert (raw[:, ~hole()] != picture_frames()[:, ~hole()]).mean() > 0.9


def test_the_metadata_has_settings_inputs_versions_and_output(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "out.mkv", "--frames", "9", "--mask-dilation", "1") == 0
    metadata = read_json(tmp_path / "out.mkv.json")
    assert metadata["settings"]["mask_dilation"] == 1 and metadata["settings"]["window"] == 9
    assert set(metadata["inputs"]) == {"input", "mask", "transformer", "vae"}
    assert {"torch", "diffusers", "av"} < set(metadata["versions"])
    assert (
        metadata["output"]["frames"] == 9
        and metadata["output"]["rate"] == "25"
        and metadata["output"]["size"] == "40x36"
    )
    assert metadata["output"]["method"].startswith("latent replacement")


def test_the_adapters_settings_are_used(tiny_training: Path, run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    adapter = tiny_training / "checkpoints" / "step-4" / "adapter"
    options = ["--adapter", str(adapter), "--frames", "9", "--mask-dilation", "7"]
    assert run(clip, mask, tmp_path / "out", *options) == 0
    assert run(clip, mask, tmp_path / "base", "--frames", "9") == 0
    written, base = (reader.read_video(tmp_path / name).frames for name in ("out", "base"))
    assert np.array_equal(written[:, ~hole()], picture_frames(9)[:, ~hole()])
    assert (written[:, hole()] != base[:, hole()]).any()
    metadata = read_json(tmp_path / "out.json")
    assert metadata["settings"]["mask_dilation"] == 2
    assert "adapter" in metadata["inputs"] and metadata["output"]["method"] == "adapter"


def test_a_sequence_folder_needs_no_other_mask(run: Run, tmp_path: Path) -> None:
    rgb, folder = picture_frames(9), tmp_path / "0123456789abcdef"
    sequence.write_sequence(folder, rgb, np.broadcast_to(still_mask(), rgb.shape[:3]), rgb)
    assert run(folder, None, tmp_path / "without") == 0
    assert run(folder, folder, tmp_path / "with") == 0
    without, given = (reader.read_video(tmp_path / name).frames for name in ("without", "with"))
    assert np.array_equal(without, given)
    assert np.array_equal(without[:, ~hole()], rgb[:, ~hole()])


def test_a_video_of_masks_that_has_one_frame_alone_is_no_mask_for_all(
    run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = np.repeat(still_mask()[None, ..., None], 3, axis=3)
    writer.write_video(tmp_path / "masks.mkv", reader.Video(masks, Fraction(25)))
    assert run(clip, tmp_path / "masks.mkv", tmp_path / "out") == 1
    assert "there are 1 masks for 20 frames" in capsys.readouterr().err


def test_an_empty_mask_leaves_the_input_unchanged_and_is_logged(
    run: Run, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "empty.png")
    with caplog.at_level("INFO"):
        assert run(clip, tmp_path / "empty.png", tmp_path / "out") == 0
    assert np.array_equal(reader.read_video(tmp_path / "out").frames, picture_frames())
    assert "the mask is empty" in caplog.text
    assert read_json(tmp_path / "out.json")["output"]["mask_coverage"] == 0


def test_a_mask_that_covers_most_of_the_clip_is_logged(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inverted = tmp_path / "inverted.png"
    Image.fromarray(255 - still_mask()).save(inverted)
    for path, warns in ((mask, False), (inverted, True)):
        assert run(clip, path, tmp_path / path.stem, "--frames", "1", "--steps", "1") == 0
        assert ("if it is white where pixels are known, invert it" in caplog.text) is warns


def test_images_become_a_video_whose_rate_is_logged(
    run: Run, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "frames").mkdir()
    sequence.write_images(tmp_path / "frames", picture_frames(9))
    with caplog.at_level("INFO"):
        assert run(tmp_path / "frames", mask, tmp_path / "out.mkv") == 0
    assert reader.read_video(tmp_path / "out.mkv").rate == 25
    assert "the video is written with 25 frames per second" in caplog.text


def test_masks_of_another_size_or_number_are_refused_with_both_numbers(
    run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (WIDTH, HEIGHT + 1)).save(tmp_path / "large.png")
    assert run(clip, tmp_path / "large.png", tmp_path / "out") == 1
    assert "the mask is 40x37, but the frames are 40x36" in capsys.readouterr().err
    (tmp_path / "masks").mkdir()
    sequence.write_images(tmp_path / "masks", np.stack([still_mask()] * 7))
    assert run(clip, tmp_path / "masks", tmp_path / "out") == 1
    assert "there are 7 masks for 20 frames" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_masks_of_0_and_1_are_refused_with_their_highest_value(
    run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(still_mask() // 255).save(tmp_path / "mask.png")
    assert run(clip, tmp_path / "mask.png", tmp_path / "out") == 1
    assert "the masks' values reach 1 of 255, below the threshold, 128" in capsys.readouterr().err


def test_masks_of_other_numbers_are_refused_and_frames_in_steps_are_used_in_order(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for name, images, step in (
        ("frames", picture_frames(9), 2),
        ("masks", np.stack([still_mask()] * 9), 2),
        ("others", np.stack([still_mask()] * 9), 1),
    ):
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            sequence.write_image(tmp_path / name, 1 + step * number, image)
    assert run(tmp_path / "frames", tmp_path / "others", tmp_path / "out") == 1
    assert "do not match; a frame may be missing" in capsys.readouterr().err
    assert run(tmp_path / "frames", tmp_path / "masks", tmp_path / "out") == 0
    assert len(reader.read_video(tmp_path / "out").frames) == 9 and "missing" not in caplog.text
    for name in ("frames", "masks"):
        (tmp_path / name / sequence.frame_name(5)).unlink()
    assert run(tmp_path / "frames", tmp_path / "masks", tmp_path / "without") == 0
    assert "frame numbers are missing; the frames are used in order" in caplog.text


def test_frames_without_a_mask_are_named_or_stay_as_they_are(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, images in (("frames", picture_frames(9)), ("masks", np.stack([still_mask()] * 9))):
        (tmp_path / name).mkdir()
        sequence.write_images(tmp_path / name, images)
    (tmp_path / "masks" / sequence.frame_name(4)).unlink()
    assert run(tmp_path / "frames", tmp_path / "masks", tmp_path / "out") == 1
    assert "frame_00004.png have none; --missing-masks empty" in capsys.readouterr().err
    assert run(tmp_path / "frames", tmp_path / "masks", tmp_path / "out", "--missing-masks", "empty") == 0
    written = reader.read_video(tmp_path / "out").frames
    changed = (written != picture_frames(9)).any(axis=(1, 2, 3))
    assert np.flatnonzero(~changed).tolist() == [3]


def test_a_red_mask_in_a_folder_of_another_name_is_inpainted(run: Run, tmp_path: Path) -> None:
    folders = sequence.Folders("in", "hole", "out")
    red = np.zeros((9, HEIGHT, WIDTH, 3), np.uint8)
    red[..., 0] = still_mask()
    sequence.write_sequence(tmp_path / "clip", picture_frames(9), red, picture_frames(9), folders=folders)
    assert run(tmp_path / "clip", None, tmp_path / "made", "--rgb-folder", "in", "--mask-folder", "hole") == 0
    changed = (reader.read_video(tmp_path / "made").frames != picture_frames(9)).any(axis=-1)
    assert changed[:, still_mask() > 0].mean() > 0.9


def test_the_metadata_of_a_long_clip_has_the_changes_at_its_joints(
    run: Run, clip: Path, mask: Path, tmp_path: Path
) -> None:
    assert run(clip, mask, tmp_path / "out") == 0
    joints = read_json(tmp_path / "out.json")["output"]["joints"]
    assert 0.2 < joints["hole_ratio"] < 5
    assert 0.8 < joints["known_ratio"] < 1.25


def test_the_progress_of_each_phase_is_logged(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert run(clip, mask, tmp_path / "out") == 0
    for phase in ("encode: 4 of 4 windows", "denoise: 8 of 8 steps of 4 windows", "decode: 4 of 4 windows"):
        assert phase in caplog.text


def test_a_crop_changes_only_the_region_around_the_hole(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (9, 90, 120, 3), dtype=np.uint8)
    writer.write_video(tmp_path / "large.mkv", Video(rgb, Fraction(25)))
    still = np.zeros((90, 120), np.uint8)
    still[40:50, 70:84] = 255
    Image.fromarray(still).save(tmp_path / "still.png")
    grown = masks.dilate(still[None] > 0, 2)[0]
    with caplog.at_level("INFO"):
        assert run(tmp_path / "large.mkv", tmp_path / "still.png", tmp_path / "out", "--crop") == 0
    assert "the region that is inpainted is 48x32 at column 53, row 29" in caplog.text
    written = reader.read_video(tmp_path / "out").frames
    assert np.array_equal(written[:, ~grown], rgb[:, ~grown])
    assert (written[:, grown] != rgb[:, grown]).mean() > 0.9
    assert run(tmp_path / "large.mkv", tmp_path / "still.png", tmp_path / "raw", "--crop", "--raw") == 0
    raw = reader.read_video(tmp_path / "raw").frames
    changed = (raw != rgb).any(axis=(0, 3))
    assert changed[29:61, 53:101].mean() > 0.9
    assert (
        not changed[:29].any() and not changed[61:].any() and not changed[:, :53].any() and not changed[:, 101:].any()
    )


def test_the_preview_is_written_first_and_shows_the_window_with_the_largest_hole(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert run(clip, mask, tmp_path / "out.mkv", "--preview") == 0
    assert caplog.text.index("out.mkv.preview.png") < caplog.text.index("denoise: ")
    with Image.open(tmp_path / "out.mkv.preview.png") as image:
        assert image.size == (3 * WIDTH, 2 * HEIGHT)
        shown = np.asarray(image)
    assert (shown[:HEIGHT, :WIDTH] == (255, 40, 40)).all(axis=-1).any()
    assert np.array_equal(shown[HEIGHT:, :WIDTH][~hole()], picture_frames()[0][~hole()])
    assert run(clip, mask, tmp_path / "without.mkv") == 0
    assert (tmp_path / "without.mkv").read_bytes() == (tmp_path / "out.mkv").read_bytes()


def test_fused_lora_changes_results_in_float32_by_rounding_alone(
    run: Run, clip: Path, mask: Path, adapter: Path, tmp_path: Path
) -> None:
    for name, options in (("apart", []), ("fused", ["--fuse-lora"])):
        assert run(clip, mask, tmp_path / name, "--adapter", str(adapter), "--frames", "9", *options) == 0
        settings = parse("run", commands.run(None, tmp_path / name, *options, adapter=adapter)[1:])
        assert isinstance(settings, RunCommand)
        lora = [m for m in RunModel(settings).pipeline.transformer.modules() if isinstance(m, BaseTunerLayer)]
        assert lora and all(module.merged == bool(options) for module in lora)
    apart, fused = (reader.read_video(tmp_path / name).frames.astype(int) for name in ("apart", "fused"))
    assert np.abs(apart - fused).max() <= 1


@pytest.mark.parametrize(
    "option",
    [["--scheduler", "dpm"], ["--guidance", "3"], ["--blend", "pixels"], ["--windows-at-once", "1"]],
)
def test_known_pixels_are_kept_bit_for_bit_with_each_denoising_option(
    run: Run, clip: Path, mask: Path, tmp_path: Path, option: list[str]
) -> None:
    assert run(clip, mask, tmp_path / "out", "--frames", "12", *option) == 0
    written = reader.read_video(tmp_path / "out").frames
    assert np.array_equal(written[:, ~hole()], picture_frames()[:12, ~hole()])
    assert (written[:, hole()] != picture_frames()[:12, hole()]).mean() > 0.9


@pytest.mark.parametrize("name", ["out.mkv", "out"])
def test_a_file_that_grows_too_large_is_one_sentence(
    run: Run, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The limit of the size of files stands for a full disk. The mask is empty, so that only the output is written."""
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "empty.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        code = run(clip, tmp_path / "empty.png", tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    assert f"inpaint run: {tmp_path / name} can't be written: file too large; free space" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
