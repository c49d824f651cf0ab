"""Frames of videos whose colours, orientation or fields are not those of plain pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from inpainting.core.errors import InputError
from inpainting.video import reader, writer
from inpainting.video.reader import Video
from numpy.typing import NDArray
from video_frames import smooth


def write_marked(path: Path, frames: NDArray[np.uint8], **marks: int) -> None:
    """A lossless video of 8 bits whose header has some of the codes for colours."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv444p"
        for name, code in marks.items():
            setattr(stream.codec_context, name, code)
        for picture in frames:
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        ({"color_trc": 16, "color_primaries": 9}, "PQ and BT.2020"),
        ({"color_trc": 18}, "HLG"),
        ({"color_primaries": 12}, "P3"),
    ],
)
def test_colours_that_screens_do_not_have_are_refused_with_the_line_that_maps_them(
    tmp_path: Path, marks: dict[str, int], found: str
) -> None:
    write_marked(tmp_path / "clip.mp4", smooth(2), **marks)
    with pytest.raises(InputError, match=rf"has colours of .*{found}; map them first: ffmpeg -i IN -vf zscale"):
        reader.read_video(tmp_path / "clip.mp4")
    assert len(list(reader.FrameReader(tmp_path / "clip.mp4").masks())) == 2


def test_a_video_that_its_header_mirrors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    writer.write_video(path, Video(smooth(2), Fraction(25)))
    fixed = (1 << 16).to_bytes(4, "big")
    data = path.read_bytes()
    header = data.index(b"tkhd")
    mirrored = (-(1 << 16)).to_bytes(4, "big", signed=True) + bytes(12) + fixed
    path.write_bytes(data[:header] + data[header:].replace(fixed + bytes(12) + fixed, mirrored, 1))
    with pytest.raises(InputError, match="has a header that mirrors its frames; mirror them first: ffmpeg"):
        reader.read_video(path)


def test_interlaced_frames_are_read_with_a_warning_that_has_the_line_that_mends_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "clip.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"x264-params": "tff=1:interlaced=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for picture in smooth(3, 64, 64):
            output.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    assert len(reader.read_video(tmp_path / "clip.mp4").frames) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "-vf bwdif" in caplog.text


def test_a_red_hole_in_a_video_of_masks_is_a_hole(tmp_path: Path) -> None:
    frames = np.zeros((2, 16, 24, 3), np.uint8)
    frames[:, 4:12, 8:16, 0] = 255
    write_marked(tmp_path / "mask.mp4", frames)
    assert np.array_equal(np.stack(list(reader.FrameReader(tmp_path / "mask.mp4").masks())) > 127, frames[..., 0] > 0)
