"""Inpainting the mirrored clip as well, for the mean of both."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inpainting.cli import main
from inpainting.files import read_json
from inpainting.filling.fills import fill
from inpainting.inference.inpainter import Inpainter, load_inpainter
from inpainting.inference.views import mirror
from inpainting.models.settings import ModelSettings
from inpainting.video import masks, media, recording
from inpainting.video.media import Footage
from inpainting.video.settings import MaskSettings, WindowSettings

RGB = np.random.default_rng(5).integers(0, 256, (17, 30, 37, 3), dtype=np.uint8)
HOLE = np.zeros(RGB.shape[:3], bool)
HOLE[:, 8:18, 4:15] = True


@pytest.fixture
def inpainter(tiny_base: Path, tiny_training: Path) -> Inpainter:
    """The tiny training's last adapter, loaded."""
    adapter = tiny_training / "checkpoints" / "step-4" / "adapter"
    windows = WindowSettings(window=9, window_overlap=1)
    return load_inpainter(ModelSettings(base=str(tiny_base), device="cpu"), adapter, (37, 30), MaskSettings(), windows)


def test_the_output_is_the_mean_of_the_clips_and_the_mirrored_clips(inpainter: Inpainter) -> None:
    options: dict[str, Any] = {"num_inference_steps": 2, "composite": False}
    draws = torch.Generator().manual_seed(0)
    plain = inpainter.pipeline(RGB[:9], HOLE[:9], generator=draws, **options).frames
    other = inpainter.pipeline(mirror(RGB[:9]), mirror(HOLE[:9]), generator=draws, **options).frames
    both = inpainter.pipeline(
        RGB[:9], HOLE[:9], generator=torch.Generator().manual_seed(0), mirrored=True, **options
    ).frames
    assert not np.array_equal(plain, mirror(other))
    assert np.array_equal(both, ((plain.astype(int) + mirror(other) + 1) // 2).astype(np.uint8))


def test_a_reconstruction_is_mirrored_when_its_clip_is(inpainter: Inpainter) -> None:
    inpainter.mirrored = True
    assert np.array_equal(inpainter.reconstruct(mirror(RGB)), mirror(inpainter.reconstruct(RGB)))
    errors = (inpainter.reconstruct(RGB) - RGB.astype(float)).std()
    inpainter.mirrored = False
    assert errors < (inpainter.reconstruct(RGB) - RGB.astype(float)).std()


def test_the_mirrored_clip_has_a_fill_of_its_own(inpainter: Inpainter) -> None:
    inpainter.signal, inpainter.mirrored = "flow_propagation", True
    plain, mirrored = inpainter.look(RGB, HOLE)
    grown = masks.dilate(HOLE, inpainter.masks.mask_dilation)
    assert (plain.mirrored, mirrored.mirrored) == (False, True)
    assert np.array_equal(plain.frames, fill(RGB, grown, "flow_propagation"))
    assert np.array_equal(mirrored.frames, fill(mirror(RGB), mirror(grown), "flow_propagation"))
    assert not np.array_equal(mirrored.frames, mirror(plain.frames))


def test_a_clip_on_disk_is_mirrored_as_one_in_memory_is(tiny_base: Path, tmp_path: Path) -> None:
    inpainter = load_inpainter(
        ModelSettings(base=str(tiny_base), device="cpu"),
        None,
        (37, 30),
        MaskSettings(),
        WindowSettings(window=9),
        fill="flow_propagation",
    )
    inpainter.mirrored = True
    arguments = [*run_arguments(tiny_base, tmp_path), "--mirrored", "--raw", "--fill", "flow_propagation"]
    assert main([*arguments, "--output", str(tmp_path / "made")]) == 0
    made = media.read_footage(tmp_path / "made").frames
    assert np.array_equal(made, inpainter.inpaint_hole(RGB, HOLE, steps=2, seed=0))


def run_arguments(base: Path, folder: Path) -> list[str]:
    """Of `inpaint run`, with two steps, for the clip, which is written into the folder."""
    clip, mask = folder / "clip.mkv", folder / "mask.mkv"
    recording.write_footage(clip, Footage(RGB, Fraction(25)))
    recording.write_footage(mask, Footage(np.repeat(255 * HOLE[..., None].astype(np.uint8), 3, 3), Fraction(25)))
    arguments = ["run", "--base", base, "--device", "cpu", "--steps", "2", "--window", "9", "--input", clip]
    return [str(argument) for argument in [*arguments, "--mask", mask]]


def test_run_does_so_when_it_is_asked_and_says_so(tiny_base: Path, tmp_path: Path) -> None:
    arguments = run_arguments(tiny_base, tmp_path)
    frames = []
    for number, mirrored in enumerate((False, True, True)):
        output = tmp_path / f"{number}"
        option = "--mirrored" if mirrored else "--no-mirrored"
        assert main([*arguments, "--output", str(output), option]) == 0
        assert read_json(tmp_path / f"{number}.json")["settings"]["mirrored"] is mirrored
        frames.append(media.read_footage(output).frames)
    assert not np.array_equal(frames[0], frames[1])
    assert np.array_equal(frames[1], frames[2])
