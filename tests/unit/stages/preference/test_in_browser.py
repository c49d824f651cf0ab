"""The page of pairs as a person judges with it."""

from __future__ import annotations

import json
from pathlib import Path

import commands
import pandas as pd
from browser import NARROW, needs_chromium, opened, overflow
from inpainting.cli import main

pytestmark = needs_chromium


def test_pairs_are_judged_by_keys_kept_over_a_reload_and_saved_for_the_scores(
    tiny_results: Path, methods: tuple[str, ...], evaluation: Path, tmp_path: Path
) -> None:
    out, votes = tmp_path / "pairs.html", tmp_path / "votes.json"
    assert main(commands.compare(tiny_results, evaluation, methods[:2], out)) == 0
    with opened(out, NARROW) as page:
        state = page.locator("#state")
        assert state.inner_text() == "Pair 1 of 3, 0 judged"
        assert overflow(page) == 0
        page.wait_for_function("document.getElementById('left').readyState >= 2")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Backspace")
        page.keyboard.press("ArrowLeft")
        page.locator("#choose-tie").click()
        assert state.inner_text() == "Pair 3 of 3, 2 judged"
        page.reload()
        assert state.inner_text() == "Pair 3 of 3, 2 judged"
        page.keyboard.press("ArrowRight")
        assert state.inner_text() == "All 3 pairs are judged: save the votes."
        with page.expect_download() as saved:
            page.locator("#save").click()
        saved.value.save_as(votes)
    assert json.loads(votes.read_text())["votes"] == {"0": "left", "1": "tie", "2": "right"}
    assert main(commands.preference(tmp_path / "pairs.key.json", [votes], tmp_path / "preference.tsv")) == 0
    table = pd.read_csv(tmp_path / "preference.tsv", sep="\t")
    assert table["votes"].tolist() == [3, 3]
    assert table["ties"].tolist() == [1, 1]
