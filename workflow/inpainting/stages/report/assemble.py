"""The last step of a run: Snakemake's report, which joins all figures and pages in one file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.core.files import atomic_path

HEADLINE = Path("results/tables/summary.json")
SOURCES = ("results/tables", "results/figures")


def assemble(workflow: Any, report: str) -> None:
    """Write the report, unless it is newer than all tables and figures, and print its headline sentence.

    workflow: Snakemake's. A run of chosen targets writes no report, since some of its contents may not exist.
    Raises snakemake's WorkflowError, with Snakemake's messages, if the report fails.
    """
    if workflow.dag_settings.targets:
        return
    out = Path(report)
    if not _is_current(out):
        with atomic_path(out) as temporary:
            _run(report_command(workflow, temporary))
    print(f"\n{report}: {ResultsSummary.read(HEADLINE).sentence}", file=sys.stderr)


def report_command(workflow: Any, out: Path) -> list[str]:
    """The command line that writes the report of this workflow and configuration to `out`."""
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
    newest = max(path.stat().st_mtime for folder in SOURCES for path in Path(folder).rglob("*"))
    return report.stat().st_mtime >= newest


def _run(arguments: list[str]) -> None:
    from snakemake.exceptions import WorkflowError

    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WorkflowError(f"the report could not be made: {done.stderr.strip()[-2000:]}")
