"""Make the nano model of models/nano again; no other rule needs this. The result is copied there by hand."""

import yaml

from inpainting.pretraining.settings import PretrainBaseSettings, PretrainVaeSettings

with open(Path(workflow.basedir) / "config" / "pretrain-nano.yaml") as stream:
    pretraining = yaml.safe_load(stream)


VAE = PretrainVaeSettings(**pretraining["vae"])
BASE = PretrainBaseSettings(**pretraining["base"])


rule pretrain:
    input:
        "results/pretraining/nano/model_index.json",
    localrule: True


rule pretrain_vae:
    output:
        # Of the folder that is made the file that tells it from others: a folder's checksum can't be compared.
        weights="results/pretraining/vae/final/diffusion_pytorch_model.safetensors",
    log:
        "results/pretraining/vae.log",
    benchmark:
        "results/pretraining/vae.benchmark.tsv"
    threads: VAE.threads
    resources:
        mem_mb=32000,
        runtime=180,
        gpu=int(VAE.device != "cpu"),
    params:
        options=VAE.to_options(*TRACKED),
        execution=lambda wildcards, threads: VAE.to_options(Role.EXECUTION),
        out=subpath(output.weights, parent=True),
        work=subpath(output.weights, ancestor=2),
    shell:
        "inpaint pretrain-vae {params.options} {params.execution} --out {params.out} --work {params.work}"
        " 2>&1 | tee {log}"


rule pretrain_base:
    input:
        vae=rules.pretrain_vae.output.weights,
    output:
        index="results/pretraining/nano/model_index.json",
    log:
        "results/pretraining/base.log",
    benchmark:
        "results/pretraining/base.benchmark.tsv"
    threads: BASE.threads
    resources:
        mem_mb=16000,
        runtime=240,
        gpu=int(BASE.device != "cpu"),
    params:
        options=BASE.to_options(*TRACKED),
        execution=lambda wildcards, threads: BASE.to_options(Role.EXECUTION),
        vae=subpath(input.vae, parent=True),
        out=subpath(output.index, parent=True),
        work="results/pretraining/base",
    shell:
        "inpaint pretrain-base {params.options} {params.execution} --vae {params.vae} --out {params.out}"
        " --work {params.work} 2>&1 | tee {log}"
