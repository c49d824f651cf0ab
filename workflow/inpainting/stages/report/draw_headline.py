"""`inpaint draw-headline`: the report's opening, a fragment of HTML that its description takes in."""

from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.core.errors import InputError
from inpainting.core.files import write_text
from inpainting.core.html import data_uri, render
from inpainting.core.settings import existing
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

NUMBERS = ("fine-tuned", "untouched base model", "best classical", "ceiling of the VAE")
"""Whose PSNR stands in large figures."""


def draw_headline(settings: DrawHeadlineCommand) -> None:
    """Write the result in one sentence and a few figures, an example, and the comparison."""
    summary = ResultsSummary.read(settings.summary, "--summary")
    figure = existing(settings.comparison, "--comparison", "the .svg of `inpaint draw-comparison`")
    clips = sorted(
        existing(settings.examples, "--examples", "the folder of `inpaint draw-examples`").glob("*/clip.mp4")
    )
    if not clips:
        raise InputError(f"{settings.examples} holds no clip.mp4; make them with `inpaint draw-examples`")
    fragment = render(
        FRAGMENT,
        sentence=summary.sentence,
        numbers=headline_numbers(summary),
        clip=data_uri(clips[0], "video/mp4"),
        comparison=data_uri(figure, "image/svg+xml"),
    )
    write_text(settings.out, fragment)


def headline_numbers(summary: ResultsSummary) -> list[dict[str, str]]:
    """The PSNR in the mask of the best adapter and of what it is compared with, each with its name."""
    found = zip((summary.adapter, summary.base, summary.classical, summary.ceiling), NUMBERS, strict=True)
    return [
        {"value": f"{row.psnr_mask:.1f} dB", "name": name}
        for row, name in found
        if row is not None and row.psnr_mask is not None
    ]
