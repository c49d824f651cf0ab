"""Fine-tune CogVideoX to inpaint image sequences: from raw folders to results/report.html."""

from snakemake.utils import min_version

from inpainting.config import resolve_or_exit
from inpainting.stages.dataset.other_run import other_run
from inpainting.stages.report.assemble import assemble, assemble_unfinished, description
from inpainting.stages.training.preemption import stopped

min_version("9.0")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


settings = resolve_or_exit(config, [Path(file).parent for file in workflow.configfiles])
compared, groups = settings.compared(), settings.groups()
experiments = {name: experiment.training for name, experiment in compared.items()}
training_seeds = {name: experiment.seed for name, experiment in compared.items()}


report: description()


include: "workflow/rules/environment.smk"
include: "workflow/rules/shown.smk"
include: "workflow/rules/base.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/latents.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/validation.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.figures.input,
    localrule: True


onstart:
    if os.path.exists("results") and not os.access("results", os.W_OK):
        sys.exit(
            "results/ can't be written: its disk is read-only, or there is no permission"
        )
    if refused := other_run(Path("results"), settings.dataset.root):
        sys.exit(refused)


onsuccess:
    assemble(workflow, "results/report.html")
    Path("results/unfinished.html").unlink(missing_ok=True)


onerror:
    for sentence in stopped(Path("results/training"), experiments):
        print(sentence, file=sys.stderr)
    assemble_unfinished(workflow, "results/unfinished.html", rules.figures.input)
