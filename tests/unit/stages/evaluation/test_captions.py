"""The captions below the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.stages.evaluation.conftest import Dataset


def test_the_captions_list_the_metrics_that_are_not_computed(dataset: Dataset, tmp_path: Path) -> None:
    assert dataset.evaluate("telea", tmp_path / "telea.parquet", "--extras", "motion") == 0
    assert dataset.tables([tmp_path / "telea.parquet"], tmp_path) == 0
    page = (tmp_path / "metrics.html").read_text()
    left_out = page.partition("Not computed: ")[2]
    assert all(f"{name} (left out by evaluation.extras)" in left_out for name in ("VMAF", "propainter_compat"))
    assert "VFID (needs I3D" in left_out
    assert "LPIPS (needs evaluation.vgg16_weights and evaluation.lpips_weights)" in left_out
    assert "RC-S and RC-T (needs evaluation.dinov2_weights)" in left_out
    assert page.count('<td class="number">not computed</td>') == 7, "in the columns of LPIPS, DISTS, RC-S and RC-T"


def test_the_captions_describe_the_methods_and_their_denoising_steps(dataset: Dataset, tmp_path: Path) -> None:
    results = [tmp_path / f"{method}.parquet" for method in ("base", "telea")]
    for path in results:
        assert dataset.evaluate(path.stem, path, "--steps", "1", "--limit", "1") == 0
    assert dataset.tables(results, tmp_path) == 0
    page = (tmp_path / "comparison.md").read_text()
    assert "every step, 1 denoising step." in page
    assert "fast marching from the hole's edge (Telea 2004)." in page
