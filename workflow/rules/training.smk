"""LoRA and the widened patch embedding, for every experiment."""

from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.stages.training.settings import checkpoint_steps

# A job on a cluster that nears its time limit is continued by itself: retries are for failures. Without SLURM, nothing.
REQUEUE = "--requeue" if workflow.remote_exec else ""


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
        # The checkpoints in the same folder are not declared.
        summary="results/training/{experiment}/training.json",
    log:
        "results/logs/train-{experiment}.log",
    benchmark:
        "results/benchmarks/train-{experiment}.tsv"
    priority: 1
    # models/nano takes 0.47 s per step on one CPU thread and 0.30 s on two, so other jobs use the second one better.
    threads: lambda wildcards: (8 if GPUS else 1) * experiments[wildcards.experiment].processes
    resources:
        mem_mb=lambda wildcards: 12000 * experiments[wildcards.experiment].processes,
        runtime=1440,
        gpu=lambda wildcards: GPUS * experiments[wildcards.experiment].processes,
    params:
        options=lambda wildcards: f"{experiments[wildcards.experiment].to_options(*TRACKED)} {MODEL} {MASKS} {WINDOWS}",
        execution=lambda wildcards, threads: (
            f"{experiments[wildcards.experiment].to_options(Role.EXECUTION)} {DEVICE} {REQUEUE}"
        ),
        checkpoints=lambda wildcards: checkpoint_steps(
            experiments[wildcards.experiment]
        ),
        out=subpath(output.summary, parent=True),
        root=verbatim(DATASET),
        seed=lambda wildcards: training_seeds[wildcards.experiment],
        version=TRAINING_VERSION,
    shell:
        "inpaint train --index {input.index} --prompt-file {input.prompt} --out {params.out}"
        " --dataset {params.root:q} --manifest {input.manifest} --split-file {input.split}"
        " --experiment {wildcards.experiment:q} --seed {params.seed} {params.options} {params.execution}"
        " 2>&1 | tee {log}"
