"""The report's pages as a reader uses them in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import NARROW, WIDE, needs_chromium, opened, overflow
from inpainting.core.html import data_uri
from inpainting.stages.report.assemble import LOOKS, add_script

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, results: Results) -> Path:
    """A folder with the pages of the dataset, the examples and the sequences."""
    out = tmp_path_factory.mktemp("pages")
    assert results.draw_dataset(out) == 0
    assert results.draw_examples(out / "examples") == 0
    assert results.draw_sequences(out, out / "examples") == 0
    return out


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)])
def test_no_page_is_too_wide_logs_an_error_asks_for_another_file_or_has_regions_of_one_name(
    pages: Path, results: Results, width: int, dark: bool
) -> None:
    found = [*pages.rglob("*.html"), *results.tables.glob("*.html")]
    assert len(found) >= 7
    with opened(found[0], width, dark) as shown:
        for path in found:
            shown.goto(path.as_uri())
            assert overflow(shown) == 0, path.name
            labels = shown.locator("[role=region]").evaluate_all("regions => regions.map(region => region.ariaLabel)")
            assert shown.locator("main h1").count() == 1 and len({*labels}) == len(labels), path.name
            colour = shown.evaluate("getComputedStyle(document.body).backgroundColor")
            assert colour == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")


def test_a_clip_plays_by_itself_without_sound(pages: Path) -> None:
    with opened(next(pages.glob("examples/*/clip.html"))) as shown:
        shown.wait_for_function("document.querySelector('video').currentTime > 0")
        assert shown.locator("video").evaluate("video => video.muted && video.loop && !video.error")


def test_keys_and_pointer_move_the_divider_between_any_two_methods(pages: Path) -> None:
    with opened(next(pages.glob("examples/*/compare.html"))) as shown:
        divider, images = shown.get_by_label("Divider"), shown.locator("#compare img")

        def clipped() -> float:
            return float(shown.locator("#over").evaluate("image => getComputedStyle(image).clipPath").split()[-1][:-2])

        assert clipped() == 50
        divider.press("ArrowRight")
        assert clipped() == 50.5
        box = shown.locator("#compare").bounding_box()
        assert box
        shown.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
        assert clipped() == pytest.approx(20, abs=3)
        left = images.first.get_attribute("src")
        shown.locator("#left").select_option(label="truth")
        assert images.first.get_attribute("alt") == "truth, frame 1"
        assert images.first.get_attribute("src") != left
        shown.locator("#frame").press("End")
        assert images.first.get_attribute("alt") == "truth, frame 6"


def test_a_row_of_the_list_opens_the_clip_of_its_sequence(pages: Path) -> None:
    with opened(pages / "sequences.html") as shown:
        link = shown.locator("tbody a").first
        name = link.inner_text()
        link.click()
        assert shown.url.endswith(f"#clip-{name}")
        assert shown.get_by_role("heading", name=name).is_visible()
        assert shown.locator("video").first.evaluate("video => video.readyState > 0 && !video.error")


def test_a_page_of_three_megabytes_is_shown_inside_the_report(tmp_path: Path) -> None:
    page, report = "<p>all of it</p>" + 3_000_000 * " ", tmp_path / "report.html"
    make = f"frame = document.createElement('iframe'); frame.src = '{data_uri(page.encode(), 'text/html')}';"
    report.write_text(f"<body><script>setTimeout(() => {{ {make} document.body.append(frame); }})</script></body>")
    add_script(report, Path(__file__).parents[4] / LOOKS / "report.js")
    with opened(report) as shown:
        shown.frame_locator("iframe").get_by_text("all of it").wait_for()
