"""Scores of every checkpoint on the validation set, and the best one."""

from inpainting.stages.training.settings import checkpoint_steps
from inpainting.artifacts.validation_scores import VALIDATION_VERSION
from inpainting.sampling.settings import INPAINTING_VERSION


rule validate:
    input:
        training=rules.train.output.summary,
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
    output:
        scores="results/validation/{experiment}/step-{step}.json",
    log:
        "results/logs/validate-{experiment}-{step}.log",
    benchmark:
        "results/benchmarks/validate-{experiment}-{step}.tsv"
    priority: 1
    threads: 4 if GPUS else 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * MEMORY.model(),
        runtime=lambda wildcards, attempt: attempt * 240,
        gpu=GPUS,
    params:
        checkpoint="results/training/{experiment}/checkpoints/step-{step}",
        options=verbatim(
            f"{settings.validation.to_options()} {MODEL} {NAMES_OF_FOLDERS}".strip()
        ),
        root=verbatim(DATASET),
        frames=settings.dataset.frames,
        seed=settings.seed,
        execution=lambda wildcards, threads: DEVICE,
        version=[VALIDATION_VERSION, INPAINTING_VERSION],
    shell:
        "inpaint validate --checkpoint {params.checkpoint} --dataset {params.root:q} --manifest {input.manifest}"
        " --split-file {input.split} --frames {params.frames} --seed {params.seed} --workers {threads}"
        " --out {output.scores}"
        " {params.options} {params.execution} 2>&1 | tee {log}"


rule best:
    input:
        scores=lambda wildcards: expand(
            rules.validate.output.scores,
            experiment=wildcards.experiment,
            step=checkpoint_steps(experiments[wildcards.experiment]),
        ),
    output:
        best="results/validation/{experiment}/best.json",
        adapter=directory("results/validation/{experiment}/best"),
    log:
        "results/logs/best-{experiment}.log",
    benchmark:
        "results/benchmarks/best-{experiment}.tsv"
    localrule: True
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        checkpoints="results/training/{experiment}/checkpoints",
        scores=lambda wildcards, input: ",".join(input.scores),
        version=VALIDATION_VERSION,
    shell:
        "inpaint best --scores {params.scores} --checkpoints {params.checkpoints} --out {output.best}"
        " --adapter-out {output.adapter} 2>&1 | tee {log}"
