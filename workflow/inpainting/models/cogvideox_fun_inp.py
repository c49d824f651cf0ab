"""CogVideoX-Fun-V1.1 InP: bases that are trained to inpaint, so that LoRA alone is trained.

Their 33 input channels are noisy latents (16), the mask (1) and the latents of the clip with a black hole (16). The
mask is 1 where pixels are known, times the VAE's scaling factor. From the inpainting pipeline and the transformer of
github.com/aigc-apps/VideoX-Fun, which in training and inference also adds a little noise to the known pixels; that is
left out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inpainting.core.errors import UsageError
from inpainting.models.cogvideox_5b import CogVideoX5B
from inpainting.models.family import Config, Family

if TYPE_CHECKING:
    from diffusers import CogVideoXTransformer3DModel
    from torch import Tensor


MARK = "add_noise_in_inpaint_model"
"""A setting that the transformer's class in VideoX-Fun writes; 33 channels alone may mean anything."""


class FunInpainting(Family):
    """The inputs of both sizes."""

    features = f"33 channels in, of which 17 are mask and masked clip, and {MARK} in transformer/config.json"
    trained_in = ("bfloat16",)
    condition_channels = 17
    unadapted = {"conditioning": "concat", "fill": "black", "mask_input": "trilinear"}  # noqa: RUF012
    mask_scale: float
    """What the known pixels' 1 was multiplied by in the training of the base: its VAE's scaling factor."""

    def unsupported(self, transformer: Config, vae: Config, scheduler: Config) -> list[str]:
        """Refuses a configuration that VideoX-Fun has not written, too."""
        found = super().unsupported(transformer, vae, scheduler)
        return found if MARK in transformer else [*found, f"no {MARK}"]

    def model_input(self, noisy_latents: Tensor, condition_latents: Tensor, mask: Tensor) -> Tensor:
        """Noisy latents, the known share of each latent, and condition latents.

        All are [batch, latent frames, channels, rows, columns]; mask: the share that is hole.
        """
        import torch

        return torch.cat([noisy_latents, (1 - mask) * self.mask_scale, condition_latents], dim=2)


class FunInpainting2B(FunInpainting):
    """CogVideoX-Fun-V1.1-2b-InP: the position table of the base's own size is stretched over frames of another one."""

    name = "CogVideoX-Fun-V1.1-2b-InP"
    mask_scale = 1.15258426

    def resize_positions(
        self, transformer: CogVideoXTransformer3DModel, latent_size: tuple[int, int], frames: int
    ) -> None:
        """Interpolate the table of the configuration's clip size, linearly, over rows and columns; in place.

        Raises UsageError for windows that are longer than the base's own: it has no positions for them.
        """
        import torch
        from torch.nn import functional

        if self.position_size(transformer) == (latent_size, frames):
            return
        embed, config = transformer.patch_embed, transformer.config
        native = config.sample_height, config.sample_width, config.sample_frames
        if frames > native[2]:
            raise UsageError(
                f"--window: {frames} was given, but {self.name} has positions for {native[2]} frames at most"
            )
        table = embed._get_positional_embeddings(*native, device=embed.pos_embedding.device)
        text, video = table.split([embed.max_text_seq_length, table.shape[1] - embed.max_text_seq_length], dim=1)
        rows, columns = (side // embed.patch_size for side in native[:2])
        grid = video.transpose(1, 2).unflatten(2, (-1, rows * columns)).transpose(1, 2)  # frames, width, rows * columns
        grid = grid.flatten(0, 1)[: self.geometry.latent_frames(frames)].unflatten(2, (rows, columns))
        size = [side // embed.patch_size for side in latent_size]
        stretched = functional.interpolate(grid, size, mode="bilinear", align_corners=False)
        tokens = stretched.flatten(2).transpose(1, 2).flatten(0, 1)[None]
        embed.pos_embedding = torch.cat([text, tokens], dim=1).to(embed.pos_embedding)
        super().resize_positions(transformer, latent_size, frames)


class FunInpainting5B(FunInpainting, CogVideoX5B):
    """CogVideoX-Fun-V1.1-5b-InP."""

    name = "CogVideoX-Fun-V1.1-5b-InP"
    mask_scale = 0.7


COGVIDEOX_FUN_2B_INP, COGVIDEOX_FUN_5B_INP = FunInpainting2B(), FunInpainting5B()
