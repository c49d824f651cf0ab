"""The report as a browser shows it."""

import re
import shutil
from pathlib import Path

import pytest
from browser import NARROW, WIDE, needs_chromium, opened, overflow
from inpainting.core.files import read_json
from playwright.sync_api import Page
from snakemake_runs import configure, run

pytestmark = [pytest.mark.slow, needs_chromium]

SECTIONS = ("1. Dataset", "2. Training", "3. Checkpoints", "4. Results", "5. Examples", "6. Provenance")


def bottom(page: Page, selector: str) -> float:
    """The lower edge of an element on the screen, in pixels."""
    return float(page.locator(selector).first.evaluate("element => element.getBoundingClientRect().bottom"))


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)])
def test_the_report_opens_offline_with_verdict_clip_and_all_sections(finished: Path, width: int, dark: bool) -> None:
    report = finished / "results" / "report.html"
    assert report.stat().st_size < 30e6
    summary = read_json(finished / "results" / "tables" / "summary.json")
    with opened(report, width, dark) as page:
        page.locator(".headline .sentence").wait_for()
        assert page.locator(".headline .sentence").inner_text() == summary["verdict"]
        for section in SECTIONS:
            assert page.get_by_role("link", name=section).first.is_visible()
        assert overflow(page) == 0
        if width == NARROW:
            top = page.locator(".headline").evaluate("element => element.getBoundingClientRect().top")
            assert top >= bottom(page, "nav"), "the menu covers the page"
        page.locator("video").scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('video').currentTime > 0")


def test_the_table_of_methods_sorts_filters_and_exports_inside_the_report(finished: Path) -> None:
    with opened(finished / "results" / "report.html") as page:
        page.get_by_role("link", name="4. Results").first.click()
        row = page.locator("nav tr", has_text=re.compile("comparison.*table"))
        row.locator("a").first.click()
        table = page.frame_locator("iframe")
        table.get_by_role("button", name="Method").click()
        methods = [text.strip() for text in table.locator("tbody td:first-child").all_inner_texts()]
        assert methods == sorted(methods) and len(methods) == 6
        table.get_by_label("Filter").fill("telea")
        with page.expect_download() as download:
            table.get_by_role("button", name="Save TSV").click()
        assert [line.split("\t")[0] for line in download.value.path().read_text().splitlines()] == ["Method", "telea"]


def test_a_run_that_fails_leaves_a_report_of_what_there_is(project: Path, tiny_base: Path, tmp_path: Path) -> None:
    folder, base = tmp_path / "failing", tmp_path / "base"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("results", ".snakemake"))
    shutil.copytree(tiny_base, base)
    for weights in base.rglob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[:100])
    configure(folder, model={"base": str(base)})
    done = run(folder, "--keep-going")
    assert done.returncode == 1
    assert "results/unfinished.html shows what there is: " in done.stderr, done.stderr[-3000:]
    assert not (folder / "results" / "report.html").exists()
    with opened(folder / "results" / "unfinished.html", NARROW) as page:
        page.get_by_role("heading", name="an unfinished run").wait_for()
        assert page.get_by_role("link", name=SECTIONS[0]).first.is_visible()
        assert not page.get_by_role("link", name=SECTIONS[3]).count()
        assert overflow(page) == 0
