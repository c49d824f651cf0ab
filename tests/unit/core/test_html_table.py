"""Tables of pages, as HTML and as a reader uses them in a browser."""

from pathlib import Path

import pytest
from browser import NARROW, needs_chromium, opened, overflow
from inpainting.core.html import render_page
from inpainting.core.html_table import SCRIPT, Cell, Column, FormattedTable, to_html

COLUMNS = [Column("Method", numeric=False), Column("PSNR, dB"), Column("MAE", group="Error", shown=False)]
ROWS = [
    [Cell("a & b"), Cell("20.0", "18 to 22", "best", 20.0), Cell("3.0", number=3.0)],
    [Cell("c"), Cell("9.5", number=9.5), Cell("1.0", number=1.0)],
    [Cell("d"), Cell("–"), Cell("2.0", number=2.0)],
    [Cell("e"), Cell("11.0", number=11.04), Cell("−4.0", number=-4.0)],
]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with a table of four methods; a score is unknown, a column hidden."""
    table = to_html(FormattedTable(COLUMNS, ROWS, ["adapter", "", "", ""]), "scores")
    path = tmp_path / "page.html"
    path.write_text(render_page("Scores", "{{ table }}", scripts=[SCRIPT], table=table))
    return path


def test_a_cell_has_its_text_interval_mark_link_and_exact_value() -> None:
    cells = [[Cell("a<b", link="#x"), Cell("20.0", "18 to 22", "best", 20.0449)]]
    html = to_html(FormattedTable(COLUMNS[:2], cells, ["base"]))
    assert '<tr class="base"><td><a href="#x">a&lt;b</a></td>' in html
    assert '<td class="number" data-v="20.0449"><span class="best">20.0</span><small>18 to 22</small></td>' in html


@needs_chromium
def test_a_click_on_a_heading_sorts_by_number_with_unknown_values_last(page: Path) -> None:
    with opened(page) as shown:
        heading = shown.get_by_role("columnheader", name="PSNR, dB")
        assert heading.get_attribute("aria-sort") == "none"
        for direction, order in (("descending", "aecd"), ("ascending", "cead")):
            heading.get_by_role("button").press("Enter")
            assert heading.get_attribute("aria-sort") == direction
            assert [text[0] for text in shown.locator("tbody td:first-child").all_inner_texts()] == list(order)


@needs_chromium
def test_rows_are_filtered_by_words_and_columns_chosen_and_exported(page: Path, tmp_path: Path) -> None:
    with opened(page) as shown:
        shown.get_by_role("button", name="Method").click()
        shown.get_by_label("Filter").fill("0.0")
        assert shown.locator("tbody tr:visible").count() == 1
        assert shown.locator("output").inner_text() == "1 of 4 rows"
        shown.get_by_label("Filter").fill("")
        assert not shown.get_by_role("columnheader", name="MAE").is_visible()
        exported = {}
        for choose, button in ((False, "Save TSV"), (True, "Save TSV"), (False, "Save LaTeX")):
            if choose:
                shown.get_by_text("Columns").click()
                shown.get_by_label("MAE").check()
                shown.get_by_label("PSNR, dB").uncheck()
            with shown.expect_download() as download:
                shown.get_by_role("button", name=button).click()
            assert download.value.suggested_filename == ("scores.tex" if "LaTeX" in button else "scores.tsv")
            exported[choose, button] = download.value.path().read_text()
    assert exported[False, "Save TSV"].splitlines() == [
        "Method\tPSNR, dB\tPSNR, dB, interval",
        "a & b\t20\t18 to 22",
        "c\t9.5\t",
        "d\t\t",
        "e\t11.04\t",
    ]
    assert exported[True, "Save TSV"].splitlines()[:2] == ["Method\tError: MAE", "a & b\t3"]
    assert exported[False, "Save LaTeX"].splitlines()[:5] == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Method & Error: MAE \\",
        r"\midrule",
        r"a \& b & 3.0 \\",
    ]


@needs_chromium
@pytest.mark.parametrize("javascript", [True, False])
def test_a_table_that_is_wider_than_a_phone_scrolls_in_its_frame(tmp_path: Path, javascript: bool) -> None:
    table = FormattedTable([Column(f"Score {n}") for n in range(20)], [[Cell("20.0", number=20.0)] * 20], ["base"])
    path = tmp_path / "page.html"
    path.write_text(render_page("Scores", "{{ table }}", scripts=[SCRIPT], table=to_html(table, "scores")))
    with opened(path, NARROW, javascript=javascript) as shown:
        assert overflow(shown) == 0
        assert shown.get_by_text("20.0").first.is_visible()
