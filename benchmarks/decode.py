"""What decoding costs with our VAE (`models.vae.prepare_vae`), beside diffusers' own, in turn in one process.

    python benchmarks/decode.py                     two clips of 17 frames of 128x96, one thread, under a minute
    python benchmarks/decode.py --base /path/to/CogVideoX-2b --device cuda --dtype float16

The pixels are compared too: on a CPU another memory layout of the weights may change their last bits.
"""

import argparse
import statistics
import time

import torch
from diffusers import AutoencoderKLCogVideoX
from inpainting.models import bases, loading
from inpainting.models import vae as vae_latents


def seconds(vae: AutoencoderKLCogVideoX, latents: torch.Tensor) -> float:
    """Wall seconds of decoding a batch once."""
    start = time.perf_counter()
    vae_latents.decode(vae, latents).cpu()
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio of the median and of the shortest times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="models/nano")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="float32", choices=sorted(loading.DTYPES))
    parser.add_argument("--size", default="128x96")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    device, dtype = torch.device(given.device), loading.DTYPES[given.dtype]
    width, height = map(int, given.size.split("x"))
    ours = loading.load_vae(given.base, dtype, device)
    plain = AutoencoderKLCogVideoX.from_pretrained(given.base, subfolder="vae", torch_dtype=dtype).to(device).eval()
    if ours.use_slicing:
        plain.enable_slicing()
    geometry = bases.family(given.base).geometry
    shape = (2, geometry.latent_frames(17), ours.config.latent_channels, *geometry.latent_size(height, width))
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    difference = (vae_latents.decode(ours, latents) - vae_latents.decode(plain, latents)).abs().max().item()
    times = [(seconds(plain, latents), seconds(ours, latents)) for _ in range(given.repeats)]
    theirs, mine = zip(*times, strict=True)
    print(f"diffusers {statistics.median(theirs):.2f} s, prepare_vae {statistics.median(mine):.2f} s")
    ratio, least = statistics.median(theirs) / statistics.median(mine), min(theirs) / min(mine)
    print(
        f"{ratio:.2f} x as fast by medians, {least:.2f} x by shortest times; difference at most {difference:.1e} of 2"
    )


if __name__ == "__main__":
    main()
