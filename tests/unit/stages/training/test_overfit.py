"""Whether training learns at all: one sequence, learnt by heart from what surrounds its hole."""

from pathlib import Path

import numpy as np
import pytest
from inpainting.cli import main
from inpainting.core.files import read_table
from inpainting.models.settings import ModelSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.video import sequence
from numpy.typing import NDArray

NANO = Path(__file__).parents[4] / "models" / "nano"
FRAMES, SIZE, STEPS = 9, (64, 48), 300


def psnr(clip: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """dB over the pixels of the hole."""
    error = clip[hole].astype(np.float64) - truth[hole]
    return float(10 * np.log10(255**2 / np.square(error).mean()))


@pytest.mark.slow
def test_one_sequence_is_learnt_to_near_the_vaes_ceiling_and_not_without_its_own_surroundings(tmp_path: Path) -> None:
    """Of the raw output, in the mask: compositing would hide all that is outside, and flatter what is inside."""
    dataset, audit, latents, run = (tmp_path / name for name in ("dataset", "audit", "latents", "run"))
    manifest, split, index = audit / "manifest.parquet", audit / "split.tsv", latents / "index.parquet"
    truths, greys, prompt = (latents / f"{name}.safetensors" for name in ("truth", "grey", "prompt"))
    listings = ["--truths", latents / "truth.parquet", "--conditions", latents / "grey.parquet"]
    width, height = SIZE
    encode = ["encode", "--base", NANO, "--dataset", dataset, "--manifest", manifest, "--split-file", split]
    encode += ["--frames", FRAMES, "--window", FRAMES]
    train = ["train", "--base", NANO, "--device", "cpu", "--index", index, "--prompt-file", prompt, "--out", run]
    train += ["--window", FRAMES, "--targets", "all_linear", "--rank", 64, "--alpha", 64, "--steps", STEPS]
    train += ["--batch-size", 4, "--micro-batch-size", 4, "--warmup-steps", 20, "--weight-decay", 0.0]
    train += ["--learning-rate", 3e-3, "--patch-learning-rate", 3e-3, "--outside-weight", 1.0]
    for command in (
        ["sample", dataset, "--sequences", 3, "--frames", FRAMES, "--size", f"{width}x{height}", "--workers", 1],
        ["audit", dataset, audit, "--frames", FRAMES, "--workers", 1],
        ["split", manifest, split, "--validation-share", 0.33, "--test-share", 0.33],
        [*encode, "--content", "truth", "--out", truths],
        [*encode, "--content", "grey", "--out", greys],
        ["prompt", "--base", NANO, "--out", prompt],
        ["index", *listings, "--split-file", split, "--out", index],
        train,
    ):
        assert main([str(word) for word in command]) == 0, command

    table = read_table(split)
    (learnt,) = table.loc[table["split"] == "train", "id"]
    others = table.loc[table["split"] != "train", "id"]
    adapter = run / "checkpoints" / f"step-{STEPS}" / "adapter"
    model = ModelSettings(base=str(NANO), device="cpu")
    pipeline = load_pipeline(model, adapter)

    def inpaint(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        made: NDArray[np.uint8] = pipeline(
            frames, mask, num_inference_steps=2, generator=noise_generator(0), composite=False
        ).frames
        return made

    rgb, truth, mask = (
        read(dataset / learnt, 0, FRAMES) for read in (sequence.read_rgb, sequence.read_truth, sequence.read_mask)
    )
    hole = mask >= 128
    ceiling = psnr(pipeline.reconstruct(truth), truth, hole)
    reached = psnr(inpaint(rgb), truth, hole)
    strangers = [sequence.read_rgb(dataset / name, 0, FRAMES) for name in others]
    shuffled = [psnr(inpaint(stranger), truth, hole) for stranger in strangers]
    figures = f"ceiling {ceiling:.1f}, reached {reached:.1f}, shuffled {', '.join(f'{db:.1f}' for db in shuffled)} dB"
    print(figures)
    assert reached > ceiling - 2, figures
    assert len(shuffled) == 2
    assert max(shuffled) < reached - 6, figures
