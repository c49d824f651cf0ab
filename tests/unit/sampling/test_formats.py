"""The forms of videos and masks that the pipeline accepts, and the forms of its frames."""

from typing import Any

import numpy as np
import pytest
import torch
from inpainting.core.errors import InputError
from inpainting.sampling.arguments import ArgumentError
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline
from numpy.typing import NDArray
from PIL import Image

from .conftest import NOISE, SIZE, Pixels, frames, inputs

COLOURS_AND_ALPHA = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 4), np.uint8)


def test_all_output_types_have_the_same_frames(pipeline: CogVideoXInpaintPipeline) -> None:
    exact = frames(pipeline)
    scaled = pipeline(**inputs(output_type="np")).frames
    assert exact.dtype == np.uint8 and scaled.dtype == np.float32
    assert np.array_equal((scaled * 255).round(), exact)
    assert np.array_equal(pipeline(**inputs(output_type="pt")).frames.permute(0, 2, 3, 1).numpy(), scaled)
    assert np.array_equal(np.stack([np.asarray(image) for image in frames(pipeline, output_type="pil")]), exact)
    assert np.array_equal(np.stack(list(frames(pipeline, output_type="stream"))), exact)
    latents = pipeline(**inputs(output_type="latent")).frames
    assert latents.shape == NOISE
    with pytest.raises(InputError, match="output_type: 'gif' was given, but there are uint8, np"):
        frames(pipeline, output_type="gif")


def forms_of_video(video: Pixels) -> dict[str, Any]:
    """The same video in every form that is taken."""
    scaled = video.astype(np.float32) / 255
    pictures = [Image.fromarray(frame) for frame in video]
    return {
        "pictures": pictures,
        "with alpha": [picture.convert("RGBA") for picture in pictures],
        "arrays": list(video),
        "float": scaled,
        "float16": scaled.astype(np.float16),
        "tensor": torch.from_numpy(scaled).permute(0, 3, 1, 2),
        "bytes tensor": torch.from_numpy(video).permute(0, 3, 1, 2),
        "tensors": list(torch.from_numpy(scaled).permute(0, 3, 1, 2)),
    }


def test_all_forms_of_a_video_give_the_same_frames(pipeline: CogVideoXInpaintPipeline) -> None:
    exact = frames(pipeline)
    for name, video in forms_of_video(inputs()["video"]).items():
        assert np.array_equal(frames(pipeline, video=video), exact), name
    grey = inputs()["video"][..., :1].repeat(3, axis=-1)
    pictures = [Image.fromarray(frame[..., 0]) for frame in grey]
    assert np.array_equal(frames(pipeline, video=pictures), frames(pipeline, video=grey))


def forms_of_mask(hole: NDArray[np.bool_]) -> dict[str, Any]:
    """The same mask, equal in all frames, in every form that is taken."""
    levels = 255 * hole.astype(np.uint8)
    pictures = [Image.fromarray(frame) for frame in levels]
    return {
        "0 and 255": levels,
        "0 and 1": hole.astype(np.uint8),
        "float": hole.astype(np.float32),
        "with a channel": levels[..., None],
        "pictures": pictures,
        "mode 1": [picture.convert("1") for picture in pictures],
        "colours": [picture.convert("RGB") for picture in pictures],
        "one picture": pictures[0],
        "one image": hole[0],
        "equal colour channels": levels[..., None].repeat(3, axis=-1),
        "opaque alpha": np.concatenate(
            [levels[..., None].repeat(3, axis=-1), np.full_like(levels, 255)[..., None]], -1
        ),
        "one image with colour channels": levels[0, ..., None].repeat(3, axis=-1),
        "red": levels[..., None] * np.array([1, 0, 0], np.uint8),
        "alpha": np.concatenate([np.full((*levels.shape, 3), 7, np.uint8), levels[..., None]], -1),
        "blue pictures": [Image.fromarray(frame[..., None] * np.array([0, 0, 1], np.uint8)) for frame in levels],
        "numbered objects": [picture.convert("P", palette=Image.Palette.ADAPTIVE) for picture in pictures],
        "opaque pictures": [picture.convert("RGBA") for picture in pictures],
        "grey levels": 60 + levels // 2,
        "grey pictures": [Image.fromarray(60 + frame // 2) for frame in levels],
        "tensor": torch.from_numpy(hole),
        "tensor with colour channels": torch.from_numpy(levels)[:, None].repeat(1, 3, 1, 1),
        "tensor with a channel": torch.from_numpy(hole)[:, None].float(),
    }


def test_all_forms_of_a_mask_give_the_same_frames(pipeline: CogVideoXInpaintPipeline) -> None:
    exact = frames(pipeline)
    for name, mask in forms_of_mask(inputs()["mask"]).items():
        assert np.array_equal(frames(pipeline, mask=mask), exact), name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"video": "clip.mp4"}, "the video is a str; give an array, a tensor or a list of PIL images"),
        ({"video": []}, "the pictures of the video are none"),
        ({"video": [np.zeros((4, 4, 3)), np.zeros((4, 5, 3))]}, "of several sizes"),
        (
            {"video": np.zeros((9, SIZE, SIZE), np.uint8)},
            r"the video is \[9, 32, 32\]; give \[frames, height, width, 3\]",
        ),
        ({"video": torch.zeros(9, SIZE, SIZE, 3)}, r"the video is .*; give \[frames, 3, height, width\]"),
        (
            {"video": np.full((9, SIZE, SIZE, 3), 255.0)},
            "values reach from 255 to 255; floats have to be in 0..1",
        ),
        ({"video": np.zeros((9, SIZE, SIZE, 3), np.int64)}, "the video is of int64"),
        ({"mask": np.zeros((8, SIZE, SIZE), bool)}, "the frames are 9 of 32x32 and the masks 8 of 32x32"),
        (
            {"mask": np.full((9, SIZE, SIZE), 2, np.uint8)},
            "the mask's values reach 2 of 255, below mask_threshold, 128",
        ),
        ({"mask": np.full((9, SIZE, SIZE), 0.2)}, "the mask's values reach 51 of 255, below mask_threshold, 128"),
        ({"mask": Image.new("L", (SIZE, SIZE), 7)}, "the mask's values reach 7 of 255, below mask_threshold, 128"),
        ({"mask": np.zeros((9, SIZE, SIZE), np.int64)}, "the mask is of int64"),
        ({"mask": np.tile(COLOURS_AND_ALPHA, (9, 1, 1, 1))}, "the mask has colours and an alpha that both vary"),
        ({"mask": Image.fromarray(COLOURS_AND_ALPHA)}, "a mask's picture has colours and an alpha that both vary"),
        ({"video": [Image.new("I;16", (SIZE, SIZE))] * 9}, "of the mode I;16; convert it to RGB"),
        ({"video": np.zeros((9, SIZE, SIZE, 4), np.uint8)}, r"the video is \[9, 32, 32, 4\]; give"),
        ({"mask": np.full((9, SIZE, SIZE), np.nan)}, "the mask's values reach from nan to nan"),
        ({"mask": Image.new("F", (SIZE, SIZE))}, "a mask's picture has pixels of mode F"),
    ],
)
def test_videos_and_masks_of_other_forms_are_refused_in_one_sentence(
    pipeline: CogVideoXInpaintPipeline, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence) as raised:
        pipeline(**inputs(**options))
    assert isinstance(raised.value, ValueError) and "\n" not in str(raised.value)


def test_an_empty_mask_is_logged(pipeline: CogVideoXInpaintPipeline, caplog: pytest.LogCaptureFixture) -> None:
    video = inputs()["video"]
    assert np.array_equal(frames(pipeline, mask=np.zeros(video.shape[:3], np.uint8)), video)
    assert "the mask is empty: nothing is inpainted" in caplog.text
