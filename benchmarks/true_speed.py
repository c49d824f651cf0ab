"""Speed and memory of the model's parts for `on_gpu.sh`, with different kernels, layouts and compilation.

    python benchmarks/true_speed.py machine                            the device, and its speed of matrix products
    python benchmarks/true_speed.py transformer --base BASE            forward and training step of 49 x 480 x 640
    python benchmarks/true_speed.py transformer-compiled --base BASE
    python benchmarks/true_speed.py vae --base BASE                    encoding and decoding
    python benchmarks/true_speed.py vae-compiled --base BASE

Rows go to the JSON file that the environment variable FACTS names, each as soon as it is measured. `--nano` runs on the
CPU with a small base and small windows.
"""

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import AutoencoderKLCogVideoX
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import bases, loading, lora
from inpainting.models import vae as vae_latents
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.stages.training import optimizers
from inpainting.stages.training.settings import OptimizerSettings
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from train_memory import PEAKS
from true_size import note

RANK = 64
ATTENTION = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}


class Measured:
    """Rows of measurements; the file is rewritten after each."""

    def __init__(self, device: torch.device, repeats: int) -> None:
        self.device, self.repeats = device, repeats
        self.facts: dict[str, Any] = {"rows": []}

    def add(self, what: str, run: Callable[[], object], warm: Callable[[], object] | None = None, **about: Any) -> None:
        """Add a row: mean seconds and peak memory of `repeats` runs, after one warm-up run or a call of `warm`."""
        row: dict[str, Any] = {"what": what, **about}
        try:
            start = time.perf_counter()
            self.wait_for(warm or run)
            row["first_seconds"] = time.perf_counter() - start
            if self.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            for _ in range(self.repeats):
                self.wait_for(run)
            row["seconds"] = (time.perf_counter() - start) / self.repeats
            if self.device.type == "cuda":
                row["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
            row["note"] = f"first run {row['first_seconds']:.1f} s"
        except torch.OutOfMemoryError:
            row["note"] = "out of memory"
        except RuntimeError as error:
            row["note"] = f"not possible: {str(error).strip().splitlines()[0][:120]}"
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        print(
            f"{what}: {row.get('seconds', float('nan')):.3f} s, {row.get('peak_gib', 0):.1f} GiB, {row['note']}",
            flush=True,
        )
        self.facts["rows"].append(row)
        note(self.facts)

    def wait_for(self, run: Callable[[], object]) -> None:
        """Run and wait for the device."""
        run()
        if self.device.type == "cuda":
            torch.cuda.synchronize()


class Training:
    """The transformer with LoRA and a widened patch embedding, run on windows of noise."""

    def __init__(self, base: str, device: torch.device, nano: bool) -> None:
        size, frames, dtype = ((8, 8), 17, torch.float32) if nano else ((60, 80), 49, torch.float16)
        transformer = loading.load_transformer(base, dtype, device, size, frames)
        self.family, config = bases.family(base), transformer.config
        channels = ConditionSettings().input_channels(config.out_channels, self.family.geometry)
        widen_patch_embedding(transformer, channels)
        lora.add_lora(transformer, LoraSettings(rank=RANK, alpha=RANK), seed=0)
        trained = lora.prepare_training(transformer)
        self.accelerator = Accelerator(mixed_precision="no" if nano else "fp16", cpu=device.type == "cpu")
        optimizer = optimizers.make_optimizer(trained, OptimizerSettings())
        transformer.enable_gradient_checkpointing()
        self.parameters, self.transformer = list(trained.values()), transformer.train()
        self.model, self.optimizer = self.accelerator.prepare(transformer, optimizer)
        self.cells = (self.family.geometry.latent_frames(frames), channels, *size)
        self.text = self.family.text_size(config)

    def predict(self, windows: int) -> Tensor:
        """The model's output for windows of noise."""
        device = self.accelerator.device
        shown, text = torch.randn(windows, *self.cells, device=device), torch.zeros(windows, *self.text, device=device)
        steps = torch.full((windows,), 500, device=device)
        return self.family.predict(self.model, shown, None, None, text, steps)

    def forward(self, windows: int) -> None:
        """A forward pass as in denoising."""
        with torch.no_grad():
            self.predict(windows)

    def step(self, windows: int, checkpointing: bool) -> None:
        """A training step: forward, backward, update."""
        self.transformer.gradient_checkpointing = checkpointing
        self.accelerator.backward(self.predict(windows).square().mean())
        self.accelerator.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def machine(nano: bool) -> None:
    """The device, and the TFLOP/s of a large matrix product in half precision."""
    device = torch.device("cpu" if nano else "cuda")
    name = "CPU" if nano else torch.cuda.get_device_name()
    measured = Measured(device, repeats=10)
    measured.facts["machine"] = {
        "device": name,
        "driver": None if nano else _nvidia_smi("driver_version"),
        "memory": None if nano else _nvidia_smi("memory.total"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "cores": os.cpu_count(),
        "peak_tflops": next((peak for part, peak in PEAKS.items() if part in name), None),
    }
    print(measured.facts["machine"])
    side = 512 if nano else 8192
    for dtype in (torch.bfloat16, torch.float16):
        one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        what = f"product of {side}x{side} matrices in {str(dtype).removeprefix('torch.')}"
        measured.add(what, partial(torch.matmul, one, other), tflop=2 * side**3 / 1e12)


def _nvidia_smi(field: str) -> str:
    asked = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def transformer(base: str, nano: bool) -> None:
    """Forward passes and training steps: attention kernels, gradient checkpointing, one window and two."""
    device = torch.device("cpu" if nano else "cuda")
    training, measured = Training(base, device, nano), Measured(device, repeats=2)
    for windows in (1, 2):
        measured.add(_of("forward", windows), partial(training.forward, windows), work="forward", windows=windows)
    for checkpointing in (True, False):
        for windows in (1, 2):
            how = "with" if checkpointing else "without"
            what = _of(f"training step {how} gradient checkpointing", windows)
            measured.add(what, partial(training.step, windows, checkpointing), work="step", windows=windows)
    for name, backend in ATTENTION.items():
        with sdpa_kernel(backend):
            measured.add(f"forward, {name} attention", partial(training.forward, 1), work="forward", windows=1)
            what = f"training step without gradient checkpointing, {name} attention"
            measured.add(what, partial(training.step, 1, False), work="step", windows=1)
    _profile("training step without gradient checkpointing", partial(training.step, 1, False), device)


def transformer_compiled(base: str, nano: bool) -> None:
    """The same with compiled blocks, as in `inpaint train --compile`."""
    device = torch.device("cpu" if nano else "cuda")
    training, measured = Training(base, device, nano), Measured(device, repeats=2)
    for block in training.transformer.transformer_blocks:
        block.forward = torch.compile(block.forward, dynamic=False)
    for checkpointing in (False, True):
        what = f"training step {'with' if checkpointing else 'without'} gradient checkpointing, compiled"
        measured.add(what, partial(training.step, 1, checkpointing), work="step", windows=1)
    measured.add("forward, compiled", partial(training.forward, 1), work="forward", windows=1)


def vae(base: str, nano: bool) -> None:
    """Encoding and decoding a window: memory layouts of the weights, with and without cudnn.benchmark."""
    device = torch.device("cpu" if nano else "cuda")
    model, measured = _vae(base, nano, device), Measured(device, repeats=1)
    for layout in ("channels-last as loaded", "contiguous"):
        if layout == "contiguous":
            make_contiguous(model)
        for search in (False, True):
            torch.backends.cudnn.benchmark = search
            _add_vae(measured, model, nano, f"{layout}{', cudnn.benchmark' * search}")
    torch.backends.cudnn.benchmark = False
    clip, latents = _clip(model, 9, nano), _latents(model, 3, nano)
    _profile("encoding 9 frames", partial(vae_latents.encode, model, clip), device)
    _profile("decoding 3 latent frames", partial(vae_latents.decode, model, latents), device)


def vae_compiled(base: str, nano: bool) -> None:
    """The same with encoder and decoder compiled."""
    device = torch.device("cpu" if nano else "cuda")
    model, measured = _vae(base, nano, device), Measured(device, repeats=1)
    model.encoder.compile(dynamic=False)
    model.decoder.compile(dynamic=False)
    _add_vae(measured, model, nano, "compiled")


def make_contiguous(model: AutoencoderKLCogVideoX) -> None:
    """Store the convolutions' weights as diffusers does."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            module.weight.data = module.weight.data.contiguous()


def _vae(base: str, nano: bool, device: torch.device) -> AutoencoderKLCogVideoX:
    return loading.load_vae(base, torch.float32 if nano else torch.float16, device)


def _add_vae(measured: Measured, model: AutoencoderKLCogVideoX, nano: bool, how: str) -> None:
    """Rows for a window; the warm-up has fewer frames, which the VAE processes in chunks of the same shapes."""
    short, long = (_clip(model, frames, nano) for frames in ((9, 17) if nano else (17, 49)))
    few, many = (_latents(model, frames, nano) for frames in ((3, 5) if nano else (5, 13)))
    for what, run, warm, window in (
        ("encode", vae_latents.encode, short, long),
        ("decode", vae_latents.decode, few, many),
    ):
        name = f"VAE {what}, {how}"
        measured.add(name, partial(run, model, window), partial(run, model, warm), work=what, windows=1)


def _clip(model: AutoencoderKLCogVideoX, frames: int, nano: bool) -> Tensor:
    height, width = (64, 64) if nano else (480, 640)
    return torch.rand(1, frames, 3, height, width, device=model.device) * 2 - 1


def _latents(model: AutoencoderKLCogVideoX, frames: int, nano: bool) -> Tensor:
    height, width = (8, 8) if nano else (60, 80)
    return torch.randn(1, frames, model.config.latent_channels, height, width, device=model.device)


def _of(what: str, windows: int) -> str:
    return what if windows == 1 else f"{what}, {windows} windows"


def _profile(what: str, run: Callable[[], object], device: torch.device) -> None:
    """Print the kernels that take the time of one run."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with contextlib.suppress(RuntimeError), profile(activities=activities) as profiled:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
    order = f"self_{device.type}_time_total"
    print(
        f"# {what}\n{profiled.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=70)}", flush=True
    )


def main() -> None:
    """Read the command line and measure."""
    parts = {
        "transformer": transformer,
        "transformer-compiled": transformer_compiled,
        "vae": vae,
        "vae-compiled": vae_compiled,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["machine", *parts])
    parser.add_argument("--base")
    parser.add_argument("--nano", action="store_true")
    given = parser.parse_args()
    if not given.nano and not torch.cuda.is_available():
        sys.exit("the full size needs a GPU; --nano runs the small model on the CPU")
    torch.manual_seed(0)
    if given.part == "machine":
        machine(given.nano)
    else:
        parts[given.part](given.base, given.nano)


if __name__ == "__main__":
    main()
