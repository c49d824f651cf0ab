"""`inpaint draw-headline`: the report's opening, a fragment of HTML that its description takes in."""

from typing import Any

from inpainting.core.errors import InputError
from inpainting.core.files import read_json, write_text
from inpainting.core.settings import existing
from inpainting.stages.report.pages import data_uri, render
from inpainting.stages.report.settings import DrawHeadlineCommand

FRAGMENT = """
<div class="headline">
<p class="sentence">{{ sentence }}</p>
<div class="numbers">
{% for number in numbers %}
<div><b>{{ number.value }}</b><span>{{ number.name }}</span></div>
{% endfor %}
</div>
<video src="{{ clip }}" autoplay loop muted playsinline></video>
<p class="note">One test sequence. What was made is pasted over the input, as inpaint run does it; beside each name
stands the PSNR inside the mask.</p>
<img src="{{ comparison }}" alt="PSNR and SSIM inside the mask by method, with intervals">
</div>
"""

NUMBERS = (
    ("adapter", "fine-tuned"),
    ("base", "untouched base model"),
    ("classical", "best classical"),
    ("ceiling", "ceiling of the VAE"),
)
"""Rows of summary.json whose PSNR stands in large figures."""


def draw_headline(settings: DrawHeadlineCommand) -> None:
    """Write the result in one sentence and a few figures, an example, and the comparison."""
    summary = read_json(existing(settings.summary, "--summary", "the summary.json of `inpaint tables`"))
    figure = existing(settings.comparison, "--comparison", "the .svg of `inpaint draw-comparison`")
    clips = sorted(
        existing(settings.examples, "--examples", "the folder of `inpaint draw-examples`").glob("*/clip.mp4")
    )
    if not clips:
        raise InputError(f"{settings.examples} holds no clip.mp4; make them with `inpaint draw-examples`")
    fragment = render(
        FRAGMENT,
        sentence=summary["sentence"],
        numbers=headline_numbers(summary),
        clip=data_uri(clips[0], "video/mp4"),
        comparison=data_uri(figure, "image/svg+xml"),
    )
    write_text(settings.out, fragment)


def headline_numbers(summary: dict[str, Any]) -> list[dict[str, str]]:
    """The PSNR in the mask of the best adapter and of what it is compared with, each with its name."""
    found = [(summary.get(kind), name) for kind, name in NUMBERS]
    return [
        {"value": f"{row['psnr_mask']:.1f} dB", "name": name}
        for row, name in found
        if row is not None and row["psnr_mask"] is not None
    ]
