"""The report as a browser shows it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from inpainting.core.files import read_json

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: Debian's chromium")
def test_the_report_opens_offline_with_its_headline_and_all_its_sections(finished: Path, tmp_path: Path) -> None:
    page = (finished / "results" / "report.html").as_uri()
    assert CHROMIUM
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND", *QUIET]
    shown = subprocess.run(
        [CHROMIUM, *options, f"--user-data-dir={tmp_path}", "--virtual-time-budget=8000", "--dump-dom", page],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    ).stdout
    headline = read_json(finished / "results" / "tables" / "summary.json")["sentence"]
    assert headline.split(";")[0].replace("'", "&#39;") in shown or headline.split(";")[0] in shown
    for section in ("1. Dataset", "2. Training", "3. Checkpoints", "4. Results", "5. Examples", "6. Provenance"):
        assert section in shown
