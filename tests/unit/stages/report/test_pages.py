from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import inpainting.stages.report
import pytest
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.core.html import render_page
from inpainting.core.provenance import describe
from inpainting.stages.report.settings import ReportSettings

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results


def test_text_in_a_page_is_escaped() -> None:
    page = render_page("<script>1</script>", "<p>{{ name }}</p>", name="<img src=x onerror=alert(1)>")
    assert "<script>" not in page
    assert "<img" not in page
    assert "<p>&lt;img src=x onerror=alert(1)&gt;</p>" in page


def test_the_dataset_page_counts_sets_and_shows_why_sequences_were_rejected(tmp_path: Path, results: Results) -> None:
    assert results.draw_dataset(tmp_path) == 0
    page = (tmp_path / "dataset.html").read_text()
    assert "<b>8</b><span>accepted</span>" in page
    assert "<b>2</b><span>rejected</span>" in page
    assert "<code>missing_frame</code>" in page
    assert "&lt;b&gt;bold&lt;-b&gt;" in page
    assert "<b>bold" not in page
    assert re.findall(r"<span>(\w+)</span>", page)[-3:] == ["train", "validation", "test"]


def write_training(path: Path, experiment: str, versions: dict[str, str] | None = None) -> None:
    provenance = describe(ReportSettings().shaping(), {"index": "ab" * 32})
    provenance["versions"] |= versions or {}
    summary = TrainingSummary(
        experiment=experiment, checkpoints=[2], windows=1, trainable_weights=1, provenance=provenance
    )
    summary.write(path)


def test_provenance_lists_settings_versions_and_digests_of_every_result(
    draw: Callable[..., int], tmp_path: Path, results: Results
) -> None:
    write_training(tmp_path / "training.json", "lora<1>")
    files = {
        "split_summary": results.audit / "split.json",
        "trainings": tmp_path / "training.json",
        "evaluations": results.evaluation / "telea.parquet",
        "page": tmp_path / "provenance.html",
    }
    assert draw("draw-provenance", files) == 0
    page = (tmp_path / "provenance.html").read_text()
    assert "training of lora&lt;1&gt;" in page
    assert "evaluation of telea" in page
    assert f'title="{"ab" * 32}"' in page
    assert "all results" in page
    assert "split_file" not in page.split("<h2>Settings</h2>")[0]


def test_results_of_different_versions_are_listed_separately(
    draw: Callable[..., int], tmp_path: Path, results: Results
) -> None:
    write_training(tmp_path / "training.json", "lora", {"torch": "0.0.1"})
    files = {
        "split_summary": results.audit / "split.json",
        "trainings": tmp_path / "training.json",
        "page": tmp_path / "provenance.html",
    }
    assert draw("draw-provenance", files) == 0
    page = (tmp_path / "provenance.html").read_text()
    assert "Not all results were made with the same versions" in page
    assert "<td>0.0.1</td>" in page


def test_a_result_without_provenance_is_refused(
    draw: Callable[..., int], tmp_path: Path, results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "split_summary": results.audit / "split.json",
        "evaluations": next(results.evaluation.glob("*.parquet")).parent.parent / "bare.parquet",
        "page": tmp_path / "provenance.html",
    }
    import pandas as pd

    pd.DataFrame({"a": [1]}).to_parquet(files["evaluations"])
    assert draw("draw-provenance", files) == 1
    assert "bare.parquet is damaged or of another kind (it lacks its provenance)" in capsys.readouterr().err


def test_the_headline_has_sentence_numbers_figure_and_clip(
    draw: Callable[..., int], results: Results, tmp_path: Path
) -> None:
    assert results.draw_comparison(tmp_path) == 0
    assert results.draw_examples(tmp_path / "examples") == 0
    files = {
        "summary": results.tables / "summary.json",
        "comparison": tmp_path / "comparison.svg",
        "examples": tmp_path / "examples",
        "out": tmp_path / "headline.html",
    }
    assert draw("draw-headline", files) == 0
    fragment = (tmp_path / "headline.html").read_text()
    assert "dB PSNR inside the mask" in fragment
    assert "<span>best classical</span>" in fragment
    assert "data:image/svg+xml;base64," in fragment
    assert "data:video/mp4;base64," in fragment


def test_the_report_is_drawn_without_torch_and_diffusers() -> None:
    folder = Path(inpainting.stages.report.__file__).parent
    names = [f"inpainting.stages.report.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"]
    program = f"import sys, importlib\nfor name in {names}: importlib.import_module(name)\n"
    program += "assert not {'torch', 'diffusers', 'matplotlib.pyplot'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
