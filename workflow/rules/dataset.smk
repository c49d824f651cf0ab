"""The sequences: synthetic ones if no dataset is given, then inspection, audit and split."""

from inpainting.artifacts.groups import GROUPS
from inpainting.artifacts.inspected_shard import INSPECTION_VERSION
from inpainting.artifacts.sample_table import SAMPLE_VERSION
from inpainting.artifacts.split import SPLIT_VERSION
from inpainting.stages.dataset.inspect_shard import shard_digests
from inpainting.stages.dataset.settings import AuditSettings

INSPECTION = (
    f"{settings.dataset.audit.section(AuditSettings).to_options()} {MASKS}"
    f" --frames {settings.dataset.frames} --seed {settings.seed}"
)
# Snakemake repeats a shard's job if its sequences' names change; the job then reads only new sequences. Changes of sample
# sequences show in their table.
NAMES = (
    shard_digests(Path(DATASET), settings.dataset.audit.shards)
    if settings.dataset.root
    else [None] * settings.dataset.audit.shards
)


rule sample:
    output:
        table="results/dataset/sample/sample.tsv",
    log:
        "results/logs/sample.log",
    benchmark:
        "results/benchmarks/sample.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        options=verbatim(
            f"{settings.dataset.sample.to_options()} {NAMES_OF_FOLDERS}".strip()
        ),
        frames=settings.dataset.frames,
        seed=settings.seed,
        out=subpath(output.table, parent=True),
        version=SAMPLE_VERSION,
    shell:
        "inpaint sample {params.out} {params.options} --frames {params.frames} --seed {params.seed}"
        " --workers {threads} 2>&1 | tee {log}"


rule inspect:
    input:
        sample=[] if settings.dataset.root else rules.sample.output.table,
    output:
        # The inspection cache {shard}.cache/ is beside it, undeclared, so that Snakemake does not delete it.
        found="results/dataset/inspected/{shard}.jsonl",
    log:
        "results/logs/inspect-{shard}.log",
    benchmark:
        "results/benchmarks/inspect-{shard}.tsv"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        options=verbatim(INSPECTION),
        root=verbatim(DATASET),
        shards=settings.dataset.audit.shards,
        # Frames that changed inside a sequence are found only by a scan of all frames: --forcerun inspect
        names=lambda wildcards: NAMES[int(wildcards.shard)],
        version=INSPECTION_VERSION,
    shell:
        "inpaint inspect {params.root:q} {output.found} --shard {wildcards.shard} --shards {params.shards}"
        " {params.options} --workers {threads} 2>&1 | tee {log}"


rule audit:
    input:
        found=expand(
            rules.inspect.output.found, shard=range(settings.dataset.audit.shards)
        ),
        groups=tracked_inputs(
            path for path in [Path(DATASET) / GROUPS] if path.exists()
        ),
    output:
        manifest="results/dataset/manifest.parquet",
        rejected="results/dataset/rejected.tsv",
        warnings="results/dataset/warnings.tsv",
        summary="results/dataset/summary.json",
    log:
        "results/logs/audit.log",
    benchmark:
        "results/benchmarks/audit.tsv"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=verbatim(INSPECTION),
        root=verbatim(DATASET),
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
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        options=settings.dataset.split.to_options(),
        seed=settings.seed,
        version=SPLIT_VERSION,
    shell:
        "inpaint split {input.manifest} {output.table} {params.options} --seed {params.seed} 2>&1 | tee {log}"
