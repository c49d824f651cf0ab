"""Sequences: made where none are given, audited, and split."""

from inpainting.artifacts.groups import GROUPS
from inpainting.artifacts.inspected_shard import INSPECTION_VERSION
from inpainting.artifacts.sample_table import SAMPLE_VERSION
from inpainting.artifacts.split import SPLIT_VERSION
from inpainting.stages.dataset.settings import AuditSettings

INSPECTION = (
    f"{settings.dataset.audit.section(AuditSettings).to_options()} {MASKS}"
    f" --frames {settings.dataset.frames} --seed {settings.seed}"
)


rule sample:
    output:
        table="results/dataset/sample/sample.tsv",
    log:
        "results/logs/sample.log",
    benchmark:
        "results/benchmarks/sample.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        options=settings.dataset.sample.to_options(),
        frames=settings.dataset.frames,
        seed=settings.seed,
        out=subpath(output.table, parent=True),
        version=SAMPLE_VERSION,
    shell:
        "inpaint sample {params.out} {params.options} --frames {params.frames} --seed {params.seed}"
        " --workers {threads} 2>&1 | tee {log}"


rule inspect:
    input:
        # A dataset's folder changes when sequences come or go; the sample's table when it is made anew. Either costs
        # only the sequences that are new or changed. For frames changed within sequences: snakemake --forcerun inspect
        dataset=settings.dataset.root or rules.sample.output.table,
    output:
        # Beside it lies the ledger, {shard}.ledger/, by which nothing is read twice; it outlives what Snakemake deletes.
        found="results/dataset/inspected/{shard}.jsonl",
    log:
        "results/logs/inspect-{shard}.log",
    benchmark:
        "results/benchmarks/inspect-{shard}.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        options=INSPECTION,
        root=lambda wildcards: DATASET,
        shards=settings.dataset.audit.shards,
        version=INSPECTION_VERSION,
    shell:
        "inpaint inspect {params.root:q} {output.found} --shard {wildcards.shard} --shards {params.shards}"
        " {params.options} --workers {threads} 2>&1 | tee {log}"


rule audit:
    input:
        found=expand(
            rules.inspect.output.found, shard=range(settings.dataset.audit.shards)
        ),
        groups=[path for path in [Path(DATASET) / GROUPS] if path.exists()],
    output:
        manifest="results/dataset/manifest.parquet",
        rejected="results/dataset/rejected.tsv",
        warnings="results/dataset/warnings.tsv",
        summary="results/dataset/summary.json",
    log:
        "results/logs/audit.log",
    benchmark:
        "results/benchmarks/audit.tsv"
    conda:
        "../../envs/inpainting.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=INSPECTION,
        root=lambda wildcards: DATASET,
        out=subpath(output.manifest, parent=True),
        found=lambda wildcards, input: ",".join(input.found),
        version=INSPECTION_VERSION,
    shell:
        "inpaint audit {params.root:q} {params.out} --inspected {params.found} {params.options} 2>&1 | tee {log}"


rule split:
    input:
        manifest=rules.audit.output.manifest,
    output:
        table="results/dataset/split.tsv",
        summary="results/dataset/split.json",
    log:
        "results/logs/split.log",
    benchmark:
        "results/benchmarks/split.tsv"
    conda:
        "../../envs/inpainting.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        options=settings.dataset.split.to_options(),
        seed=settings.seed,
        version=SPLIT_VERSION,
    shell:
        "inpaint split {input.manifest} {output.table} {params.options} --seed {params.seed} 2>&1 | tee {log}"
