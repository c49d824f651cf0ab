"""Time of `inpaint encode` for truths and conditions, beside Pillow's decoding and the VAE's encoding of these clips.

    python benchmarks/encode.py                     two sequences of 49 frames of 640x480 on two cores: some minutes
    python benchmarks/encode.py --frames 9          shorter

Both take turns in one process. The bare loop decodes each file once and then encodes each clip, with the same threads.
CPU time is of all processes: reading and filling in the workers, encoding, writing the shards. Wall time needs an idle
machine. torch is imported inside functions because the workers of `inpaint encode` import this file, too, and their
time is counted.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from inpainting.artifacts.manifest import write_manifest
from inpainting.artifacts.record import NO_CONTENT, Soundness, make_record
from inpainting.artifacts.split import SPLIT_TABLE, TRAIN
from inpainting.stages.latents.settings import EncodeCommand
from inpainting.video import sequence
from rows import report, say


def cpu_seconds() -> float:
    """CPU time of this process and all its child processes, including ended ones."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:4]) for process in processes)


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of a function call."""
    cpu, wall = cpu_seconds(), time.monotonic()
    work()
    return cpu_seconds() - cpu, time.monotonic() - wall


def make_dataset(root: Path, sequences: int, frames: int, width: int, height: int) -> None:
    """Sequences of moving waves with noise, and the tables that audit and split would write for them."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:height, :width]
    mask = np.where((row > height // 3) & (column > width // 2), np.uint8(255), np.uint8(0))
    names = [f"{number:04d}" for number in range(sequences)]
    for number, name in enumerate(names):
        waves = [127 + 90 * np.sin((row * number + column + 3 * frame) / 40) for frame in range(frames)]
        clip = np.stack(waves)[..., None] + rng.normal(0, 5, (frames, height, width, 3))
        clip = clip.clip(0, 255).astype(np.uint8)
        sequence.write_sequence(root / "sequences" / name, clip, np.stack([mask] * frames), clip)
    sound = [Soundness(frames, width, height, digest=name, findings=[]) for name in names]
    records = [make_record(name, found, NO_CONTENT) for name, found in zip(names, sound, strict=True)]
    write_manifest(root / "manifest.parquet", records, {})
    SPLIT_TABLE.write(root / "split.tsv", pd.DataFrame({"id": names, "group": names, "split": TRAIN}))


def bare(root: Path, frames: int, base: str) -> tuple[float, float]:
    """CPU and wall seconds of decoding every frame with Pillow and sending truths and inputs through the VAE."""
    import torch
    from inpainting.models import loading
    from inpainting.models import vae as vae_latents

    vae = loading.load_vae(base, torch.float32, torch.device("cpu"))

    def work() -> None:
        for folder in sorted((root / "sequences").iterdir()):
            sequence.read_mask(folder, 0, frames)
            for clip in (sequence.read_truth(folder, 0, frames), sequence.read_rgb(folder, 0, frames)):
                vae_latents.encode(vae, vae_latents.to_tensor(clip)[None])

    return cost(work)


def main() -> None:
    import torch
    from inpainting.stages.latents.encode import encode

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--frames", type=int, default=49, help="frames of a sequence, which is one window: 8k+1")
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--base", default="models/nano")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    width, height = map(int, options.size.split("x"))
    ratios, unchanged = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_dataset(root, options.sequences, options.frames, width, height)
        settings = EncodeCommand(
            contents=("truth", "grey"),
            dataset=root / "sequences",
            manifest=root / "manifest.parquet",
            split_file=root / "split.tsv",
            out=root / "latents",
            frames=options.frames,
            window=options.frames,
            window_overlap=0,
            base=options.base,
            device="cpu",
        )
        for _ in range(options.repeats):
            shutil.rmtree(settings.out, ignore_errors=True)
            alone, ours = bare(root, options.frames, options.base), cost(lambda: encode(settings))
            again, _ = cost(lambda: encode(settings))
            for what, one, other in zip(("CPU", "wall"), ours, alone, strict=True):
                say(f"{what} time: inpaint encode {one:.2f} s, bare {other:.2f} s: {one / other:.3f} x")
            ratios.append(ours[0] / alone[0])
            unchanged.append(again / ours[0])
    report("encode", ratios, "CPU time of `inpaint encode` / of Pillow and the VAE alone (aim: 1.1)")
    report("encode, no change", unchanged, "CPU time of encoding again / of encoding")


if __name__ == "__main__":
    main()
