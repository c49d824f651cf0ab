"""The last step of a run: all figures and pages as one file, by Snakemake's own report."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.core.files import atomic_path

HEADLINE = Path("results/tables/summary.json")
SHOWN = ("results/tables", "results/figures")


def assemble(workflow: Any, report: str) -> None:
    """Write the report of a whole run, unless it is newer than all that it shows, and say what came out.

    `workflow` is Snakemake's. Runs of chosen targets have no report: what it would show need not be there.
    Raises snakemake's WorkflowError with what Snakemake said when it can't make the report.
    """
    if workflow.dag_settings.targets:
        return
    out = Path(report)
    if not _is_current(out):
        with atomic_path(out) as temporary:
            _run(command(workflow, temporary))
    print(f"\n{report}: {ResultsSummary.read(HEADLINE).sentence}", file=sys.stderr)


def command(workflow: Any, out: Path) -> list[str]:
    """The command line that makes the report of the same workflow with the same configuration."""
    settings = workflow.config_settings
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(workflow.main_snakefile), "--nolock"]
    options = ["--workflow-profile", "none", "--report", str(out)]
    options += ["--report-stylesheet", str(Path(workflow.basedir) / "workflow" / "report" / "report.css")]
    if settings.configfiles:
        options += ["--configfile", *map(str, settings.configfiles)]
    if settings.config_args:
        options += ["--config", *settings.config_args]
    return [*snakemake, *options]


def _is_current(report: Path) -> bool:
    if not report.is_file():
        return False
    newest = max(path.stat().st_mtime for folder in SHOWN for path in Path(folder).rglob("*"))
    return report.stat().st_mtime >= newest


def _run(arguments: list[str]) -> None:
    from snakemake.exceptions import WorkflowError

    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WorkflowError(f"the report could not be made: {done.stderr.strip()[-2000:]}")
