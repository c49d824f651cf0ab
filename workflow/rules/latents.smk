"""Windows of the training sequences through the VAE, once; and the prompt through the text encoder."""

from inpainting.latents.settings import LATENTS_CODE, EncodeSettings, PromptSettings


rule encode:
    input:
        split=rules.split.output.table,
        manifest=rules.audit.output.manifest,
    output:
        shard="results/latents/shard-{shard}.safetensors",
    log:
        "results/logs/encode-{shard}.log",
    benchmark:
        "results/benchmarks/encode-{shard}.tsv"
    conda:
        "../../envs/inpainting.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPUS,
    params:
        options=f"{settings.latents.section(EncodeSettings).to_options()} {MODEL} {MASKS} {WINDOWS}",
        root=DATASET,
        frames=settings.dataset.frames,
        shards=settings.latents.shards,
        code=code_digest(*LATENTS_CODE),
    shell:
        "inpaint encode --dataset {params.root:q} --split-file {input.split} --manifest {input.manifest}"
        " --frames {params.frames} --shard {wildcards.shard} --shards {params.shards} --out {output.shard}"
        " {params.options} 2>&1 | tee {log}"


rule index:
    input:
        shards=expand(rules.encode.output.shard, shard=range(settings.latents.shards)),
        split=rules.split.output.table,
    output:
        index="results/latents/index.parquet",
    log:
        "results/logs/index.log",
    benchmark:
        "results/benchmarks/index.tsv"
    conda:
        "../../envs/inpainting.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        shards=lambda wildcards, input: ",".join(input.shards),
        code=code_digest("latents/index.py", "shards.py"),
    shell:
        "inpaint index --shards {params.shards} --split-file {input.split} --out {output.index} 2>&1 | tee {log}"


rule prompt:
    output:
        prompt="results/latents/prompt.safetensors",
    log:
        "results/logs/prompt.log",
    benchmark:
        "results/benchmarks/prompt.tsv"
    conda:
        "../../envs/inpainting.yaml"
    resources:
        mem_mb=24000 if GPUS else 2000,
        runtime=60,
        gpu=GPUS,
    params:
        options=f"{settings.latents.section(PromptSettings).to_options()} {MODEL}",
        code=code_digest("latents/prompt.py", "models/loading.py"),
    shell:
        "inpaint prompt {params.options} --out {output.prompt} 2>&1 | tee {log}"
