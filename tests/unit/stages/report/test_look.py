"""`inpaint look`: which sequences are shown, with what beside them, and the page."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import numpy as np
import pytest
from inpainting.cli import main
from inpainting.stages.report.look import choose_unaudited
from inpainting.stages.report.settings import LookCommand
from inpainting.video.reader import FrameReader
from inpainting.video.sequence import MASK, frame_name
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results


def look(root: Path, out: Path, **options: object) -> int:
    return main(commands.command("look", root, out, workers=1, **options))


def clips(page: Path) -> list[FrameReader]:
    """The clips of a page, as files beside it."""
    found = re.findall(r'src="data:video/mp4;base64,([^"]+)"', page.read_text())
    paths = [page.with_name(f"{number}.mp4") for number in range(len(found))]
    for path, text in zip(paths, found, strict=True):
        path.write_bytes(base64.b64decode(text))
    return [FrameReader(path) for path in paths]


def test_an_audited_dataset_shows_suspicious_sequences_with_their_findings_then_random_ones(
    results: Results, tmp_path: Path
) -> None:
    dataset, audit, page = tmp_path / "dataset", tmp_path / "audit", tmp_path / "look.html"
    shutil.copytree(results.dataset, dataset)
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(dataset / f"{5:016x}" / MASK / frame_name(4))
    assert main(commands.audit(dataset, audit, "--frames", "6")) == 0
    assert look(dataset, page, audit=audit, sequences=4, frames=4) == 0
    text = page.read_text()
    shown = re.findall(r"<h2>(\w+)</h2>", text)
    assert shown[0] == f"{5:016x}"
    assert len(set(shown)) == 4
    assert f"flickering_mask, frame 4: {MASK}: frame 4 is empty, frames 3 and 5 are not" in text
    assert "frames 2 to 5 of 6, 32x24" in text
    assert text.count("random, frames") == 2
    assert [len(list(clip)) for clip in clips(page)] == [4] * 4


def test_the_four_panels_are_input_model_input_truth_and_difference(results: Results, tmp_path: Path) -> None:
    page, dataset = tmp_path / "look.html", tmp_path / "dataset"
    shutil.copytree(results.dataset / f"{1:016x}", dataset / "one")
    assert look(dataset, page) == 0
    [clip] = clips(page)
    first = next(iter(clip)).astype(int)
    height, width = first.shape[0] // 2, first.shape[1] // 2
    hole = [(row + 100, column + 60) for row in (0, height) for column in (0, width)]
    shown, model, truth, difference = (first[row : row + 8, column : column + 8].mean() for row, column in hole)
    assert (shown, model) == pytest.approx((10, 128), abs=8)
    assert difference == pytest.approx(min(4 * (truth - 10), 255), abs=25)


def test_without_an_audit_a_sequence_that_can_not_be_read_is_named_with_its_reason(
    results: Results, tmp_path: Path
) -> None:
    page = tmp_path / "look.html"
    assert look(results.dataset, page, sequences=100, frames=2) == 0
    text = page.read_text()
    assert text.count("<h2>") == 10
    assert "10 random sequences of 10" in text
    assert "&lt;b&gt;bold&lt;-b&gt;" in text


def test_random_sequences_depend_on_the_seed_and_stay_when_others_come(tmp_path: Path) -> None:
    def chosen(seed: int) -> list[str]:
        settings = LookCommand(root=tmp_path, out=tmp_path / "look.html", sequences=8, seed=seed)
        return [one.id for one in choose_unaudited(settings)[0]]

    for number in range(40):
        (tmp_path / f"{number}").mkdir()
    before = chosen(0)
    assert len(before) == 8
    assert chosen(1) != before
    (tmp_path / "new").mkdir()
    assert len(set(chosen(0)) & set(before)) >= 7


def test_paths_that_can_not_be_used_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert look(tmp_path / "nowhere", tmp_path / "look.html") == 2
    assert "ROOT" in capsys.readouterr().err
    assert look(tmp_path, tmp_path / "look.png") == 2
    assert "OUT" in capsys.readouterr().err
    assert look(tmp_path, tmp_path / "look.html") == 1
    assert "holds no folders" in capsys.readouterr().err
    (tmp_path / "a" / "RGB_480").mkdir(parents=True)
    assert look(tmp_path / "a", tmp_path / "look.html") == 1
    assert "a is itself a sequence" in capsys.readouterr().err
