"""Memory and FLOPs of one update at full size: `PYTHONPATH=workflow .venv/bin/python benchmarks/train_memory.py`.

By default CogVideoX-2b's transformer with random weights in float16, LoRA of rank 64 in the attention, 49 frames of
640x480, batch 1, gradient checkpointing; the aim is 14 GB on a GPU. `--nano` does the same with the small model on the
CPU. Prints peak memory, seconds per update and, if the GPU's peak is known or given by `--peak-tflops`, model FLOP
utilisation: the FLOPs that an update needs (without what checkpointing recomputes) per second, as a share of the peak.
The base weights are frozen: their gradients are neither computed nor counted.
"""

import argparse
from pathlib import Path
from time import perf_counter

import torch
from accelerate import Accelerator
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from inpainting.conditioning.settings import ConditionSettings
from inpainting.models import lora
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.models.settings import LoraSettings
from inpainting.models.widening import widen_patch_embedding
from inpainting.stages.training import optimizers
from inpainting.stages.training.batches import Batch
from inpainting.stages.training.loop import add_noise_and_target
from inpainting.stages.training.loss import areas, squared_errors
from inpainting.stages.training.metrics_logger import peak_memory_gib
from inpainting.stages.training.settings import OptimizerSettings
from torch.utils.flop_counter import FlopCounterMode

NANO = Path(__file__).parents[1] / "models" / "nano"
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "RTX 4090": 165.0}
"""Dense half-precision TFLOP/s from the vendors' data sheets."""


def transformer_2b(device: torch.device) -> CogVideoXTransformer3DModel:
    """CogVideoX-2b's transformer for 49 frames of 640x480, with random weights in float16."""
    torch.set_default_dtype(torch.float16)
    with device:
        transformer = CogVideoXTransformer3DModel(
            num_layers=30, sample_height=60, sample_width=80, sample_frames=49, use_rotary_positional_embeddings=False
        )
    torch.set_default_dtype(torch.float32)
    return transformer


def batch_of(transformer: CogVideoXTransformer3DModel, device: torch.device) -> Batch:
    """One window of noise with a hole in the middle."""
    config = transformer.config
    frames = COGVIDEOX_2B.geometry.latent_frames(config.sample_frames)
    shape = (1, frames, config.out_channels, config.sample_height, config.sample_width)
    mask = torch.zeros(1, frames, 1, *shape[3:])
    mask[..., shape[3] // 3 : shape[3] // 2, shape[4] // 3 : shape[4] // 2] = 1
    truth, condition, drawn = (torch.randn(shape) for _ in range(3))
    return Batch(truth, condition, mask, mask, drawn, torch.tensor([500]), ("",)).to(device)


def measure(transformer: CogVideoXTransformer3DModel, rank: int, precision: str, repeats: int, peak: float) -> None:
    """Update a few times and print memory, time and FLOPs."""
    accelerator = Accelerator(mixed_precision=precision, cpu=transformer.device.type == "cpu")
    batch = batch_of(transformer, transformer.device)
    channels = ConditionSettings().input_channels(transformer.config.out_channels, COGVIDEOX_2B.geometry)
    widen_patch_embedding(transformer.requires_grad_(False), channels)
    lora.add_lora(transformer, LoraSettings(rank=rank, alpha=rank), seed=0)
    trained = lora.prepare_training(transformer)
    transformer.enable_gradient_checkpointing()
    optimizer = optimizers.make_optimizer(trained, OptimizerSettings())
    schedule = CogVideoXDDIMScheduler.from_pretrained(NANO, subfolder="scheduler")
    model, optimizer = accelerator.prepare(transformer, optimizer)
    width = transformer.config.text_embed_dim
    prompt = torch.zeros(1, transformer.config.max_text_seq_length, width, device=transformer.device)
    noisy, velocity = add_noise_and_target(schedule, batch)
    shown = (noisy, batch.condition, batch.mask, prompt, batch.timesteps)

    def update() -> None:
        predicted = COGVIDEOX_2B.predict(model, *shown)
        errors = squared_errors(predicted, velocity, batch.region).total()
        accelerator.backward(errors.inside / areas(batch.region, velocity.shape[2]).total().inside)
        accelerator.clip_grad_norm_(list(trained.values()), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    model.train()
    update()
    start = perf_counter()
    for _ in range(repeats):
        update()
    seconds = (perf_counter() - start) / repeats
    memory = peak_memory_gib()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        COGVIDEOX_2B.predict(model, *shown)
    needed = 2 * counter.get_total_flops()
    weights, training = (sum(p.numel() for p in group) for group in (transformer.parameters(), trained.values()))
    print(f"{weights / 1e9:.3f} B weights, {training / 1e6:.1f} M trained, a window is {tuple(noisy.shape[1:])}")
    print(f"{memory:.2f} GiB ({memory * 1.0737:.2f} GB) peak; {seconds:.3f} s per update")
    print(f"{needed / 1e12:.3f} TFLOP needed per update, {needed / seconds / 1e12:.3f} TFLOP/s")
    if peak:
        print(f"model FLOP utilisation {needed / seconds / 1e12 / peak:.1%} of {peak:.0f} TFLOP/s")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nano", action="store_true")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peak-tflops", type=float, default=0.0)
    given = parser.parse_args()
    torch.manual_seed(0)
    if given.nano:
        transformer = CogVideoXTransformer3DModel.from_pretrained(NANO, subfolder="transformer")
        measure(transformer, given.rank, "no", given.repeats, given.peak_tflops)
        return
    if not torch.cuda.is_available():
        raise SystemExit("the full size needs a GPU; --nano runs the small model on the CPU")
    name = torch.cuda.get_device_name()
    peak = given.peak_tflops or next((tflops for part, tflops in PEAKS.items() if part in name), 0.0)
    print(name)
    measure(transformer_2b(torch.device("cuda")), given.rank, "fp16", given.repeats, peak)


if __name__ == "__main__":
    main()
