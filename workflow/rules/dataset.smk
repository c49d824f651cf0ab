"""Sequences: made where none are given, audited, and split."""


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
        code=code_digest("dataset/sample.py", "dataset/scenes.py", "dataset/objects.py"),
    shell:
        "inpaint sample {params.out} {params.options} --frames {params.frames} --seed {params.seed}"
        " --workers {threads} 2>&1 | tee {log}"


rule audit:
    input:
        # A dataset's folder changes when sequences come or go; the sample's table when it is made anew.
        dataset=settings.dataset.root or rules.sample.output.table,
    output:
        manifest="results/dataset/manifest.parquet",
        rejected="results/dataset/rejected.tsv",
        summary="results/dataset/summary.json",
    log:
        "results/logs/audit.log",
    benchmark:
        "results/benchmarks/audit.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        options=f"{settings.dataset.audit.to_options()} {MASKS}",
        root=lambda wildcards: DATASET,
        out=subpath(output.manifest, parent=True),
        frames=settings.dataset.frames,
        code=code_digest("dataset", "video"),
    shell:
        "inpaint audit {params.root:q} {params.out} --frames {params.frames} {params.options}"
        " --workers {threads} 2>&1 | tee {log}"


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
        code=code_digest("dataset/split.py"),
    shell:
        "inpaint split {input.manifest} {output.table} {params.options} --seed {params.seed} 2>&1 | tee {log}"
