"""Unusual sequences that the audit accepts, with or without a warning."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from inpainting.artifacts.reasons import Finding
from inpainting.artifacts.record import Record
from inpainting.video.sequence import MASK, RGB, TRUTH, frame_name
from PIL import Image
from sequence_changes import (
    FRAMES,
    HEIGHT,
    WIDTH,
    Change,
    animate,
    colours_of_16_bits,
    each_mask,
    fill,
    frame,
    hold_still,
    invert,
    link_folder,
    link_frame,
    litter,
    remove_nothing,
    rewrite,
    save_again,
    save_changed,
    soften,
    text_chunk,
    to_palette,
    with_alpha,
)

Inspect = Callable[..., tuple[Record, list[Finding]]]

ACCEPTED: dict[str, Change] = {
    "sound": lambda sequence: None,
    "more frames than needed, other files and folders": litter,
    "masks as RGB": each_mask(lambda mask: Image.fromarray(mask).convert("RGB")),
    "masks with a palette": each_mask(to_palette),
    "masks of 1 bit": each_mask(lambda mask: Image.fromarray(mask).convert("1")),
    "masks with soft edges": each_mask(soften),
    "masks with transparency": each_mask(with_alpha),
    "masks in red": each_mask(lambda mask: Image.fromarray(np.dstack([mask, 0 * mask, 0 * mask]))),
    "masks in the alpha of white": each_mask(lambda mask: Image.fromarray(np.dstack([255 + 0 * mask] * 3 + [mask]))),
    "masks of 16 bits": each_mask(lambda mask: Image.fromarray(mask.astype(np.uint16) * 257)),
    "colours of 16 bits": colours_of_16_bits,
    "input with transparency": frame(lambda path: Image.open(path).convert("RGBA").save(path), RGB),
    "truth in grey": frame(lambda path: Image.open(path).convert("RGB").convert("P").save(path)),
    "masks empty in the first frames": rewrite(MASK, lambda masks: masks * (np.arange(FRAMES) > 8)[:, None, None]),
    "masks that leave room around the object": each_mask(
        lambda mask: Image.fromarray(cv2.dilate(mask, np.ones((9, 9))))),
    "masks that come one frame late": rewrite(MASK, lambda masks: masks[np.maximum(np.arange(FRAMES) - 1, 0)]),
    "one hole pixel in one frame": rewrite(
        MASK, lambda masks: np.where(np.arange(masks.size).reshape(masks.shape) == 19732, 255, 0)
    ),
    "a folder that is a link": link_folder,
    "a frame that is a link": frame(link_frame),
    "an animated PNG": frame(animate),
    "bytes after the end": frame(lambda path: fill(path, path.read_bytes() + b"more")),
    "text in a PNG": frame(lambda path: save_again(path, pnginfo=text_chunk())),
    "JPEG by the name of PNG": frame(lambda path: save_again(path, format="JPEG")),
    "TIFF by the name of PNG": frame(lambda path: save_again(path, format="TIFF")),
    "a truth with noise": rewrite(
        TRUTH, lambda frames: np.clip(frames + np.random.default_rng(0).normal(0, 2, frames.shape), 0, 255)
    ),
    "a truth a little brighter": rewrite(TRUTH, lambda frames: np.clip(frames.astype(int) + 4, 0, 255)),
}  # fmt: skip


def turn_by_a_quarter(path: Path) -> None:
    """Store a picture on its side, with the EXIF orientation that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


WARNED: dict[str, tuple[Change, str]] = {
    "masks inverted": (invert, "inverted_mask"),
    "every other mask empty": (
        rewrite(MASK, lambda masks: masks * (np.arange(FRAMES) % 2)[:, None, None]), "flickering_mask"),
    "one mask four times as large": (
        frame(lambda path: save_changed(path, lambda mask: cv2.dilate(mask, np.ones((33, 33)))), MASK, frame_name(6)),
        "jumping_mask"),
    "nothing removed": (remove_nothing, "nothing_removed"),
    "a frame on its side": (frame(turn_by_a_quarter, RGB), "turned_frames"),
    "a static input": (hold_still, "static_sequence"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ACCEPTED)
def test_an_unusual_but_usable_sequence_is_accepted(
    make_scene: Callable[..., Path], inspect_one: Inspect, kind: str
) -> None:
    sequence = make_scene("a")
    ACCEPTED[kind](sequence)
    record, _ = inspect_one(sequence, FRAMES)
    assert (record.reasons, record.warnings) == ("", "")
    assert (record.frames, record.width, record.height) == (FRAMES, WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", WARNED)
def test_a_suspicious_sequence_is_accepted_with_a_warning(
    make_scene: Callable[..., Path], inspect_one: Inspect, kind: str
) -> None:
    sequence = make_scene("a")
    change, code = WARNED[kind]
    change(sequence)
    record, _ = inspect_one(sequence, FRAMES)
    assert (record.verdict, record.reasons) == ("accepted", "")
    assert code in record.warnings.split(";")


@pytest.mark.parametrize("name", ["with spaces", "größe_日本語", "e\u0301"])
def test_names_in_any_script_are_accepted(make_scene: Callable[..., Path], inspect_one: Inspect, name: str) -> None:
    assert inspect_one(make_scene(name), FRAMES)[0].verdict == "accepted"
