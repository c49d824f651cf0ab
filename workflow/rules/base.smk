"""Download the base model, if it is named by the hub."""


rule fetch:
    output:
        folder="results/base.txt",
    log:
        "results/logs/fetch.log",
    localrule: True
    params:
        options=verbatim(settings.model.section(FetchCommand).to_options()),
    shell:
        "inpaint fetch {params.options} > {output.folder} 2> {log}"
