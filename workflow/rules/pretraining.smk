"""Make the nano model of models/nano again; no other rule needs this. The result is copied there by hand."""

import yaml

from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings

with open(Path(workflow.basedir) / "config" / "pretrain-nano.yaml") as stream:
    pretraining = yaml.safe_load(stream)


rule pretrain:
    input:
        "results/pretraining/nano",
    localrule: True


rule pretrain_vae:
    output:
        vae=directory("results/pretraining/vae/final"),
    log:
        "results/pretraining/vae.log",
    benchmark:
        "results/pretraining/vae.benchmark.tsv"
    threads: pretraining["vae"]["threads"]
    resources:
        mem_mb=32000,
        runtime=180,
        gpu=int(pretraining["vae"]["device"] != "cpu"),
    params:
        options=PretrainVaeSettings(**pretraining["vae"]).to_options(),
        work=subpath(output.vae, parent=True),
    shell:
        "inpaint pretrain-vae {params.options} --out {output.vae} --work {params.work} 2>&1 | tee {log}"


rule pretrain_base:
    input:
        vae=rules.pretrain_vae.output.vae,
    output:
        nano=directory("results/pretraining/nano"),
    log:
        "results/pretraining/base.log",
    benchmark:
        "results/pretraining/base.benchmark.tsv"
    threads: pretraining["base"]["threads"]
    resources:
        mem_mb=16000,
        runtime=240,
        gpu=int(pretraining["base"]["device"] != "cpu"),
    params:
        options=PretrainBaseSettings(**pretraining["base"]).to_options(),
        work="results/pretraining/base",
    shell:
        "inpaint pretrain-base {params.options} --vae {input.vae} --out {output.nano} --work {params.work} 2>&1 | tee {log}"
