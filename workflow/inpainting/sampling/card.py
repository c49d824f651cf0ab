"""The model card of an exported adapter."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from inpainting.conditioning.adapter import AdapterConfig
from inpainting.models.adapter_files import LORA_FILE, WIDENED_FILE
from inpainting.sampling.settings import DEFAULT_STEPS

TASK = "video-to-video"
TEMPLATE = """---
{front}
---
# {name}

An adapter that makes {base} inpaint: LoRA{widened}, trained on {frames} frames at a time.

## Use

With the package `inpainting` installed:

```python
from inpainting.sampling.pipeline import CogVideoXInpaintPipeline

pipeline = CogVideoXInpaintPipeline.from_pretrained("{base}").load_adapter("{name}")
frames = pipeline(video, mask, num_inference_steps={steps}).frames
```

`video`: uint8 [frames, height, width, 3]; `mask`: uint8 [frames, height, width], {polarity} where to inpaint. Or:

    inpaint run --base {base} --adapter {name} --input video.mp4 --mask mask.mp4 --output out.mp4 --steps {steps}

{diffusers}

## What it was trained with

| what | value |
|---|---|
{settings}

## Scores

{scores}

`provenance.json` has the digests of its files, the training's settings and the versions of all packages.
"""


WIDENED = """The LoRA, `{lora}`, is not complete without `{widened_file}`: the patch embedding with {channels} input
channels, for noisy latents, condition latents and mask. diffusers alone loads the LoRA into a transformer whose
`patch_embed.proj` was replaced by that layer, with `in_channels={channels}`:"""

COMPLETE = (
    """The LoRA, `{lora}`, is complete; the transformer's other weights are the base's. diffusers alone loads it:"""
)

LOAD = """

```python
transformer.load_lora_adapter("{name}", weight_name="{lora}")
```"""


def model_card(name: str, config: AdapterConfig, record: dict[str, Any]) -> str:
    """Markdown with the front matter that model hubs read. record: the content of provenance.json."""
    runs = record["validation"] or []
    return TEMPLATE.format(
        front=_front_matter(name, config.base, runs),
        base=config.base,
        name=name,
        widened=" and a widened patch embedding" if config.widened else "",
        frames=config.windows.window,
        steps=runs[0]["sampling_steps"] if runs else config.sampling_steps or DEFAULT_STEPS,
        polarity="black" if config.masks.mask_invert else "white",
        diffusers=_diffusers(name, config),
        settings="\n".join(f"| {what} | {value} |" for what, value in _settings(config, record["training"])),
        scores=_scores(runs),
    )


def _front_matter(name: str, base: str, runs: list[dict[str, Any]]) -> str:
    """What model hubs read, as YAML; the scores as the model-index, a value per score and number of denoising steps."""
    results = [
        EvalResult(
            task_type=TASK,
            dataset_type="validation",
            dataset_name="validation set",
            metric_type=metric,
            metric_name=f"{metric}, {run['sampling_steps']} denoising steps",
            metric_value=score["mean"],
        )
        for run in runs
        for metric, score in run["scores"].items()
        if score["mean"] is not None
    ]
    data = ModelCardData(
        base_model=base,
        library_name="diffusers",
        pipeline_tag=TASK,
        tags=["video-inpainting", "cogvideox", "lora"],
        model_name=name if results else None,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _diffusers(name: str, config: AdapterConfig) -> str:
    """How diffusers loads the LoRA without this package, and what else it needs."""
    text = WIDENED if config.widened else COMPLETE
    return (text + LOAD).format(
        name=name,
        lora=LORA_FILE,
        widened_file=WIDENED_FILE,
        channels=config.channels,
    )


def _settings(config: AdapterConfig, training: dict[str, Any] | None) -> list[tuple[str, str]]:
    rows = [
        (name.replace("_", " "), str(value))
        for part in (config.lora, config.condition, config.masks, config.windows)
        for name, value in part.model_dump(mode="json").items()
    ]
    if training is not None:
        rows += [("training steps", f"{training['step']:,}")]
        rows += [(f"training: {name.replace('_', ' ')}", str(value)) for name, value in training["settings"].items()]
    return rows


def _scores(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return "No scores were given at export."
    lines = ["Raw output inside the mask, on the validation set; mean, and 95 % interval over sequences.", ""]
    names = list(runs[0]["scores"])
    lines += [f"| denoising steps | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
    for run in runs:
        cells = [_interval(run["scores"][name]) for name in names]
        lines.append(f"| {run['sampling_steps']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _interval(score: dict[str, float | None]) -> str:
    mean, low, high = (score.get(name) for name in ("mean", "low", "high"))
    text = "–" if mean is None else f"{mean:.3f}"
    return text if low is None or high is None else f"{text} ({low:.3f} to {high:.3f})"
