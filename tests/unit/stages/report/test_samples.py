"""Choice of sequences and frames for the contact sheets of the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from inpainting.stages.report.samples import KINDS, MOMENTS, WIDTH, choose_by_coverage, evenly_spaced
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results


def test_frames_and_sequences_are_evenly_spaced() -> None:
    assert evenly_spaced(25, 4) == [0, 8, 16, 24]
    assert evenly_spaced(1, 3) == [0, 0, 0]
    accepted = pd.DataFrame({"id": list("abcde"), "coverage_mean": [0.5, 0.1, 0.3, 0.2, 0.4]})
    assert list(choose_by_coverage(accepted, 3)["id"]) == ["b", "c", "a"]
    assert len(choose_by_coverage(accepted, 9)) == 5


def test_the_contact_sheet_has_room_for_all_sequences_and_moments(results: Results, tmp_path: Path) -> None:
    assert results.draw_dataset(tmp_path) == 0
    width, height = Image.open(tmp_path / "samples.jpg").size
    assert width > len(MOMENTS) * len(KINDS) * WIDTH
    assert height > 3 * WIDTH * 24 // 32
