"""Writes docs/demo.webp, the moving picture of the README: `python docs/scripts/picture.py` after `make demo`.

It is the clip that opens the demo's report, a test sequence chosen at random, smaller.
"""

from pathlib import Path

import av
from inpainting.core.files import atomic_path

EXAMPLES = Path("results/figures/examples")
PICTURE = Path(__file__).parents[1] / "demo.webp"
WIDTH, QUALITY, MILLISECONDS = 720, 40, 120
"""Width in pixels, WebP's quality, and the time of a frame: as good as fits into 200 kB."""


def write_picture(clip: Path, picture: Path) -> None:
    """Write the frames of a video as an animated WebP that repeats."""
    with av.open(str(clip)) as video:
        frames = [frame.to_image() for frame in video.decode(video=0)]
    height = round(WIDTH * frames[0].height / frames[0].width)
    first, *others = [frame.resize((WIDTH, height)) for frame in frames]
    with atomic_path(picture) as temporary:
        options = {"duration": MILLISECONDS, "quality": QUALITY, "method": 6, "loop": 0}
        first.save(temporary, "WEBP", save_all=True, append_images=others, **options)


if __name__ == "__main__":
    write_picture(min(EXAMPLES.glob("random-*/clip.mp4")), PICTURE)
