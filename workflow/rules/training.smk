"""LoRA and the widened patch embedding, for every experiment."""

from inpainting.stages.training.settings import TRAINING_VERSION


rule train:
    input:
        index=lambda wildcards: expand(
            rules.index.output.index,
            source=experiments[wildcards.experiment].condition_source,
        ),
        prompt=rules.prompt.output.prompt,
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
    output:
        # Checkpoints lie beside it, undeclared: Snakemake would delete them before it repeats a killed job.
        summary="results/training/{experiment}/training.json",
    log:
        "results/logs/train-{experiment}.log",
    benchmark:
        "results/benchmarks/train-{experiment}.tsv"
    priority: 1
    conda:
        "../../envs/inpainting.yaml"
    threads: lambda wildcards: 8 * experiments[wildcards.experiment].processes
    resources:
        mem_mb=lambda wildcards: 12000 * experiments[wildcards.experiment].processes,
        runtime=1440,
        gpu=lambda wildcards: GPUS * experiments[wildcards.experiment].processes,
        # Here, since no change of a resource makes Snakemake repeat what is done.
        processes=lambda wildcards: experiments[wildcards.experiment].processes,
    params:
        options=lambda wildcards: f"{experiments[wildcards.experiment].to_options({'processes'})} {MODEL} {MASKS} {WINDOWS}",
        out=subpath(output.summary, parent=True),
        root=DATASET,
        seed=lambda wildcards: training_seeds[wildcards.experiment],
        version=TRAINING_VERSION,
    shell:
        "inpaint train --index {input.index} --prompt-file {input.prompt} --out {params.out}"
        " --dataset {params.root:q} --manifest {input.manifest} --split-file {input.split}"
        " --experiment {wildcards.experiment} --seed {params.seed} {params.options} --processes {resources.processes}"
        " --on-change restart"
        " 2>&1 | tee {log}"
