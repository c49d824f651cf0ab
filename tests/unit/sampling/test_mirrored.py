"""Inpainting the mirrored clip as well, for the mean of both."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from inpainting.baselines.fills import fill
from inpainting.cli import main
from inpainting.conditioning.inputs import Frame
from inpainting.core.files import read_json
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import ModelSettings
from inpainting.sampling.conditioned_clip import Clip, View, mirror
from inpainting.sampling.inpainter import Inpainter, load_inpainter
from inpainting.sampling.sampler import Denoising, inpaint_views
from inpainting.video import masks, reader
from inpainting.video.masks import Hole
from inpainting.video.settings import MaskSettings, WindowSettings

WriteClip = Callable[[Clip, Hole], list[str]]

RGB = np.random.default_rng(5).integers(0, 256, (17, 30, 37, 3), dtype=np.uint8)
HOLE = np.zeros(RGB.shape[:3], bool)
HOLE[:, 8:18, 4:15] = True

GEOMETRY = COGVIDEOX_2B.geometry


@pytest.fixture
def inpainter(tiny_base: Path, tiny_training: Path) -> Inpainter:
    """The tiny training's last adapter, loaded."""
    adapter = tiny_training / "checkpoints" / "step-4" / "adapter"
    windows = WindowSettings(window=9, window_overlap=1)
    return load_inpainter(ModelSettings(base=str(tiny_base), device="cpu"), adapter, (37, 30), MaskSettings(), windows)


def test_the_output_is_the_mean_of_the_clips_and_the_mirrored_clips(inpainter: Inpainter) -> None:
    inpainter.mirrored = True
    views, timeline = inpainter.look(RGB, HOLE), inpainter.timeline(len(RGB))

    def made(views: list[View], draws: torch.Generator) -> list[Clip]:
        how = Denoising(steps=2, prompt=inpainter.pipeline.embedding(None), generator=draws)
        return list(inpaint_views(inpainter.pipeline.models, views, timeline, 2, inpainter.signal, how))

    draws = torch.Generator().manual_seed(0)
    plain, other = (made([view], draws) for view in views)
    both = made(views, torch.Generator().manual_seed(0))
    for one, another, mean in zip(plain, other, both, strict=True):
        assert not np.array_equal(one, another)
        assert np.array_equal(mean, ((one.astype(int) + another + 1) // 2).astype(np.uint8))


def test_the_mirrored_clip_lies_half_a_cell_off_the_grid(inpainter: Inpainter) -> None:
    inpainter.mirrored = True
    plain, mirrored = inpainter.look(RGB, HOLE)
    assert (plain.frame(GEOMETRY).shift, mirrored.frame(GEOMETRY).shift) == (0, 4)
    assert plain.frame(GEOMETRY).latent_size == (4, 6)
    assert mirrored.frame(GEOMETRY).latent_size == (6, 6)


def test_a_reconstruction_is_the_mean_with_the_mirrored_clips(inpainter: Inpainter) -> None:
    plain = inpainter.reconstruct(RGB)
    frame = Frame(RGB.shape[1], RGB.shape[2], GEOMETRY, 4)
    shifted = frame.crop(inpainter.reconstruct(frame.pad(mirror(RGB))))
    inpainter.mirrored = True
    both = inpainter.reconstruct(RGB)
    errors = np.abs((plain.astype(int) + mirror(shifted) + 1) // 2 - both)
    assert errors.max() <= 1, "where windows meet, they are faded after the mean was taken"
    assert (both - RGB.astype(float)).std() < (plain - RGB.astype(float)).std()


def test_the_mirrored_clip_has_a_fill_of_its_own(inpainter: Inpainter) -> None:
    inpainter.signal, inpainter.mirrored = "flow_propagation", True
    plain, mirrored = inpainter.look(RGB, HOLE)
    grown = masks.dilate(HOLE, inpainter.masks.mask_dilation)
    assert (plain.mirrored, mirrored.mirrored) == (False, True)
    assert np.array_equal(plain.shown.clip, fill(RGB, grown, "flow_propagation"))
    assert np.array_equal(mirrored.shown.clip, fill(mirror(RGB), mirror(grown), "flow_propagation"))
    assert not np.array_equal(mirrored.shown.clip, mirror(plain.shown.clip))


def test_a_clip_on_disk_is_mirrored_as_one_in_memory_is(tiny_base: Path, write_clip: WriteClip, tmp_path: Path) -> None:
    inpainter = load_inpainter(
        ModelSettings(base=str(tiny_base), device="cpu"),
        None,
        (37, 30),
        MaskSettings(),
        WindowSettings(window=9),
        fill="flow_propagation",
    )
    inpainter.mirrored = True
    arguments = [*run_arguments(tiny_base, write_clip(RGB, HOLE)), "--mirrored", "--raw", "--fill", "flow_propagation"]
    assert main([*arguments, "--output", str(tmp_path / "made")]) == 0
    made = reader.read_footage(tmp_path / "made").frames
    assert np.array_equal(made, inpainter.inpaint_hole(RGB, HOLE, steps=2, seed=0))


def run_arguments(base: Path, clip: list[str]) -> list[str]:
    """Of `inpaint run`, with two steps."""
    return ["run", "--base", str(base), "--device", "cpu", "--steps", "2", "--window", "9", *clip]


def test_run_does_so_when_it_is_asked_and_says_so(tiny_base: Path, write_clip: WriteClip, tmp_path: Path) -> None:
    arguments = run_arguments(tiny_base, write_clip(RGB, HOLE))
    frames = []
    for number, mirrored in enumerate((False, True, True)):
        output = tmp_path / f"{number}"
        option = "--mirrored" if mirrored else "--no-mirrored"
        assert main([*arguments, "--output", str(output), option]) == 0
        assert read_json(tmp_path / f"{number}.json")["settings"]["mirrored"] is mirrored
        frames.append(reader.read_footage(output).frames)
    assert not np.array_equal(frames[0], frames[1])
    assert np.array_equal(frames[1], frames[2])
