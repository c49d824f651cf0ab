"""`inpaint run`: its options, its messages and tables of clips."""

import shutil
from pathlib import Path

import commands
import numpy as np
import pytest
from inpainting.cli import main
from inpainting.core.files import read_json
from inpainting.models.adapter_files import write_sampling_steps
from inpainting.video import reader

from .conftest import Run


def test_progress_is_logged_and_that_the_base_is_not_trained_for_inpainting(
    run: Run, clip: Path, mask: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert run(clip, mask, tmp_path / "out") == 0
    assert "is not trained for inpainting; its known latents are replaced" in caplog.text
    assert "8 of 8 steps of 4 windows" in caplog.text
    assert "seconds per frame" in caplog.text
    assert f"written: {tmp_path / 'out'}" in caplog.text


def test_the_default_number_of_steps_is_that_of_the_adapter(
    tiny_base: Path, tiny_training: Path, clip: Path, mask: Path, tmp_path: Path
) -> None:
    best = shutil.copytree(tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "best")
    write_sampling_steps(best, 3)
    options = {"adapter": best, "frames": 9, "input": clip, "mask": mask}
    assert main(commands.run(tiny_base, tmp_path / "out", **options)) == 0
    assert main(commands.run(tiny_base, tmp_path / "one", **options, steps=1)) == 0
    assert [read_json(tmp_path / f"{name}.json")["settings"]["steps"] for name in ("out", "one")] == [3, 1]


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
        ("--steps", clip, mask, out, ["--steps", "1000000"]),
        ("--window", clip, mask, out, ["--window", "10"]),
    ):
        assert run(source, masked, output, *options) == 2, (named, output)
        assert f"inpaint run: {named}" in capsys.readouterr().err
    assert not out.exists()


def test_an_unreadable_video_is_named(run: Run, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video" * 50)
    assert run(tmp_path / "clip.mp4", mask, tmp_path / "out") == 1
    assert "clip.mp4 can't be read as a video" in capsys.readouterr().err


@pytest.fixture
def batch(clip: Path, mask: Path, tmp_path: Path) -> Path:
    """A table of three clips, of which the second is no video."""
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 50)
    rows = [("input", "mask", "output"), (clip, mask, tmp_path / "first.mkv")]
    rows += [(tmp_path / "broken.mp4", mask, tmp_path / "second.mkv"), (clip, mask, tmp_path / "third")]
    table = tmp_path / "clips.tsv"
    table.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return table


def test_a_table_of_clips_continues_after_a_failed_clip_and_skips_finished_ones(
    tiny_base: Path,
    batch: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = commands.run(tiny_base, None, steps=1, window=9, frames=9, batch=batch)
    with caplog.at_level("INFO"):
        assert main(command) == 1
    assert f"1 of 3 clips failed, the others are done: {tmp_path / 'second.mkv'}" in capsys.readouterr().err
    assert "broken.mp4 can't be read as a video" in caplog.text
    first, third = (reader.read_video(tmp_path / name).frames for name in ("first.mkv", "third"))
    assert np.array_equal(first, third)
    before = (tmp_path / "first.mkv").stat().st_mtime_ns
    caplog.clear()
    shutil.copyfile(tmp_path / "clip.mkv", tmp_path / "broken.mp4")
    with caplog.at_level("INFO"):
        assert main(command) == 0
    assert caplog.text.count("was done before") == 2
    assert (tmp_path / "first.mkv").stat().st_mtime_ns == before
    assert np.array_equal(reader.read_video(tmp_path / "second.mkv").frames, first)
    caplog.clear()
    with caplog.at_level("INFO"):
        assert main([*command, "--seed", "1"]) == 0
    assert "was done before" not in caplog.text


def test_a_wrong_table_of_clips_is_refused_in_one_sentence(
    tiny_base: Path, batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice, again, empty, other = (tmp_path / f"{name}.tsv" for name in ("twice", "again", "empty", "other"))
    lines = batch.read_text().splitlines(keepends=True)
    twice.write_text("".join([*lines, lines[1]]))
    again.write_text("".join([*lines, lines[1].replace("first.mkv", "./first.mkv")]))
    empty.write_text(lines[0])
    other.write_text("video\tmask\nclip.mp4\tmask.png\n")
    for table, sentence in (
        (tmp_path / "nowhere.tsv", "does not exist"),
        (twice, "first.mkv twice"),
        (again, "first.mkv twice"),
        (empty, "has no row"),
        (other, "its first line should name input, output"),
    ):
        assert main(commands.run(tiny_base, None, batch=table)) == 2
        message = capsys.readouterr().err
        assert "inpaint run: --batch: " in message and sentence in message
    assert main(commands.run(tiny_base, None, batch=batch, input="clip.mkv")) == 2
    assert "leave --input, --mask and --output out" in capsys.readouterr().err
    assert main(commands.run(tiny_base, None)) == 2
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
