"""Latents of the training sequences' windows, and the embedding of the prompt."""

from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.planning.disk import missing_checkpoint_bytes
from inpainting.stages.latents.settings import (
    EncodeSettings,
    PromptSettings,
    TruthSettings,
)
from inpainting.video.settings import HoleSettings

SHARDS = range(settings.latents.shards)
ENCODE = (
    f"{MODEL} {WINDOWS} {settings.latents.section(EncodeSettings).to_options(*TRACKED)}"
    f" --frames {settings.dataset.frames} --shards {settings.latents.shards}"
)
SOURCES = sorted({training.condition_source for training in experiments.values()})
FOLDERS = ["results/latents/truth"] + [
    f"results/latents/condition/{source}" for source in SOURCES
]
RESERVE = missing_checkpoint_bytes(settings, Path("results/training"))
# What all jobs together will write is checked before the first window is encoded.
ENCODE_EXECUTION = (
    f"{settings.latents.section(EncodeSettings).to_options(Role.EXECUTION)}"
    f" --content-folders {','.join(FOLDERS)} --reserve-gb {RESERVE / 1e9:.3f} {DEVICE}"
)
TRUTH = settings.latents.section(TruthSettings).to_options()
HOLE = f"{settings.masks.section(HoleSettings).to_options()} {NAMES_OF_FOLDERS}".strip()


wildcard_constraints:
    source="[a-z_]+",
    shard=r"\d+",


rule encode_truth:
    input:
        base=ancient(BASE),
        split=rules.split.output.table,
        manifest=rules.audit.output.manifest,
    output:
        # The shard beside it is undeclared: Snakemake would delete it before it repeats the job, and all its sequences
        # would be encoded again. So is the table of sequences that were left out.
        listing="results/latents/truth/shard-{shard}.parquet",
    log:
        "results/logs/encode-truth-{shard}.log",
    benchmark:
        "results/benchmarks/encode-truth-{shard}.tsv"
    priority: 1  # trainings and all that they need come first
    threads: 8 if GPUS else 1  # with a GPU, processes that read and fill; the small model needs only one
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
    params:
        content="truth",
        shard=subpath(output.listing, strip_suffix=".parquet"),
        options=verbatim(f"{ENCODE} {TRUTH} {HOLE}"),
        execution=lambda wildcards, threads: ENCODE_EXECUTION,
        root=verbatim(DATASET),
        version=LATENTS_VERSION,
    shell:
        "inpaint encode --content {params.content} --dataset {params.root:q} --split-file {input.split}"
        " --manifest {input.manifest} --shard {wildcards.shard} --workers {threads}"
        " --out {params.shard}.safetensors {params.options} {params.execution} 2>&1 | tee {log}"


use rule encode_truth as encode_condition with:
    output:
        listing="results/latents/condition/{source}/shard-{shard}.parquet",
    log:
        "results/logs/encode-{source}-{shard}.log",
    benchmark:
        "results/benchmarks/encode-{source}-{shard}.tsv"
    params:
        content="{source}",
        shard=subpath(output.listing, strip_suffix=".parquet"),
        options=verbatim(f"{ENCODE} {MASKS}"),
        execution=lambda wildcards, threads: ENCODE_EXECUTION,
        root=verbatim(DATASET),
        version=LATENTS_VERSION,


rule index:
    input:
        truths=expand(rules.encode_truth.output.listing, shard=SHARDS),
        conditions=expand(
            rules.encode_condition.output.listing, shard=SHARDS, allow_missing=True
        ),
        split=rules.split.output.table,
    output:
        index="results/latents/index-{source}.parquet",
    log:
        "results/logs/index-{source}.log",
    benchmark:
        "results/benchmarks/index-{source}.tsv"
    priority: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        truths=lambda wildcards, input: ",".join(input.truths),
        conditions=lambda wildcards, input: ",".join(input.conditions),
        version=LATENTS_VERSION,
    shell:
        "inpaint index --truths {params.truths} --conditions {params.conditions} --split-file {input.split}"
        " --out {output.index} 2>&1 | tee {log}"


rule prompt:
    input:
        base=ancient(BASE),
    output:
        prompt="results/latents/prompt.safetensors",
    log:
        "results/logs/prompt.log",
    benchmark:
        "results/benchmarks/prompt.tsv"
    priority: 1
    resources:
        mem_mb=24000 if GPUS else 2000,
        runtime=60,
        gpu=GPUS,
    params:
        options=verbatim(
            f"{settings.latents.section(PromptSettings).to_options()} {MODEL}"
        ),
        execution=lambda wildcards, threads: DEVICE,
        version=LATENTS_VERSION,
    shell:
        "inpaint prompt {params.options} {params.execution} --out {output.prompt} 2>&1 | tee {log}"
