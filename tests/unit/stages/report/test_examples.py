from __future__ import annotations

import base64
import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from inpainting.core.files import read_table
from inpainting.metrics.aggregate import per_sequence
from inpainting.stages.report.draw_examples import choose_methods
from inpainting.stages.report.example_choice import choose_examples
from inpainting.stages.report.rivals import Rival, Rivals
from inpainting.stages.report.slider import PIXELS, slider_page
from inpainting.stages.report.time_slices import busiest_row, time_slice
from inpainting.video.reader import read_video
from PIL import Image

if TYPE_CHECKING:
    from tests.unit.stages.report.conftest import Results


FILES = ["clip.html", "clip.mp4", "compare.html", "moments.jpg", "slices.jpg"]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, results: Results) -> Path:
    out = tmp_path_factory.mktemp("figures") / "examples"
    assert results.draw_examples(out) == 0
    return out


def test_every_example_has_a_sheet_a_clip_and_a_page_that_holds_the_clip(examples: Path, results: Results) -> None:
    kept = sorted(path.name for path in (results.evaluation / "telea" / "examples").iterdir())
    assert sorted(path.name.partition("-")[2] for path in examples.iterdir()) == kept
    for folder in examples.iterdir():
        assert sorted(path.name for path in folder.iterdir()) == FILES
        assert len(read_video(folder / "clip.mp4").frames) == results.frames
        page = (folder / "clip.html").read_text()
        assert 'src="data:video/mp4;base64,' in page
        assert "http" not in page


def test_the_same_examples_have_the_same_bytes(examples: Path, results: Results, tmp_path: Path) -> None:
    assert results.draw_examples(tmp_path / "again") == 0
    for path in sorted(p for p in examples.rglob("*") if p.is_file()):
        again = tmp_path / "again" / path.relative_to(examples)
        assert path.read_bytes() == again.read_bytes(), path.name


def test_the_clip_shows_methods_pasted_over_the_input_and_the_sheet_their_raw_output(
    examples: Path, results: Results, tmp_path: Path
) -> None:
    changed = replace(results, root=Path(shutil.copytree(results.root, tmp_path / "results")))
    for path in changed.evaluation.glob("*/examples/*/raw/*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert changed.draw_examples(tmp_path / "again") == 0
    for folder in examples.iterdir():
        again = tmp_path / "again" / folder.name
        assert (again / "clip.mp4").read_bytes() == (folder / "clip.mp4").read_bytes()
        assert (again / "moments.jpg").read_bytes() != (folder / "moments.jpg").read_bytes()
        assert (again / "slices.jpg").read_bytes() != (folder / "slices.jpg").read_bytes()


def test_the_worst_the_best_and_random_sequences_are_chosen_by_their_gain_and_a_hash() -> None:
    rivals = Rivals(Rival("lora", "adapter"), Rival("telea", "classical"))
    scores = pd.DataFrame({"gain": [3.0, -1.0, 0.5, 9.0, math.nan]}, index=list("abcde")).dropna()
    kept = {"a", "b", "c", "e"}
    chosen = choose_examples(kept, scores, rivals, 3)
    assert [(example.role, example.sequence) for example in chosen[:2]] == [("worst", "b"), ("best", "a")]
    assert chosen[0].why == "the smallest gain, −1.0 dB, of lora over telea among the 4 sequences with kept frames"
    assert chosen[2].role == "random" and chosen[2].sequence in {"c", "e"}
    assert [example.role for example in choose_examples(kept, scores, rivals, 1)] == ["random"]
    assert len(choose_examples(kept, scores, rivals, 9)) == 4
    assert choose_examples({"e"}, scores, rivals, 3)[0].folder == "random-e"


def test_a_time_slice_is_the_row_that_is_most_often_in_the_hole_over_time() -> None:
    frames = np.arange(4 * 6 * 16 * 3, dtype=np.uint16).reshape(4, 6, 16, 3).astype(np.uint8)
    hole = np.zeros((4, 6, 16), bool)
    hole[1:, 4, 3:9] = hole[0, 2, 3] = True
    assert busiest_row(hole) == 4
    assert np.array_equal(time_slice(frames, 4)[::2], frames[:, 4])


def test_images_of_many_methods_are_scaled_down() -> None:
    clips = [(f"method {n}", np.zeros((2, 480, 640, 3), np.uint8)) for n in range(40)]
    page = slider_page("t", "i", clips, [0, 1], (0, 1))
    images = json.loads(page.split('application/json">')[1].split("</script>")[0])
    found = [read_data_uri(uri) for frames in images["images"] for uri in frames]
    assert len(found) == 80
    assert 0.9 * PIXELS < sum(image.width * image.height for image in found) <= 1.01 * PIXELS


def read_data_uri(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_the_score_beside_a_name_is_the_one_of_the_tables(results: Results) -> None:
    from inpainting.stages.report.draw_examples import method_clip
    from inpainting.video import masks, sequence
    from inpainting.video.clip import read_clip
    from inpainting.video.settings import MaskSettings

    scores = per_sequence(read_table(results.evaluation / "telea.parquet"))
    folder = next((results.evaluation / "telea" / "examples").iterdir())
    row = scores[(scores["sequence"] == folder.name) & (scores["output"] == "raw")].iloc[0]
    clip = read_clip(results.dataset, folder.name, results.frames)
    frames = sequence.read_images(folder / "raw", 0, results.frames, "RGB")
    column = method_clip(clip, masks.to_hole(clip.mask, MaskSettings()), "telea", frames)
    assert column.caption == f"telea  {row['psnr_mask']:.1f} dB"


def test_a_method_that_was_not_compared_is_refused(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results.draw_examples(tmp_path / "out", "--shown", "telea,nonsense") == 2
    assert "nonsense was given, but the methods compared are" in capsys.readouterr().err


def test_a_missing_example_is_an_error_that_says_how_to_make_it(
    draw: Callable[..., int], results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "dataset": results.dataset,
        "comparison": results.tables / "comparison.tsv",
        "sequences": results.tables / "sequences.tsv",
        "evaluation": tmp_path,
        "out": tmp_path / "out",
    }
    assert draw("draw-examples", files) == 1
    assert "evaluate them with --examples 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_by_default_the_best_method_of_each_kind_is_shown_without_the_ceiling() -> None:
    rows = [
        ("ceiling", "ceiling"),
        ("lora_2", "adapter"),
        ("flow_propagation", "classical"),
        ("lora_1", "adapter"),
        ("telea", "classical"),
        ("base", "base"),
    ]
    table = pd.DataFrame(rows, columns=["method", "kind"]).assign(members=lambda t: t["method"])
    assert choose_methods(table, ()) == {
        "base": "base",
        "flow_propagation": "flow propagation",
        "lora_2": "lora_2",
    }
    assert list(choose_methods(table, ("telea", "lora_1"))) == ["telea", "lora_1"]
    repeated = table.assign(members=table["members"].replace("lora_2", "a-s0,a-s1"))
    assert choose_methods(repeated, ("lora_2",)) == {"a-s0": "lora_2: a-s0"}
