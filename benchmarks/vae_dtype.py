"""Time of encoding and decoding in bfloat16 and in float32, taking turns in one process.

    python benchmarks/vae_dtype.py                  two sample clips of 17 frames of 128x96, one thread, under a minute
    python benchmarks/vae_dtype.py --base /path/to/CogVideoX-2b --device cuda --size 640x480

The PSNR of both reconstructions is printed, too.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from inpainting.models import loading
from inpainting.models import vae as vae_latents
from inpainting.stages.dataset.sample import make_sequence

DTYPES = ("float32", "bfloat16")


def main() -> None:
    """Print the ratio of the medians, and the PSNR of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="models/nano")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--size", default="128x96")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    width, height = map(int, given.size.split("x"))
    truths = np.stack([make_sequence(0, index, 17, (width, height)).truth for index in range(2)])
    clips = torch.stack([vae_latents.to_tensor(truth) for truth in truths])
    vaes = {name: loading.load_vae(given.base, loading.DTYPES[name], torch.device(given.device)) for name in DTYPES}
    times: dict[str, list[float]] = {name: [] for name in DTYPES}
    errors: dict[str, float] = {}
    for _ in range(given.repeats):
        for name, vae in vaes.items():
            start = time.perf_counter()
            made = vae_latents.decode(vae, vae_latents.encode(vae, clips)[0]).cpu()
            times[name].append(time.perf_counter() - start)
            errors[name] = ((made.clamp(-1, 1) - clips) / 2).square().mean().item()
    for name in DTYPES:
        print(f"{name}: {statistics.median(times[name]):.2f} s, {-10 * np.log10(errors[name]):.2f} dB")
    medians = [statistics.median(times[name]) for name in DTYPES]
    print(f"bfloat16 is {medians[0] / medians[1]:.2f} x as fast by medians")


if __name__ == "__main__":
    main()
