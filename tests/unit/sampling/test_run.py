"""`inpaint run`, through the command line, with a tiny model and real files."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from inpainting.cli import main
from inpainting.core.files import read_json
from inpainting.models.adapter_files import write_sampling_steps
from inpainting.video import masks, reader, sequence, writer
from inpainting.video.reader import Video
from numpy.typing import NDArray
from PIL import Image

FRAMES, WIDTH, HEIGHT = 20, 40, 36

Run = Callable[..., int]


def picture_frames(frames: int = FRAMES) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=np.uint8)


def hole() -> NDArray[np.bool_]:
    """What the mask of these tests becomes when it is grown by its 2 pixels: bool [height, width]."""
    return masks.dilate(still_mask()[None] > 0, 2)[0]


def still_mask() -> NDArray[np.uint8]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:20, 12:26] = 255
    return mask


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A lossless video of 20 frames at 25 per second."""
    path = tmp_path / "clip.mkv"
    writer.write_video(path, Video(picture_frames(), Fraction(25)))
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """One image that is white where to inpaint."""
    path = tmp_path / "mask.png"
    Image.fromarray(still_mask()).save(path)
    return path


@pytest.fixture
def run(tiny_base: Path) -> Run:
    """`inpaint run` with the tiny model, 2 steps and windows of 9 frames; gives the exit code."""

    def command(input: Path, mask: Path | None, output: Path, *options: str) -> int:
        arguments = ["run", "--base", str(tiny_base), "--device", "cpu", "--steps", "2", "--window", "9"]
        arguments += ["--input", str(input), "--output", str(output), *options]
        return main([*arguments, "--mask", str(mask)] if mask else arguments)

    return command


def test_a_folder_gets_every_frame_and_known_pixels_stay_to_the_bit(
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
    told = [(tmp_path / folder / f"{name}.json").read_bytes() for folder in ("first", "second")]
    assert told[0] == told[1]


def test_raw_gives_the_models_own_frames_everywhere(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "raw", "--raw") == 0
    assert run(clip, mask, tmp_path / "composite") == 0
    raw, composite = (reader.read_video(tmp_path / name).frames for name in ("raw", "composite"))
    assert np.array_equal(raw[:, hole()], composite[:, hole()])
    assert (raw[:, ~hole()] != picture_frames()[:, ~hole()]).mean() > 0.9


def test_it_says_how_far_it_is_and_that_the_base_is_untrained(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert run(clip, mask, tmp_path / "out") == 0
    assert "untrained for inpainting, and its known latents are replaced" in caplog.text
    assert "8 of 8 steps of 4 windows" in caplog.text
    assert "seconds per frame" in caplog.text
    assert f"written: {tmp_path / 'out'}" in caplog.text


def test_what_was_made_and_of_what_stands_beside_the_output(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "out.mkv", "--frames", "9", "--mask-dilation", "1") == 0
    told = read_json(tmp_path / "out.mkv.json")
    assert told["settings"]["mask_dilation"] == 1 and told["settings"]["window"] == 9
    assert set(told["inputs"]) == {"input", "mask", "transformer", "vae"}
    assert {"torch", "diffusers", "av"} < set(told["versions"])
    assert told["output"]["frames"] == 9 and told["output"]["rate"] == "25" and told["output"]["size"] == "40x36"
    assert told["output"]["method"].startswith("latent replacement")


def test_an_adapter_inpaints_with_its_own_settings(
    tiny_training: Path, run: Run, clip: Path, mask: Path, tmp_path: Path
) -> None:
    adapter = tiny_training / "checkpoints" / "step-4" / "adapter"
    options = ["--adapter", str(adapter), "--frames", "9", "--mask-dilation", "7"]
    assert run(clip, mask, tmp_path / "out", *options) == 0
    assert run(clip, mask, tmp_path / "base", "--frames", "9") == 0
    written, base = (reader.read_video(tmp_path / name).frames for name in ("out", "base"))
    assert np.array_equal(written[:, ~hole()], picture_frames(9)[:, ~hole()])
    assert (written[:, hole()] != base[:, hole()]).any()
    told = read_json(tmp_path / "out.json")
    assert told["settings"]["mask_dilation"] == 2
    assert "adapter" in told["inputs"] and told["output"]["method"] == "adapter"


def test_it_takes_as_many_steps_as_validation_chose_for_the_adapter(
    tiny_base: Path, tiny_training: Path, clip: Path, mask: Path, tmp_path: Path
) -> None:
    best = shutil.copytree(tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "best")
    write_sampling_steps(best, 3)
    options = ["--base", str(tiny_base), "--device", "cpu", "--adapter", str(best), "--frames", "9"]
    files = ["--input", str(clip), "--mask", str(mask), "--output"]
    assert main(["run", *options, *files, str(tmp_path / "out")]) == 0
    assert main(["run", *options, "--steps", "1", *files, str(tmp_path / "one")]) == 0
    assert [read_json(tmp_path / f"{name}.json")["settings"]["steps"] for name in ("out", "one")] == [3, 1]


def test_a_sequence_folder_needs_no_other_mask(run: Run, tmp_path: Path) -> None:
    rgb, folder = picture_frames(9), tmp_path / "0123456789abcdef"
    sequence.write_sequence(folder, rgb, np.broadcast_to(still_mask(), rgb.shape[:3]), rgb)
    assert run(folder, None, tmp_path / "without") == 0
    assert run(folder, folder, tmp_path / "with") == 0
    without, given = (reader.read_video(tmp_path / name).frames for name in ("without", "with"))
    assert np.array_equal(without, given)
    assert np.array_equal(without[:, ~hole()], rgb[:, ~hole()])


def test_an_empty_mask_leaves_the_input_as_it_is_and_says_so(
    run: Run, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "empty.png")
    with caplog.at_level("INFO"):
        assert run(clip, tmp_path / "empty.png", tmp_path / "out") == 0
    assert np.array_equal(reader.read_video(tmp_path / "out").frames, picture_frames())
    assert "the mask is empty" in caplog.text
    assert read_json(tmp_path / "out.json")["output"]["mask_coverage"] == 0


def test_images_become_a_video_of_a_rate_that_is_said(
    run: Run, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "frames").mkdir()
    sequence.write_images(tmp_path / "frames", picture_frames(9))
    with caplog.at_level("INFO"):
        assert run(tmp_path / "frames", mask, tmp_path / "out.mkv") == 0
    assert reader.read_video(tmp_path / "out.mkv").rate == 25
    assert "the video is written with 25 frames per second" in caplog.text


def test_masks_that_do_not_fit_the_frames_are_refused_with_both_numbers(
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


def test_wrong_usage_names_the_option(
    run: Run, clip: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, out = tmp_path / "nowhere", tmp_path / "out"
    for named, source, masked, output, options in (
        ("--input", nowhere, mask, out, []),
        ("--mask", clip, nowhere, out, []),
        ("--mask", clip, None, out, []),
        ("--adapter", clip, mask, out, ["--adapter", str(nowhere)]),
        ("--output", clip, mask, clip, []),
        ("--output", clip, mask, tmp_path, []),
        ("--output", clip, mask, tmp_path / "out.webm", []),
        ("--base", clip, mask, out, ["--base", str(nowhere)]),
        ("--prompt", clip, mask, out, ["--prompt", "an empty road"]),
        ("--steps", clip, mask, out, ["--steps", "0"]),
        ("--window", clip, mask, out, ["--window", "10"]),
    ):
        assert run(source, masked, output, *options) == 2, (named, output)
        assert f"inpaint run: {named}" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_no_video_fails_by_name(
    run: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video" * 50)
    assert run(tmp_path / "clip.mp4", mask, tmp_path / "out") == 1
    assert "clip.mp4 can't be read as a video" in capsys.readouterr().err


def test_a_long_clip_says_how_its_seams_are(run: Run, clip: Path, mask: Path, tmp_path: Path) -> None:
    assert run(clip, mask, tmp_path / "out") == 0
    seam = read_json(tmp_path / "out.json")["output"]["seam"]
    assert 0.2 < seam["hole_ratio"] < 5
    assert 0.8 < seam["known_ratio"] < 1.25


def test_it_tells_how_far_each_phase_is(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert run(clip, mask, tmp_path / "out") == 0
    for phase in ("encode: 4 of 4 windows", "denoise: 8 of 8 steps of 4 windows", "decode: 4 of 4 windows"):
        assert phase in caplog.text


def test_a_crop_leaves_what_is_far_from_the_hole_and_fills_the_hole(
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
    assert "48x32 at column 53, row 29 is inpainted" in caplog.text
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


def test_a_preview_comes_first_and_shows_the_window_with_the_largest_hole(
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


@pytest.mark.parametrize(
    "option",
    [["--scheduler", "dpm"], ["--guidance", "3"], ["--blend", "pixels"], ["--windows-at-once", "1"]],
)
def test_each_way_of_denoising_leaves_known_pixels_to_the_bit(
    run: Run, clip: Path, mask: Path, tmp_path: Path, option: list[str]
) -> None:
    assert run(clip, mask, tmp_path / "out", "--frames", "12", *option) == 0
    written = reader.read_video(tmp_path / "out").frames
    assert np.array_equal(written[:, ~hole()], picture_frames()[:12, ~hole()])
    assert (written[:, hole()] != picture_frames()[:12, hole()]).mean() > 0.9


@pytest.fixture
def batch(clip: Path, mask: Path, tmp_path: Path) -> Path:
    """A table of three clips, of which the second is no video."""
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 50)
    rows = [("input", "mask", "output"), (clip, mask, tmp_path / "first.mkv")]
    rows += [(tmp_path / "broken.mp4", mask, tmp_path / "second.mkv"), (clip, mask, tmp_path / "third")]
    table = tmp_path / "clips.tsv"
    table.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return table


def test_a_table_of_clips_goes_on_past_a_bad_one_and_where_it_was(
    tiny_base: Path,
    batch: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["run", "--base", str(tiny_base), "--device", "cpu", "--steps", "1", "--window", "9", "--frames", "9"]
    with caplog.at_level("INFO"):
        assert main([*command, "--batch", str(batch)]) == 1
    assert f"1 of 3 clips failed, the others are done: {tmp_path / 'second.mkv'}" in capsys.readouterr().err
    assert "broken.mp4 can't be read as a video" in caplog.text
    first, third = (reader.read_video(tmp_path / name).frames for name in ("first.mkv", "third"))
    assert np.array_equal(first, third)
    before = (tmp_path / "first.mkv").stat().st_mtime_ns
    caplog.clear()
    shutil.copyfile(tmp_path / "clip.mkv", tmp_path / "broken.mp4")
    with caplog.at_level("INFO"):
        assert main([*command, "--batch", str(batch)]) == 0
    assert caplog.text.count("was done before") == 2
    assert (tmp_path / "first.mkv").stat().st_mtime_ns == before
    assert np.array_equal(reader.read_video(tmp_path / "second.mkv").frames, first)
    caplog.clear()
    with caplog.at_level("INFO"):
        assert main([*command, "--batch", str(batch), "--seed", "1"]) == 0
    assert "was done before" not in caplog.text


def test_a_wrong_table_of_clips_is_refused_by_name(
    tiny_base: Path, batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--base", str(tiny_base), "--device", "cpu", "--batch"]
    twice, empty, other = (tmp_path / name for name in ("twice.tsv", "empty.tsv", "other.tsv"))
    lines = batch.read_text().splitlines(keepends=True)
    twice.write_text("".join([*lines, lines[1]]))
    empty.write_text(lines[0])
    other.write_text("video\tmask\nclip.mp4\tmask.png\n")
    for table, told in (
        (tmp_path / "nowhere.tsv", "does not exist"),
        (twice, "first.mkv twice"),
        (empty, "has no row"),
        (other, "should name the columns input, mask, output"),
    ):
        assert main([*command, str(table)]) == 2
        message = capsys.readouterr().err
        assert "inpaint run: --batch: " in message and told in message
    assert main([*command, str(batch), "--input", "clip.mkv"]) == 2
    assert "leave --input, --mask and --output out" in capsys.readouterr().err
    assert main(command[:-1]) == 2
    assert "--input: a value is needed" in capsys.readouterr().err


def test_tiles_that_do_not_fit_the_frames_are_refused(
    run: Run, clip: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(clip, mask, tmp_path / "out", "--vae-tiling") == 2
    assert "inpaint run: --vae-tiling: the VAE's tiles do not fit frames of 40x36" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_offloading_needs_a_gpu(
    run: Run, clip: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(clip, mask, tmp_path / "out", "--offload") == 2
    assert "inpaint run: --offload: there is no GPU" in capsys.readouterr().err
