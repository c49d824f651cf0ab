"""The page that compares any two methods on one frame, with a divider that the reader moves."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inpainting.core.html import data_uri, embedded_json, render_page

SCRIPT = Path(__file__).with_name("slider.js")

PIXELS = 8_000_000
"""Most pixels on a page, some 1 MB; more images are scaled down."""

PAGE = """
<p>{{ introduction }}</p>
<noscript><p>Comparing needs JavaScript; the image of selected frames shows the same without it.</p></noscript>
<div class="tools">
<label>Left <select id="left"></select></label>
<label>Right <select id="right"></select></label>
<label>Frame <input id="frame" type="range" min="0" value="0"> <output id="number"></output></label>
</div>
<div id="compare" hidden>
<img id="under" alt=""><img id="over" alt="">
<input id="divider" type="range" min="0" max="100" step="0.5" value="50" aria-label="Divider between left and right">
</div>
<script id="images" type="application/json">{{ images }}</script>
<style>
#compare { position: relative; max-width: 60rem; overflow: hidden; touch-action: pan-y; }
#compare img { display: block; width: 100%; }
#over { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at, 50%)); }
#compare::after { content: ""; position: absolute; top: 0; bottom: 0; left: calc(var(--at, 50%) - 1px);
  border-left: 2px solid #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
#divider { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
#compare:focus-within { outline: 2px solid var(--accent); }
</style>
"""


def slider_page(
    title: str, introduction: str, clips: list[tuple[str, NDArray[np.uint8]]], places: list[int], first: tuple[int, int]
) -> str:
    """The page; clips: names and frames, uint8 [frames, height, width, 3]; places: indices of the frames that it holds.

    first: indices of the clips that are shown on the left and on the right at first.
    """
    height, width = clips[0][1].shape[1:3]
    scale = min((PIXELS / (len(clips) * len(places) * height * width)) ** 0.5, 1.0)
    size = (round(width * scale), round(height * scale))
    images = {
        "names": [name for name, _ in clips],
        "frames": [place + 1 for place in places],
        "first": first,
        "images": [[_webp(frames[place], size) for place in places] for _, frames in clips],
    }
    return render_page(title, PAGE, scripts=[SCRIPT], introduction=introduction, images=embedded_json(images))


def _webp(frame: NDArray[np.uint8], size: tuple[int, int]) -> str:
    image, out = Image.fromarray(frame), io.BytesIO()
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.save(out, "webp", quality=85)
    return data_uri(out.getvalue(), "image/webp")
