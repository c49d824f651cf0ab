"""LoRA and the widened patch embedding, for every experiment."""

from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.stages.training.settings import checkpoint_steps

# A job on a cluster that nears its time limit is continued by itself: retries are for failures. Without SLURM, nothing.
REQUEUE = "--requeue" if workflow.remote_exec else ""


# Jobs of one machine ask for no tasks and nodes.
NODES = {
    name: training.nodes if training.nodes > 1 else None
    for name, training in experiments.items()
}


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
    threads:
        lambda wildcards: (8 if GPUS else 1)
        * experiments[wildcards.experiment].processes_per_node
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * MEMORY.model(experiments[wildcards.experiment].processes_per_node),
        runtime=1440,
        # Memory and threads are those of a machine, GPUs those of all. `inpaint` starts the tasks, one on each.
        nodes=lambda wildcards: NODES[wildcards.experiment],
        tasks=lambda wildcards: NODES[wildcards.experiment],
        tasks_per_gpu=lambda wildcards: NODES[wildcards.experiment] and 0,
        mpi=lambda wildcards: NODES[wildcards.experiment] and "srun",
        gpu=lambda wildcards: GPUS * experiments[wildcards.experiment].processes,
    params:
        options=lambda wildcards: f"{experiments[wildcards.experiment].to_options(*TRACKED)} {TRAINED.to_options(*TRACKED)} {MASKS} {WINDOWS}",
        execution=lambda wildcards, threads: (
            f"{experiments[wildcards.experiment].to_options(Role.EXECUTION)} {TRAINED.to_options(Role.EXECUTION)} {REQUEUE}"
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


rule dry_run:
    # Two updates on random latents of the configured size, before any data is read: does the model load, does the
    # training fit into memory, how long does a step take?
    input:
        base=ancient(BASE),
    output:
        text="results/training/{experiment}/dry-run.txt",
    log:
        "results/logs/dry-run-{experiment}.log",
    priority: 2
    threads: 8 if GPUS else 1
    resources:
        mem_mb=MEMORY.model(),
        runtime=60,
        gpu=GPUS,
    params:
        # Unlike in the other rules, a setting of speed and memory repeats the job.
        options=lambda wildcards: f"{experiments[wildcards.experiment].to_options()} {TRAINED.to_options()} {MASKS} {WINDOWS}",
        size=(
            ""
            if settings.dataset.root
            else f"--frame-size {settings.dataset.sample.size}"
        ),
        out=subpath(output.text, parent=True),
        seed=lambda wildcards: training_seeds[wildcards.experiment],
    shell:
        "inpaint train --dry-run {params.size} --out {params.out} --experiment {wildcards.experiment:q}"
        " --seed {params.seed} {params.options} 2> >(tee {log} >&2) | tee {output.text}"


rule try_training:
    input:
        expand(rules.dry_run.output.text, experiment=experiments),
    localrule: True
