"""Figures, pages and clips, which `snakemake --report` joins in results/report.html."""

from inpainting.stages.report.settings import (
    ExampleSettings,
    REPORT_VERSION,
    SampleSettings,
)

PREVIEWED = [name for name, training in experiments.items() if training.preview_every]


rule draw_dataset:
    input:
        manifest=rules.audit.output.manifest,
        rejected=rules.audit.output.rejected,
        warnings=rules.audit.output.warnings,
        summary=rules.audit.output.summary,
        split=rules.split.output.table,
    output:
        samples=shown("results/figures/dataset/samples.jpg", "samples"),
        random=shown("results/figures/dataset/random.jpg", "random"),
        coverage_png="results/figures/dataset/coverage.png",
        coverage=shown("results/figures/dataset/coverage.svg", "coverage"),
        page=shown("results/tables/dataset.html", "dataset"),
    log:
        "results/logs/draw-dataset.log",
    benchmark:
        "results/benchmarks/draw-dataset.tsv"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        options=verbatim(
            f"{settings.report.section(SampleSettings).to_options()} {MASKS}"
        ),
        root=verbatim(DATASET),
        out=subpath(output.samples, parent=True),
        version=REPORT_VERSION,
    shell:
        "inpaint draw-dataset --dataset {params.root:q} --manifest {input.manifest} --rejected {input.rejected}"
        " --warnings {input.warnings} --summary {input.summary} --split-file {input.split} --out {params.out} --page {output.page}"
        " {params.options} 2>&1 | tee {log}"


rule look:
    # Before the first training: it is there to be seen while days of GPU time can still be saved.
    input:
        manifest=rules.audit.output.manifest,
        rejected=rules.audit.output.rejected,
        warnings=rules.audit.output.warnings,
    output:
        page=shown("results/figures/dataset/look.html", "look"),
    log:
        "results/logs/look.log",
    benchmark:
        "results/benchmarks/look.tsv"
    priority: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=verbatim(f"{MASKS} {FILL}"),
        root=verbatim(DATASET),
        audit=subpath(input.manifest, parent=True),
        version=REPORT_VERSION,
    shell:
        "inpaint look {params.root:q} {output.page} --audit {params.audit} --workers {threads} {params.options}"
        " 2>&1 | tee {log}"


rule draw_training:
    input:
        training=rules.train.output.summary,
    output:
        png="results/figures/training/{experiment}.png",
        svg=shown("results/figures/training/{experiment}.svg", "training"),
    log:
        "results/logs/draw-training-{experiment}.log",
    benchmark:
        "results/benchmarks/draw-training-{experiment}.tsv"
    localrule: True
    params:
        metrics="results/training/{experiment}/metrics.jsonl",
        version=REPORT_VERSION,
    shell:
        "inpaint draw-training --metrics {params.metrics} --training {input.training} --png {output.png}"
        " --svg {output.svg} 2>&1 | tee {log}"


rule draw_previews:
    input:
        training=rules.train.output.summary,
    output:
        jpg=shown("results/figures/previews/{experiment}.jpg", "previews"),
    log:
        "results/logs/draw-previews-{experiment}.log",
    benchmark:
        "results/benchmarks/draw-previews-{experiment}.tsv"
    localrule: True
    params:
        version=REPORT_VERSION,
    shell:
        "inpaint draw-previews --training {input.training} --jpg {output.jpg} 2>&1 | tee {log}"


rule draw_trainings:
    input:
        trainings=expand(rules.train.output.summary, experiment=experiments),
    output:
        png="results/figures/trainings.png",
        svg=shown("results/figures/trainings.svg", "trainings"),
    log:
        "results/logs/draw-trainings.log",
    benchmark:
        "results/benchmarks/draw-trainings.tsv"
    localrule: True
    params:
        trainings=lambda wildcards, input: ",".join(input.trainings),
        version=REPORT_VERSION,
    shell:
        "inpaint draw-trainings --trainings {params.trainings} --png {output.png} --svg {output.svg} 2>&1 | tee {log}"


rule draw_checkpoints:
    input:
        best=rules.best.output.best,
    output:
        png="results/figures/validation/{experiment}.png",
        svg=shown("results/figures/validation/{experiment}.svg", "checkpoints"),
        choices=shown("results/figures/validation/choices/{experiment}.png", "choices"),
    log:
        "results/logs/draw-checkpoints-{experiment}.log",
    benchmark:
        "results/benchmarks/draw-checkpoints-{experiment}.tsv"
    localrule: True
    params:
        version=REPORT_VERSION,
    shell:
        "inpaint draw-checkpoints --best {input.best} --experiment {wildcards.experiment:q} --png {output.png}"
        " --svg {output.svg} --choices {output.choices} 2>&1 | tee {log}"


rule draw_comparison:
    input:
        comparison="results/tables/comparison.tsv",
        strata="results/tables/strata.tsv",
    output:
        png="results/figures/comparison.png",
        svg=shown("results/figures/comparison.svg", "comparison", kind="figure"),
        strata_png="results/figures/strata.png",
        strata_svg=shown("results/figures/strata.svg", "strata", kind="figure"),
        cost_png="results/figures/cost.png",
        cost_svg=shown("results/figures/cost.svg", "cost"),
    log:
        "results/logs/draw-comparison.log",
    benchmark:
        "results/benchmarks/draw-comparison.tsv"
    localrule: True
    params:
        version=REPORT_VERSION,
    shell:
        "inpaint draw-comparison --comparison {input.comparison} --strata {input.strata} --png {output.png}"
        " --svg {output.svg} --strata-png {output.strata_png} --strata-svg {output.strata_svg}"
        " --cost-png {output.cost_png} --cost-svg {output.cost_svg} 2>&1 | tee {log}"


rule draw_sequences:
    input:
        comparison="results/tables/comparison.tsv",
        sequences=rules.tables.output.sequences,
        manifest=rules.audit.output.manifest,
        examples="results/figures/examples.tsv",
    output:
        png="results/figures/sequences.png",
        svg=shown("results/figures/sequences.svg", "sequences"),
        difficulty_png="results/figures/difficulty.png",
        difficulty_svg=shown("results/figures/difficulty.svg", "difficulty"),
        page=shown("results/tables/sequences.html", "sequence_list"),
    log:
        "results/logs/draw-sequences.log",
    benchmark:
        "results/benchmarks/draw-sequences.tsv"
    localrule: True
    params:
        examples=subpath(input.examples, strip_suffix=".tsv"),
        version=REPORT_VERSION,
    shell:
        "inpaint draw-sequences --comparison {input.comparison} --sequences {input.sequences} --manifest {input.manifest}"
        " --examples {params.examples} --png {output.png} --svg {output.svg} --difficulty-png {output.difficulty_png}"
        " --difficulty-svg {output.difficulty_svg} --page {output.page} 2>&1 | tee {log}"


rule draw_examples:
    input:
        comparison="results/tables/comparison.tsv",
        sequences=rules.tables.output.sequences,
        examples=[
            *expand(rules.evaluate_experiment.output.examples, experiment=ADAPTERS),
            *expand(rules.evaluate_external.output.examples, tool=EXTERNAL),
            *expand(
                rules.evaluate.output.examples, method=settings.evaluation.methods
            ),
        ],
    output:
        table="results/figures/examples.tsv",
        folder=shown(
            directory("results/figures/examples"),
            "examples",
            patterns=[
                "{role,best|worst|random}-{sequence}/{view}.jpg",
                "{role,best|worst|random}-{sequence}/{view}.html",
            ],
        ),
    log:
        "results/logs/draw-examples.log",
    benchmark:
        "results/benchmarks/draw-examples.tsv"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=verbatim(
            f"{settings.report.section(ExampleSettings).to_options()} {MASKS}"
        ),
        root=verbatim(DATASET),
        evaluation=lambda wildcards, input: Path(input.examples[0]).parents[1],
        version=REPORT_VERSION,
    shell:
        "inpaint draw-examples --dataset {params.root:q} --comparison {input.comparison} --sequences {input.sequences}"
        " --evaluation {params.evaluation} --out {output.folder} {params.options} 2>&1 | tee {log}"


rule draw_headline:
    input:
        summary=rules.tables.output.summary,
        comparison=rules.draw_comparison.output.svg,
        examples=rules.draw_examples.output.table,
    output:
        page="results/tables/headline.html",
    log:
        "results/logs/draw-headline.log",
    benchmark:
        "results/benchmarks/draw-headline.tsv"
    localrule: True
    params:
        examples=subpath(input.examples, strip_suffix=".tsv"),
        version=REPORT_VERSION,
    shell:
        "inpaint draw-headline --summary {input.summary} --comparison {input.comparison} --examples {params.examples}"
        " --out {output.page} 2>&1 | tee {log}"


rule draw_provenance:
    input:
        split=rules.split.output.summary,
        trainings=expand(rules.train.output.summary, experiment=experiments),
        best=expand(rules.best.output.best, experiment=experiments),
        evaluations=rules.tables.input.results,
    output:
        page=shown("results/tables/provenance.html", "provenance"),
    log:
        "results/logs/draw-provenance.log",
    benchmark:
        "results/benchmarks/draw-provenance.tsv"
    localrule: True
    params:
        trainings=lambda wildcards, input: ",".join(input.trainings) or "[]",
        best=lambda wildcards, input: ",".join(input.best) or "[]",
        evaluations=lambda wildcards, input: ",".join(input.evaluations),
        version=REPORT_VERSION,
    shell:
        "inpaint draw-provenance --split-summary {input.split} --trainings {params.trainings} --best {params.best}"
        " --evaluations {params.evaluations} --page {output.page} 2>&1 | tee {log}"


rule figures:
    input:
        # All outputs by name: the report also needs those that only serve as inputs of others.
        rules.tables.output,
        rules.draw_dataset.output,
        rules.look.output,
        expand(rules.draw_training.output, experiment=experiments),
        expand(rules.draw_previews.output, experiment=PREVIEWED),
        rules.draw_trainings.output if len(experiments) > 1 else [],
        expand(rules.draw_checkpoints.output, experiment=experiments),
        rules.draw_comparison.output,
        rules.draw_sequences.output,
        rules.draw_examples.output,
        rules.draw_headline.output,
        rules.draw_provenance.output,
    localrule: True
