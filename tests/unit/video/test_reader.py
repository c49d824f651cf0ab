import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from inpainting.core.errors import InputError, UsageError
from inpainting.video import reader, sequence, writer
from inpainting.video.reader import Video
from numpy.typing import NDArray
from PIL import Image
from video_frames import smooth

NTSC = Fraction(30000, 1001)


def noise(frames: int = 5, width: int = 24, height: int = 16) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def turn_by_a_quarter(path: Path) -> None:
    """Mark an .mp4 as recorded with the camera on its side, as telephones do: a matrix in its track header."""
    fixed = (1 << 16).to_bytes(4, "big")
    upright = fixed + bytes(12) + fixed
    turned = bytes(4) + fixed + bytes(4) + (-(1 << 16)).to_bytes(4, "big", signed=True) + bytes(4)
    data = path.read_bytes()
    header = data.index(b"tkhd")
    path.write_bytes(data[:header] + data[header:].replace(upright, turned, 1))


def write_with_sound(path: Path, sound: str, frames: int, rate: int = 10) -> None:
    """A grey video with a tone beside it, in whatever container the suffix names."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("mpeg4", rate=rate)
        video.width, video.height, video.pix_fmt = 32, 16, "yuv420p"
        audio = output.add_stream(sound, rate=44100, layout="mono")
        audio.bit_rate = 64000
        for number in range(frames):
            frame = VideoFrame.from_ndarray(np.full((16, 32, 3), 128, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(video.encode(frame))
        tone = (8000 * np.sin(np.arange(44100 * frames // rate) * 0.2)).astype(np.int16)[None]
        samples = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = 44100, 0, Fraction(1, 44100)
        resampler = av.AudioResampler(format=audio.format, layout="mono", rate=44100, frame_size=1024)
        for part in [*resampler.resample(samples), *resampler.resample(None)]:
            output.mux(audio.encode(part))
        for stream in (audio, video):
            output.mux(stream.encode(None))


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(("width", "height"), [(24, 16), (25, 17)])
def test_an_mkv_keeps_every_pixel_the_rate_and_the_size(tmp_path: Path, width: int, height: int) -> None:
    frames = noise(7, width, height)
    writer.write_video(tmp_path / "clip.mkv", Video(frames, NTSC))
    read = reader.read_video(tmp_path / "clip.mkv")
    assert np.array_equal(read.frames, frames)
    assert (read.rate, read.size) == (NTSC, (width, height))


def test_an_mp4_keeps_the_rate_the_size_the_shape_of_pixels_and_the_colours_nearly(tmp_path: Path) -> None:
    writer.write_video(tmp_path / "clip.mp4", Video(smooth(), NTSC, Fraction(4, 3)))
    read = reader.read_video(tmp_path / "clip.mp4")
    assert (read.rate, read.size, read.pixel_aspect, len(read.frames)) == (NTSC, (40, 36), Fraction(4, 3), 10)
    error = read.frames.astype(int) - smooth()
    assert np.abs(error).mean() < 2
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 1


def test_an_mp4_of_an_odd_size_repeats_its_edge_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = smooth(4, 41, 35)
    with caplog.at_level("INFO"):
        writer.write_video(tmp_path / "clip.mp4", Video(frames, Fraction(25)))
    read = reader.read_video(tmp_path / "clip.mp4")
    assert read.size == (42, 36)
    assert np.abs(read.frames[:, :35, :41].astype(int) - frames).mean() < 2
    assert "41x35" in caplog.text and "42x36" in caplog.text


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for suffix in writer.ENCODINGS:
        paths = [tmp_path / name / f"clip{suffix}" for name in ("first", "second")]
        for path in paths:
            writer.write_video(path, Video(smooth(), Fraction(25)))
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_video_from_a_camera_on_its_side_is_read_upright(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    writer.write_video(path, Video(smooth(), Fraction(25), Fraction(4, 3)))
    stored = reader.read_video(path)
    turn_by_a_quarter(path)
    read = reader.read_video(path)
    assert np.array_equal(read.frames, np.rot90(stored.frames, -1, axes=(1, 2)))
    assert read.pixel_aspect == Fraction(3, 4)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (1, 2, 9, 10, 11, 100):
        Image.new("RGB", (4, 3), (number, 0, 0)).save(tmp_path / f"frame_{number}.png")
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / ".hidden.png").write_text("no frame")
    frames = reader.read_video(tmp_path).frames
    assert frames[:, 0, 0, 0].tolist() == [1, 2, 9, 10, 11, 100]
    assert reader.read_video(tmp_path, limit=2).frames[:, 0, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["frame.png", "frame.bmp", "frame.tif", "frame.webp"])
def test_a_single_image_of_any_type_is_one_frame(tmp_path: Path, name: str) -> None:
    picture = noise(1)[0]
    Image.fromarray(picture).save(tmp_path / name, lossless=True)
    read = reader.read_video(tmp_path / name)
    assert np.array_equal(read.frames, picture[None])
    assert read.rate is None


def test_masks_of_any_depth_are_read_as_eight_bits(tmp_path: Path) -> None:
    values = np.array([[0, 1], [0, 1]], np.uint8)
    Image.fromarray(values * 255).save(tmp_path / "1.png")
    Image.fromarray(values.astype(bool)).save(tmp_path / "2.png")
    Image.fromarray(values.astype(np.uint16) * 65535).save(tmp_path / "3.png")
    Image.fromarray(np.repeat(values[..., None] * 255, 4, axis=2)).save(tmp_path / "4.png")
    masks = list(reader.FrameReader(tmp_path).masks())
    assert np.array_equal(masks, np.stack([values * 255] * 4))


def test_a_sequence_folder_gives_its_input_and_its_mask(tmp_path: Path) -> None:
    rgb, mask = noise(3), noise(3)[..., 0]
    sequence.write_sequence(tmp_path / "sequence", rgb, mask, 255 - rgb)
    assert np.array_equal(reader.read_video(tmp_path / "sequence").frames, rgb)
    masks = reader.read_video(tmp_path / "sequence", part=sequence.MASK).frames
    assert np.array_equal(masks, np.repeat(mask[..., None], 3, axis=-1))


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".mkv", "pcm_s16le")])
def test_sound_is_copied_as_it_is(tmp_path: Path, suffix: str, codec: str) -> None:
    source, output = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_with_sound(source, codec, frames=20)
    writer.write_video(output, reader.read_video(source), sound=source)
    assert sound_of(output) == sound_of(source) != []
    assert len(reader.read_video(output).frames) == 20


def test_sound_ends_with_the_frames(tmp_path: Path) -> None:
    source, output = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_with_sound(source, "pcm_s16le", frames=20)
    writer.write_video(output, reader.read_video(source, limit=10), sound=source)
    assert 0.4 < len(sound_of(output)) / len(sound_of(source)) < 0.6


def test_sound_that_the_container_does_not_support_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, output = tmp_path / "in.wmv", tmp_path / "out.mp4"
    write_with_sound(source, "wmav2", frames=20)
    with caplog.at_level("INFO"):
        writer.write_video(output, reader.read_video(source), sound=source)
    assert "the sound (wmav2) is left out: mp4 does not support it" in caplog.text
    with av.open(str(output)) as container:
        assert not container.streams.audio


def test_a_file_that_is_not_a_video_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is not a video" * 100)
    with pytest.raises(InputError, match=r"broken\.mp4 can't be read as a video"):
        reader.read_video(broken)


def test_a_video_that_was_cut_short_is_read_as_far_as_possible_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cut.mp4"
    writer.write_video(path, Video(noise(20, 64, 64), Fraction(25)))
    path.write_bytes(path.read_bytes()[:-20000])
    found = len(reader.read_video(path).frames)
    assert 0 < found < 20
    assert f"declares 20 frames, but only {found} can be read" in caplog.text


def test_a_folder_without_images_and_one_of_different_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds neither images nor a folder RGB_480"):
        reader.read_video(tmp_path)
    Image.new("RGB", (4, 3)).save(tmp_path / "1.png")
    Image.new("RGB", (5, 3)).save(tmp_path / "2.png")
    with pytest.raises(InputError, match=r"2\.png is 5x3, but the first frame is 4x3"):
        reader.read_video(tmp_path)
    (tmp_path / "2.png").write_text("no image")
    with pytest.raises(InputError, match=r"2\.png can't be read as an image"):
        reader.read_video(tmp_path)


def test_two_masks_for_one_frame_are_refused_where_masks_are_paired_by_number(tmp_path: Path) -> None:
    for name in ("frame_1", "frame_2", "cat_1_1", "cat_2_1"):
        folder = tmp_path / ("frames" if name.startswith("frame") else "masks")
        folder.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(folder / f"{name}.png")
    frames, masks = (reader.FrameReader(tmp_path / name) for name in ("frames", "masks"))
    with pytest.raises(InputError, match=r"two masks for one frame, cat_1_1.png and cat_2_1.png; unite them"):
        reader.pair_masks(frames, masks)


def test_a_video_of_huge_frames_is_refused_before_one_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 6000, 6000, "yuvj420p"
        container.mux(stream.encode(VideoFrame(6000, 6000, "yuvj420p")))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"huge\.mkv has no frames .* of over 33554432 pixels"):
        reader.read_video(path)


def test_a_frame_that_becomes_huge_inside_a_video_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (32, 16)).save(encoded, "JPEG")
    small = encoded.getvalue()
    header = small.index(b"\xff\xc0") + 5  # height and width, 16 bits each, in the start of the frame
    huge = small[:header] + (6_000).to_bytes(2, "big") * 2 + small[header + 4 :]
    (tmp_path / "clip.mjpeg").write_bytes(2 * small + huge)
    with pytest.raises(InputError, match=r"clip\.mjpeg can't be read as a video .*, after 2 frames"):
        reader.read_video(tmp_path / "clip.mjpeg")


def test_an_output_never_replaces_files_of_another_program(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    Image.new("RGB", (4, 3)).save(frames / "frame_00001.png")
    writer.check_output(frames, [])
    for output, inputs in (
        (frames, [frames]),
        (frames / "inner", [frames]),
        (frames / "frame_00001.png", []),
        (tmp_path, []),
        (tmp_path / "out.webm", []),
        (frames / "frame_00001.png" / "out.mp4", []),
    ):
        with pytest.raises(UsageError, match="--output"):
            writer.check_output(output, inputs)


def test_a_failed_write_leaves_the_earlier_output(tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    writer.write_video(output, Video(smooth(), Fraction(25)))
    before = output.read_bytes()
    with pytest.raises(ValueError):
        writer.write_video(output, Video(smooth()[..., :2], Fraction(25)))
    assert output.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.mkv"]


def test_frames_are_written_even_if_the_sound_can_not_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    writer.write_video(tmp_path / "out.mkv", Video(smooth(), Fraction(25)), sound=broken)
    assert np.array_equal(reader.read_video(tmp_path / "out.mkv").frames, smooth())
    assert "can't be copied" in caplog.text


CLIPS = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from inpainting.video.reader import Video
from inpainting.video.writer import write_video

noise = np.random.default_rng(1).integers(0, 256, (3, 272, 480, 3), dtype=np.uint8)
blocks = noise[:, :34, :60].repeat(8, axis=1).repeat(8, axis=2)
for name, frames in (("first", noise), ("second", blocks)):
    write_video(Path(sys.argv[1]) / f"{name}.mp4", Video(frames, Fraction(25)))
"""


def test_an_mp4_has_the_same_bytes_whatever_uninitialised_memory_holds(tmp_path: Path) -> None:
    """glibc fills memory that is handed out anew with a byte of MALLOC_PERTURB_."""
    for byte in ("1", "254"):
        command = [sys.executable, "-c", CLIPS, str(tmp_path / byte)]
        subprocess.run(command, env=os.environ | {"MALLOC_PERTURB_": byte}, check=True)
    for name in ("first.mp4", "second.mp4"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "254" / name).read_bytes()
