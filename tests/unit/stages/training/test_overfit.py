"""Training overfits one sequence: it is then inpainted from the surroundings of its hole."""

from pathlib import Path

import commands
import numpy as np
import pytest
from inpainting.artifacts.shard_listing import shard_path
from inpainting.cli import main
from inpainting.core.files import read_table
from inpainting.models.settings import InferenceSettings
from inpainting.sampling.loading import load_pipeline, noise_generator
from inpainting.sampling.vae_windows import reconstruct
from inpainting.video import sequence
from numpy.typing import NDArray

NANO = Path(__file__).parents[4] / "models" / "nano"
FRAMES, SIZE, STEPS = 9, "64x48", 300


def psnr(clip: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """PSNR in dB over the pixels of the hole."""
    error = clip[hole].astype(np.float64) - truth[hole]
    return float(10 * np.log10(255**2 / np.square(error).mean()))


@pytest.mark.slow
def test_one_sequence_is_overfitted_to_near_the_vaes_ceiling_but_not_from_other_surroundings(tmp_path: Path) -> None:
    """PSNR in the mask, of the output before compositing."""
    dataset, audit, latents, run = (tmp_path / name for name in ("dataset", "audit", "latents", "run"))
    truths, greys = (shard_path(latents, content, 0) for content in ("truth", "grey"))
    split, frames = audit / "split.tsv", ("--frames", str(FRAMES))
    shares = ("--validation-share", "0.33", "--test-share", "0.33")
    training = (
        f"--targets all_linear --rank 64 --alpha 64 --steps {STEPS} --save-every {STEPS} --batch-size 4"
        " --micro-batch-size 4 --warmup-steps 20 --weight-decay 0"
        " --learning-rate 0.003 --patch-learning-rate 0.003 --outside-weight 1"
    )
    for command in (
        commands.sample(dataset, 3, *frames, "--size", SIZE, "--workers", "1"),
        commands.audit(dataset, audit, *frames),
        commands.split(audit / "manifest.parquet", split, *shares),
        commands.encode(NANO, tmp_path, latents, *frames, "--contents", "truth,grey"),
        commands.prompt(NANO, latents / "prompt.safetensors"),
        commands.index(split, [truths], [greys], latents / "index-grey.parquet"),
        commands.train(NANO, tmp_path, run, *training.split()),
    ):
        assert main(command) == 0, command

    table = read_table(split)
    (learned,) = table.loc[table["split"] == "train", "id"]
    others = table.loc[table["split"] != "train", "id"]
    adapter = run / "checkpoints" / f"step-{STEPS}" / "adapter"
    model = InferenceSettings(base=str(NANO), device="cpu")
    pipeline = load_pipeline(model, adapter)

    def inpaint(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        filled: NDArray[np.uint8] = pipeline(
            frames, mask, num_inference_steps=2, generator=noise_generator(0), composite=False
        ).frames
        return filled

    rgb, truth, mask = (
        read(dataset / learned, 0, FRAMES) for read in (sequence.read_rgb, sequence.read_truth, sequence.read_mask)
    )
    hole = mask >= 128
    ceiling = psnr(reconstruct(pipeline.vae, pipeline.family.geometry, truth, FRAMES, 0), truth, hole)
    reached = psnr(inpaint(rgb), truth, hole)
    other_inputs = [sequence.read_rgb(dataset / name, 0, FRAMES) for name in others]
    shuffled = [psnr(inpaint(other), truth, hole) for other in other_inputs]
    scores = f"ceiling {ceiling:.1f}, reached {reached:.1f}, shuffled {', '.join(f'{db:.1f}' for db in shuffled)} dB"
    print(scores)
    assert reached > ceiling - 2, scores
    assert len(shuffled) == 2
    assert max(shuffled) < reached - 6, scores
