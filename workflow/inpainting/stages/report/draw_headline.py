"""`inpaint draw-headline`: the first part of the report, as HTML that workflow/report/workflow.rst includes."""

from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.core.errors import InputError
from inpainting.core.files import write_text
from inpainting.core.html import data_uri, render
from inpainting.core.settings import existing
from inpainting.stages.report.example_choice import example_folder_parts
from inpainting.stages.report.settings import DrawHeadlineCommand

FRAGMENT = """
<div class="headline">
<p class="sentence">{{ verdict or sentence }}</p>
<div class="numbers">
{% for number in numbers %}
<div><b>{{ number.value }}</b><span>{{ number.name }}</span></div>
{% endfor %}
</div>
<p class="note">PSNR inside the mask, mean over the sequences; higher is better. The ceiling is the truth, encoded and
decoded by the model's VAE.</p>
<div class="scroll" tabindex="0" role="region" aria-label="clip of a test sequence">
<video src="{{ clip }}" autoplay loop muted playsinline controls></video></div>
<p class="note">One test sequence: {{ choice }}. Outputs are pasted over the input, as inpaint run does. The number
beside a method's name is its PSNR inside the mask on this sequence.</p>
<div class="scroll" tabindex="0" role="region" aria-label="figure of the comparison">
<img src="{{ comparison }}" alt="PSNR and SSIM inside the mask by method, with intervals"></div>
</div>
"""

CHOICES = {
    "random": "chosen at random, not by how it looks",
    "best": "the one with the largest gain over the best classical method",
    "worst": "the one with the smallest gain over the best classical method",
}
"""How a sequence was chosen, by role."""

LABELS = ("fine-tuned", "base model, not fine-tuned", "best classical", "ceiling of the VAE")
"""Labels of the PSNR values in large print."""


def draw_headline(settings: DrawHeadlineCommand) -> None:
    """Write the headline sentence, a few numbers, an example clip, and the figure of the comparison."""
    summary = ResultsSummary.read(settings.summary, "--summary")
    figure = existing(settings.comparison, "--comparison", "the .svg of `inpaint draw-comparison`")
    examples = existing(settings.examples, "--examples", "the folder of `inpaint draw-examples`")
    clips = sorted(examples.glob("random-*/clip.mp4")) or sorted(examples.glob("*/clip.mp4"))
    if not clips:
        raise InputError(f"{settings.examples} holds no clip.mp4; make them with `inpaint draw-examples`")
    fragment = render(
        FRAGMENT,
        sentence=summary.sentence,
        verdict=summary.verdict,
        numbers=headline_numbers(summary),
        choice=CHOICES[example_folder_parts(clips[0].parent.name)[0]],
        clip=data_uri(clips[0], "video/mp4"),
        comparison=data_uri(figure, "image/svg+xml"),
    )
    write_text(settings.out, fragment)


def headline_numbers(summary: ResultsSummary) -> list[dict[str, str]]:
    """Label and PSNR inside the mask of the best adapter and of the methods it is compared with."""
    found = zip((summary.adapter, summary.base, summary.classical, summary.ceiling), LABELS, strict=True)
    return [
        {"value": f"{row.psnr_mask:.1f} dB", "name": name}
        for row, name in found
        if row is not None and row.psnr_mask is not None
    ]
