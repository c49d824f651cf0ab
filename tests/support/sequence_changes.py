"""Changes of a sequence on disk, as they happen to real datasets: other formats, and every kind of damage.

A `Change` takes the folder of a sequence of FRAMES frames of WIDTH x HEIGHT pixels.
"""

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH, frame_name, read_images, read_mask, write_images
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

FRAMES, WIDTH, HEIGHT = 12, 64, 48
FIRST, LAST = frame_name(1), frame_name(FRAMES)
Change = Callable[[Path], object]


def each_mask(change: Callable[[NDArray[np.uint8]], Image.Image]) -> Change:
    """Stores every mask otherwise."""

    def write(sequence: Path) -> None:
        for number, mask in enumerate(read_mask(sequence, 0, FRAMES), start=1):
            change(mask).save(sequence / MASK / frame_name(number))

    return write


def rewrite(folder: str, change: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> Change:
    """Changes all frames of a folder, [frames, height, width(, 3)]."""

    def write(sequence: Path) -> None:
        frames = read_images(sequence / folder, 0, FRAMES, "L" if folder == MASK else "RGB")
        write_images(sequence / folder, change(frames).astype(np.uint8))

    return write


def frame(change: Callable[[Path], object], folder: str = TRUTH, name: str = FIRST) -> Change:
    """Changes one frame's file."""
    return lambda sequence: change(sequence / folder / name)


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, colour: int = 2, depth: int = 8) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def replace_header(path: Path, new: bytes) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:8] + new + data[33:])


def replace_pixels(path: Path, content: bytes | None) -> None:
    """Another IDAT chunk with a right checksum, or none at all."""
    data = path.read_bytes()
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    pixels = b"" if content is None else chunk(b"IDAT", content)
    path.write_bytes(data[:start] + pixels + data[start + 12 + length :])


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 20] ^= 0xFF
    path.write_bytes(data)


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def add_text_bomb(path: Path) -> None:
    data = path.read_bytes()
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8), 9))
    path.write_bytes(data[:33] + bomb + data[33:])


def save_again(path: Path, format: str = "PNG", pnginfo: PngImagePlugin.PngInfo | None = None) -> None:
    with Image.open(path) as image:
        image.load()
        image.save(path, format=format, quality=95, pnginfo=pnginfo)


def save_changed(path: Path, change: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> None:
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(change(pixels)).save(path)


def save_half_a_jpeg(path: Path) -> None:
    save_again(path, format="JPEG")
    os.truncate(path, path.stat().st_size // 2)


def animate(path: Path) -> None:
    with Image.open(path) as image:
        image.save(path, format="PNG", save_all=True, append_images=[image.rotate(180)])


def to_palette(mask: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray((mask > 0).astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    return image


def with_alpha(mask: NDArray[np.uint8]) -> Image.Image:
    return Image.merge("LA", [Image.fromarray(mask), Image.new("L", (WIDTH, HEIGHT), 90)])


def colours_of_16_bits(sequence: Path) -> None:
    for path in (sequence / TRUTH).iterdir():
        image = cv2.imread(str(path))
        assert image is not None
        assert cv2.imwrite(str(path), image.astype(np.uint16) * 257)


def renumber(sequence: Path) -> None:
    for folder in FOLDERS:
        for number in range(1, FRAMES + 1):
            (sequence / folder / frame_name(number)).rename(sequence / folder / frame_name(number - 1))


def name_otherwise(sequence: Path) -> None:
    for path in sorted((sequence / TRUTH).iterdir()):
        path.rename(path.with_name(path.name.removeprefix("frame_")))


def link_folder(sequence: Path) -> None:
    elsewhere = shutil.move(sequence / TRUTH, sequence.parents[1] / "elsewhere")
    (sequence / TRUTH).symlink_to(elsewhere)


def link_frame(path: Path) -> None:
    shutil.copy(path, path.with_name("original.png"))
    replace(path, lambda link: link.symlink_to("original.png"))


def litter(sequence: Path) -> None:
    (sequence / "notes").mkdir()
    (sequence / RGB / "Thumbs.db").write_bytes(b"?")
    (sequence / RGB / ".frame_00001.png.swp").write_bytes(b"?")
    (sequence / RGB / frame_name(FRAMES + 1)).write_bytes(b"")


def soften(mask: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(cv2.GaussianBlur(mask, (0, 0), 2))


def other_scene(sequence: Path) -> None:
    rng = np.random.default_rng(99)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, 2 * WIDTH, 3), dtype=np.uint8), (0, 0), 2)
    wide = cv2.normalize(wide, None, 20, 220, cv2.NORM_MINMAX)
    write_images(sequence / TRUTH, np.stack([wide[:, n : n + WIDTH] for n in range(FRAMES)]))


def invert(sequence: Path) -> None:
    rewrite(MASK, lambda masks: 255 - masks)(sequence)


def remove_nothing(sequence: Path) -> None:
    for path in (sequence / TRUTH).iterdir():
        shutil.copy(path, sequence / RGB)


def hold_still(sequence: Path) -> None:
    for folder in FOLDERS:
        for number in range(2, FRAMES + 1):
            shutil.copy(sequence / folder / FIRST, sequence / folder / frame_name(number))


def replace_folder(folder: str, make: Callable[[Path], object] = lambda path: None) -> Change:
    """Removes one folder of a sequence, or all of it, and puts something else in its place."""

    def write(sequence: Path) -> None:
        shutil.rmtree(sequence / folder)
        make(sequence / folder)

    return write


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "someone")
    return info
