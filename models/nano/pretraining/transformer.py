"""Train the nano transformer to predict the velocity of noisy latents of sample clips."""

from pathlib import Path

import cv2
import numpy as np
import torch
from clips import FRAMES, HEIGHT, WIDTH, Pixels, draw_clips, held_out
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)
from inpainting.core.errors import InputError
from inpainting.core.files import atomic_path
from inpainting.core.seeds import derive
from inpainting.models.spatial_norm import project_first
from settings import TransformerSettings
from torch import Tensor, nn
from trainer import Trainer, autocast, generator, learning_rate_factor
from vae import SPACE, TIME, as_video, encode

EMA_DECAY = 0.998
WARMUP_STEPS = 100
FINAL_RATE_FACTOR = 0.01
"""Factor of the last step's learning rates."""

MEASURED_TIMESTEPS = (100, 300, 600, 900)
"""Timesteps at which the velocity error on held-out clips is measured."""

TEXT_TOKENS, TEXT_WIDTH = 8, 32
SAMPLES = 8
SAMPLING_STEPS = 25
SHOWN_FRAMES = (0, 8, 16)


def train_transformer(settings: TransformerSettings, out: Path, device: torch.device) -> None:
    """Train the transformer on latents of `out`/vae and write the whole model to `out`/nano."""
    if not (out / "vae").is_dir():
        raise InputError(f"{out}/vae does not exist; train the VAE there first")
    vae = project_first(AutoencoderKLCogVideoX.from_pretrained(out / "vae")).to(device)
    seed = derive(settings.seed, "pretraining.base")
    clips = draw_clips(
        seed, settings.clips, (WIDTH, HEIGHT), dynamic_share=settings.dynamic_share, workers=settings.workers
    )
    latents = torch.cat([scaled_latents(vae, clips[start : start + 64]).half() for start in range(0, len(clips), 64)])
    held_out_latents = scaled_latents(vae, held_out(settings.seed, settings.held_out)).to(device)
    scheduler = noise_scheduler()
    transformer = new_transformer(settings, vae.config.latent_channels).to(device)

    def compute_loss(step: int) -> Tensor:
        clean, noise, timesteps = (tensor.to(device) for tensor in draw_batch(settings, latents, step))
        with autocast(settings, device):
            return velocity_error(transformer, scheduler, clean, noise, timesteps)

    trained = Trainer(transformer, settings, EMA_DECAY, out / "transformer.checkpoint").train(
        settings.steps,
        compute_loss,
        lambda step: learning_rate_factor(step, settings.steps, WARMUP_STEPS, FINAL_RATE_FACTOR),
        lambda ema: held_out_errors(ema, scheduler, held_out_latents, settings),
    )
    write_model(CogVideoXPipeline(None, None, vae, trained, scheduler), settings.seed, out / "nano")


def noise_scheduler() -> CogVideoXDDIMScheduler:
    """The scheduler with the published settings of CogVideoX-2b, which are not the class defaults."""
    return CogVideoXDDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        snr_shift_scale=3.0,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
        clip_sample=False,
    )


def new_transformer(settings: TransformerSettings, latent_channels: int) -> CogVideoXTransformer3DModel:
    """A transformer with random weights; the output layer's are zero, so that its first predictions are near zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(settings.seed, "pretraining.weights"))
        transformer = CogVideoXTransformer3DModel(
            num_attention_heads=settings.heads,
            attention_head_dim=settings.head_width,
            num_layers=settings.layers,
            in_channels=latent_channels,
            out_channels=latent_channels,
            time_embed_dim=settings.time_width,
            text_embed_dim=TEXT_WIDTH,
            max_text_seq_length=TEXT_TOKENS,
            sample_width=WIDTH // SPACE,
            sample_height=HEIGHT // SPACE,
            sample_frames=FRAMES,
            patch_size=2,
            temporal_compression_ratio=TIME,
            spatial_interpolation_scale=1.0,
            temporal_interpolation_scale=1.0,
        )
    nn.init.zeros_(transformer.proj_out.weight)
    return transformer


def scaled_latents(vae: AutoencoderKLCogVideoX, clips: Pixels) -> Tensor:
    """Encode uint8 [clips, FRAMES, height, width, 3] to float32 [clips, channels, latent frames, h, w] on the CPU."""
    return (encode(vae, as_video(clips).to(vae.device)) * vae.config.scaling_factor).cpu()


def draw_batch(settings: TransformerSettings, latents: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """A step's clean latents and noise [batch, channels, latent frames, h, w], and timesteps [batch]."""
    rng = generator(settings.seed, "pretraining.base.step", step)
    clean = latents[torch.randint(len(latents), (settings.batch,), generator=rng)].float()
    timesteps = spread_timesteps(settings.batch, rng)
    return clean, torch.randn(clean.shape, generator=rng), timesteps


def spread_timesteps(batch: int, rng: torch.Generator) -> Tensor:
    """Timesteps [batch] in 0 .. 999, one from each of `batch` equal intervals."""
    positions = torch.arange(batch) + torch.rand(batch, generator=rng)
    return (positions * 1000 / batch).long().clamp(max=999)


def velocity_error(
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    clean: Tensor,
    noise: Tensor,
    timesteps: Tensor,
) -> Tensor:
    """Mean squared error of the predicted velocity, a float32 scalar.

    clean, noise: [batch, channels, latent frames, h, w]; timesteps: [batch].
    """
    noisy = scheduler.add_noise(clean, noise, timesteps)
    target = scheduler.get_velocity(clean, noise, timesteps)
    prompt = empty_prompt(len(clean), clean.device)
    predicted = transformer(noisy.transpose(1, 2), prompt, timesteps, return_dict=False)[0]
    return (predicted.float().transpose(1, 2) - target).square().mean()


def empty_prompt(batch: int, device: torch.device) -> Tensor:
    """Zeros [batch, TEXT_TOKENS, TEXT_WIDTH], the only prompt of the nano model, which has no text encoder."""
    return torch.zeros(batch, TEXT_TOKENS, TEXT_WIDTH, device=device)


@torch.no_grad()
def held_out_errors(
    transformer: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler,
    latents: Tensor,
    settings: TransformerSettings,
) -> dict[str, float]:
    """Velocity error on held-out latents at each of MEASURED_TIMESTEPS, with the same noise in each call.

    latents: [clips, channels, latent frames, h, w].
    """
    errors = {}
    for time in MEASURED_TIMESTEPS:
        noise = torch.randn(latents.shape, generator=generator(settings.seed, "pretraining.base.held-out", time))
        timesteps = torch.full((len(latents),), time, device=latents.device)
        with autocast(settings, latents.device):
            error = velocity_error(transformer, scheduler, latents, noise.to(latents.device), timesteps)
        errors[f"t{time}"] = error.item()
    return errors


@torch.no_grad()
def write_model(pipeline: CogVideoXPipeline, seed: int, out: Path) -> None:
    """Write the model in diffusers' layout, weights in float16, and samples.png.

    The image has two columns of unconditional samples, each with SHOWN_FRAMES side by side.
    """
    pipeline.set_progress_bar_config(disable=True)
    videos = pipeline(
        prompt_embeds=empty_prompt(SAMPLES, pipeline.device),
        guidance_scale=1,
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        num_inference_steps=SAMPLING_STEPS,
        generator=generator(seed, "pretraining.samples", 0),
        output_type="np",
    ).frames
    strips = np.concatenate([videos[:, frame] for frame in SHOWN_FRAMES], axis=2)
    sheet = np.concatenate(list(strips.reshape(2, -1, *strips.shape[2:])), axis=1)
    pipeline.vae.register_to_config(_name_or_path="")
    with atomic_path(out) as folder:
        pipeline.to(torch.float16).save_pretrained(folder)
        cv2.imwrite(str(folder / "samples.png"), np.round(255 * sheet[..., ::-1]).astype(np.uint8))
