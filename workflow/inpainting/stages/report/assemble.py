"""The last step of a run: Snakemake's report, which joins all figures and pages in one file."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inpainting.artifacts.results_summary import ResultsSummary
from inpainting.core.files import atomic_path, write_text

HEADLINE = Path("results/tables/summary.json")
HEADLINE_PAGE = Path("results/tables/headline.html")
SOURCES = ("results/tables", "results/figures")

LOOKS = Path("workflow/report")
"""The report's style sheet and script, from the Snakefile's folder."""

UNFINISHED = "INPAINT_REPORT_UNFINISHED"
"""Environment variable of the process that makes a report without headline; an older headline may exist."""


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
            done = _snakemake(report_command(workflow, temporary))
            if done.returncode != 0:
                from snakemake.exceptions import WorkflowError

                raise WorkflowError(f"the report could not be made: {_end(done)}")
            add_script(temporary, Path(workflow.basedir) / LOOKS / "report.js")
    print(f"\n{report}: {ResultsSummary.read(HEADLINE).sentence}", file=sys.stderr)


def assemble_unfinished(workflow: Any, report: str, wanted: Iterable[str]) -> None:
    """After a failure or an interrupt: write a report of the figures and tables that exist, and say so.

    wanted: the files and folders of a complete report. A run of chosen targets writes none.
    """
    wanted = list(wanted)
    made = [path for path in wanted if Path(path).exists()]
    if workflow.dag_settings.targets or not made:
        return
    done = _snakemake(report_command(workflow, Path(report), made), os.environ | {UNFINISHED: "1"})
    if done.returncode == 0:
        add_script(Path(report), Path(workflow.basedir) / LOOKS / "report.js")
        print(f"{report} shows what there is: {len(made)} of {len(wanted)} files", file=sys.stderr)
    else:
        print(f"a report of what there is could not be made: {_end(done)}", file=sys.stderr)


def description() -> str:
    """The file with the report's opening, from the Snakefile's folder: without a headline for an unfinished run."""
    unfinished = UNFINISHED in os.environ or not HEADLINE_PAGE.exists()
    return str(LOOKS / f"{'unfinished' if unfinished else 'workflow'}.rst")


def report_command(workflow: Any, out: Path, targets: Sequence[str] = ()) -> list[str]:
    """The command line that writes the report of this workflow and configuration, or of some targets, to `out`."""
    settings = workflow.config_settings
    snakemake = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(workflow.main_snakefile), "--nolock"]
    options = ["--workflow-profile", "none", "--report", str(out)]
    options += ["--report-stylesheet", str(Path(workflow.basedir) / LOOKS / "report.css")]
    if settings.configfiles:
        options += ["--configfile", *map(str, settings.configfiles)]
    if settings.config_args:
        options += ["--config", *settings.config_args]
    return [*snakemake, *options]


def add_script(report: Path, script: Path) -> None:
    """Add a script to the end of a page; Snakemake has an option for a style sheet alone."""
    before, end, after = report.read_text(encoding="utf-8").rpartition("</body>")
    write_text(report, f"{before}<script>\n{script.read_text(encoding='utf-8')}</script>\n{end}{after}")


def _is_current(report: Path) -> bool:
    if not report.is_file():
        return False
    newest = max(path.stat().st_mtime for folder in SOURCES for path in Path(folder).rglob("*"))
    return report.stat().st_mtime >= newest


def _snakemake(arguments: list[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip()[-2000:]
