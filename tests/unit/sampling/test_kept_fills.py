"""What is kept of several fills beside what a model makes of one: in memory, and of a clip on disk."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inpainting.baselines.fills import fill
from inpainting.cli import main
from inpainting.models.adapter_files import write_findings
from inpainting.models.settings import ModelSettings
from inpainting.sampling.conditioned_clip import Clip
from inpainting.sampling.inpainter import Inpainter, load_inpainter
from inpainting.video import masks, reader
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

WriteClip = Callable[[Clip, Hole], list[str]]

RGB = np.random.default_rng(5).integers(0, 256, (17, 30, 37, 3), dtype=np.uint8)
HOLE = np.zeros(RGB.shape[:3], bool)
HOLE[:, 8:18, 4:15] = True
MEDIAN = fill(RGB, masks.dilate(HOLE, MaskSettings().mask_dilation), "temporal_median")


@pytest.fixture
def adapter(tiny_training: Path, tmp_path: Path) -> Path:
    """The tiny training's last adapter, which keeps half of the temporal median and a quarter of the flow's fill."""
    copied = shutil.copytree(tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "adapter")
    odds = {"flow_propagation": 1.0, "temporal_median": 2.0}
    write_findings(copied, 2, {"slope": 0.0, "biases": {name: float(np.log(value)) for name, value in odds.items()}})
    return copied


@pytest.fixture
def inpainter(tiny_base: Path, adapter: Path) -> Inpainter:
    model = ModelSettings(base=str(tiny_base), device="cpu")
    return load_inpainter(model, adapter, (37, 30), MaskSettings(), WindowSettings())


def test_fills_that_the_model_is_not_shown_are_kept_by_their_shares(inpainter: Inpainter) -> None:
    (view,) = inpainter.look(RGB, HOLE)
    assert list(view.fills) == [inpainter.signal, "flow_propagation", "temporal_median"]
    assert np.array_equal(view.fills["temporal_median"].clip, MEDIAN)
    made = inpainter.inpaint_hole(RGB, HOLE, steps=2, seed=0)
    inpainter.keep_fill = False
    (alone,) = inpainter.look(RGB, HOLE)
    assert list(alone.fills) == [inpainter.signal]
    model = inpainter.inpaint_hole(RGB, HOLE, steps=2, seed=0)
    flow = fill(RGB, masks.dilate(HOLE, inpainter.masks.mask_dilation), "flow_propagation")
    mixed = model / 4 + flow / 4 + MEDIAN / 2
    assert np.abs(made - mixed)[HOLE].max() <= 1.5, "rounded before windows are faded and after"
    assert np.abs(model - mixed)[HOLE].mean() > 10


@pytest.mark.parametrize("mirrored", [False, True])
def test_of_a_clip_on_disk_as_much_is_kept(
    inpainter: Inpainter, adapter: Path, tiny_base: Path, write_clip: WriteClip, tmp_path: Path, mirrored: bool
) -> None:
    made = tmp_path / "made"
    options = ["--base", tiny_base, "--device", "cpu", "--adapter", adapter, *write_clip(RGB, HOLE), "--raw"]
    options += ["--output", made, "--mirrored" if mirrored else "--no-mirrored"]
    assert main(["run", *map(str, options)]) == 0
    inpainter.mirrored = mirrored
    expected = inpainter.inpaint_hole(RGB, HOLE, steps=2, seed=0)
    assert np.array_equal(reader.read_footage(made).frames, expected)
