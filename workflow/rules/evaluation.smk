"""Scores of experiments, adapters and baselines on the test set; and the tables that compare them."""

from shlex import quote

from inpainting.artifacts.comparison import TABLES_VERSION
from inpainting.metrics.registry import weight_files
from inpainting.stages.evaluation.external import outputs_stamp
from inpainting.stages.evaluation.methods import METHODS
from inpainting.artifacts.scores import EVALUATION_VERSION
from inpainting.stages.evaluation.settings import EvaluateSettings, TablesSettings
from inpainting.sampling.settings import INPAINTING_VERSION

MODELS = [method for method in settings.evaluation.methods if METHODS[method].learned]
GIVEN = {name: folder for name, (folder, _) in settings.evaluation.given().items()}
GIVEN_FILES = {
    name: tracked_inputs(
        sorted(path for path in Path(folder).iterdir() if path.is_file())
    )
    for name, folder in GIVEN.items()
}
ADAPTERS = {name: f"results/validation/{name}/best" for name in experiments} | GIVEN
DEGRADED = settings.evaluation.degraded(ADAPTERS)
TABLE_NAMES = groups | {
    name: f"{groups[adapter]}-degraded-masks" for name, adapter in DEGRADED.items()
}
EXTERNAL = settings.evaluation.external
CLASSICAL = [method for method in settings.evaluation.methods if method not in MODELS]
NETWORKS = weight_files(settings.evaluation.weights())
WEIGHTS = tracked_inputs(NETWORKS)
# Networks that score are on the GPU, if there is one: also those of classical methods.
SCORING_GPUS = GPUS if NETWORKS else 0
SCORED = f"{settings.evaluation.section(EvaluateSettings).to_options()} {MODEL} {MASKS} {WINDOWS} {FILL}"


rule evaluate:
    input:
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
        weights=WEIGHTS,
    output:
        scores="results/evaluation/{method}.parquet",
        # The cached scores and the frames beside them are not declared, so that only new sequences are scored.
        examples="results/evaluation/{method}/examples.tsv",
    log:
        "results/logs/evaluate-{method}.log",
    benchmark:
        "results/benchmarks/evaluate-{method}.tsv"
    wildcard_constraints:
        method="|".join(CLASSICAL) or "-",
    threads: 4 if GPUS else 1  # so that it fits beside a training on a laptop's two cores
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt * MEMORY.evaluate(threads),
        runtime=lambda wildcards, attempt: attempt * 480,
        gpu=SCORING_GPUS,
    params:
        method="--method {method}",
        options=verbatim(SCORED),
        execution=lambda wildcards, threads: DEVICE,
        examples=subpath(output.examples, strip_suffix=".tsv"),
        root=verbatim(DATASET),
        frames=settings.dataset.frames,
        seed=settings.seed,
        version=[EVALUATION_VERSION, INPAINTING_VERSION],
    shell:
        "inpaint evaluate {params.method} --dataset {params.root:q} --manifest {input.manifest}"
        " --split-file {input.split} --frames {params.frames} --seed {params.seed} --workers {threads}"
        " --out {output.scores} --examples-out {params.examples} {params.options} {params.execution} 2>&1 | tee {log}"


use rule evaluate as evaluate_model with:
    input:
        base=ancient(BASE),
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
        weights=WEIGHTS,
    wildcard_constraints:
        method="|".join(MODELS) or "-",
    threads: 8 if GPUS else 1
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt
        * MEMORY.evaluate_model(threads),
        runtime=lambda wildcards, attempt: attempt * 480,
        gpu=GPUS,


use rule evaluate as evaluate_experiment with:
    input:
        base=ancient(BASE),
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
        weights=WEIGHTS,
        adapter=lambda wildcards: GIVEN_FILES.get(
            adapter := DEGRADED.get(wildcards.experiment, wildcards.experiment),
            f"results/validation/{adapter}/best.json",
        ),
    output:
        scores="results/evaluation/{experiment}.parquet",
        examples="results/evaluation/{experiment}/examples.tsv",
    log:
        "results/logs/evaluate-{experiment}.log",
    benchmark:
        "results/benchmarks/evaluate-{experiment}.tsv"
    wildcard_constraints:
        experiment="|".join([*ADAPTERS, *DEGRADED]) or "-",
    threads: 8 if GPUS else 2 if len(ADAPTERS) == 1 else 1  # several run side by side
    resources:
        mem_mb=lambda wildcards, threads, attempt: attempt
        * MEMORY.evaluate_model(threads),
        runtime=lambda wildcards, attempt: attempt * 480,
        gpu=GPUS,
    params:
        method=lambda wildcards: (
            f"--method {'degraded_masks' if wildcards.experiment in DEGRADED else 'adapter'}"
            f" --label {quote(wildcards.experiment)}"
            f" --adapter {quote(ADAPTERS[DEGRADED.get(wildcards.experiment, wildcards.experiment)])}"
        ),


use rule evaluate as evaluate_external with:
    input:
        manifest=rules.audit.output.manifest,
        split=rules.split.output.table,
        weights=WEIGHTS,
    output:
        scores="results/evaluation/{tool}.parquet",
        examples="results/evaluation/{tool}/examples.tsv",
    log:
        "results/logs/evaluate-{tool}.log",
    benchmark:
        "results/benchmarks/evaluate-{tool}.tsv"
    wildcard_constraints:
        tool="|".join(EXTERNAL) or "-",
    params:
        method=lambda wildcards: (
            f"--method external --label {quote(wildcards.tool)} --outputs {quote(EXTERNAL[wildcards.tool])}"
        ),
        outputs=lambda wildcards: outputs_stamp(EXTERNAL[wildcards.tool]),


rule tables:
    input:
        results=[
            *expand(rules.evaluate_external.output.scores, tool=EXTERNAL),
            *expand(
                rules.evaluate_experiment.output.scores,
                experiment=[*ADAPTERS, *DEGRADED],
            ),
            *expand(rules.evaluate.output.scores, method=settings.evaluation.methods),
        ],
        manifest=rules.audit.output.manifest,
        preference=tracked_inputs(
            [path for path in [settings.evaluation.preference] if path]
        ),
        prove=tracked_inputs(settings.evaluation.prove.values()),
    output:
        comparison=multiext("results/tables/comparison", ".tsv", ".md", ".tex"),
        strata=multiext("results/tables/strata", ".tsv", ".md", ".tex"),
        metrics=multiext("results/tables/metrics", ".tsv", ".md", ".tex"),
        failures=multiext("results/tables/failures", ".tsv", ".md", ".tex"),
        repeats=multiext("results/tables/repeats", ".tsv", ".md", ".tex"),
        sequences="results/tables/sequences.tsv",
        comparison_page=shown(
            "results/tables/comparison.html", "comparison", kind="table"
        ),
        strata_page=shown("results/tables/strata.html", "strata", kind="table"),
        metrics_page=shown("results/tables/metrics.html", "metrics"),
        failures_page=shown("results/tables/failures.html", "failures"),
        repeats_page=shown("results/tables/repeats.html", "repeats"),
        summary="results/tables/summary.json",
    log:
        "results/logs/tables.log",
    benchmark:
        "results/benchmarks/tables.tsv"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        results=lambda wildcards, input: ",".join(input.results),
        groups=verbatim(
            ",".join(f"{name}={group}" for name, group in TABLE_NAMES.items()) or "{}"
        ),
        options=verbatim(settings.evaluation.section(TablesSettings).to_options()),
        out=subpath(output.summary, parent=True),
        seed=settings.seed,
        version=TABLES_VERSION,
    shell:
        "inpaint tables --results {params.results} --manifest {input.manifest} --out {params.out}"
        " --groups {params.groups:q} --seed {params.seed} {params.options} 2>&1 | tee {log}"
