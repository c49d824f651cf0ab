"""Latents of the training sequences' windows, and the embedding of the prompt."""

from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.planning.disk import missing_checkpoint_bytes
from inpainting.stages.latents.settings import (
    EncodeSettings,
    PromptSettings,
    TruthSettings,
)

SHARDS = range(settings.latents.shards)
ENCODE = (
    f"{PLAIN.to_options(*TRACKED)} {WINDOWS} {settings.latents.section(EncodeSettings).to_options(*TRACKED)}"
    f" --frames {settings.dataset.frames} --shards {settings.latents.shards}"
)
SOURCES = sorted({training.condition_source for training in experiments.values()})
CONDITION = "results/latents/condition/{source}/shard-{shard}.parquet"
RESERVE = missing_checkpoint_bytes(settings, Path("results/training"))
# What all jobs together will write is checked before the first window is encoded.
ENCODE_EXECUTION = (
    f"{settings.latents.section(EncodeSettings).to_options(Role.EXECUTION)}"
    f" --contents {','.join(['truth', *SOURCES])} --reserve-gb {RESERVE / 1e9:.3f} {PLAIN.to_options(Role.EXECUTION)}"
)
TRUTH = settings.latents.section(TruthSettings).to_options()


wildcard_constraints:
    source="[a-z_]+",
    shard=r"\d+",


rule encode:
    input:
        base=ancient(BASE),
        split=rules.split.output.table,
        manifest=rules.audit.output.manifest,
    output:
        # The shards beside them are undeclared: Snakemake would delete them before it repeats the job, and all their
        # sequences would be encoded again. So is the table of sequences that were left out.
        truth="results/latents/truth/shard-{shard}.parquet",
        conditions=expand(CONDITION, source=SOURCES, allow_missing=True),
    log:
        "results/logs/encode-{shard}.log",
    benchmark:
        "results/benchmarks/encode-{shard}.tsv"
    priority: 1  # trainings and all that they need come first
    threads: 8 if GPUS else 1  # with a GPU, processes that read and fill; the small model needs only one
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt * MEMORY.encode(threads),
        runtime=lambda wildcards, attempt: attempt * 240,
        gpu=GPUS,
    params:
        options=verbatim(f"{ENCODE} {TRUTH} {MASKS}"),
        # Contents are no tracked parameter: a new one lacks its output, and one less changes nothing.
        execution=lambda wildcards, threads: ENCODE_EXECUTION,
        out=subpath(output.truth, ancestor=2),
        root=verbatim(DATASET),
        version=LATENTS_VERSION,
    shell:
        "inpaint encode --dataset {params.root:q} --split-file {input.split} --manifest {input.manifest}"
        " --shard {wildcards.shard} --workers {threads} --out {params.out} {params.options} {params.execution}"
        " 2>&1 | tee {log}"


rule index:
    input:
        truths=expand(rules.encode.output.truth, shard=SHARDS),
        conditions=expand(CONDITION, shard=SHARDS, allow_missing=True),
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
            f"{settings.latents.section(PromptSettings).to_options()} {PLAIN.to_options(*TRACKED)}"
        ),
        execution=lambda wildcards, threads: PLAIN.to_options(Role.EXECUTION),
        version=LATENTS_VERSION,
    shell:
        "inpaint prompt {params.options} {params.execution} --out {output.prompt} 2>&1 | tee {log}"
