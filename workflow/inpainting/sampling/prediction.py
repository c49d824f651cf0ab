"""The velocities that the model predicts for windows of a clip."""

from dataclasses import dataclass

import torch
from diffusers import CogVideoXTransformer3DModel
from torch import Tensor

from inpainting.conditioning.conditioning import Conditioning
from inpainting.models import loading
from inpainting.models.family import Family
from inpainting.sampling.vae_windows import WindowConditions


@dataclass(frozen=True)
class Predictor:
    """A transformer, its conditioning and the device that it computes on, which with CPU offload is not where it is."""

    transformer: CogVideoXTransformer3DModel
    family: Family
    conditioning: Conditioning
    device: torch.device

    def guided(
        self,
        noisy_latents: Tensor,
        conditions: WindowConditions,
        timestep: Tensor,
        prompt_embeds: Tensor,
        negative_prompt_embeds: Tensor,
        guidance_scale: float,
    ) -> Tensor:
        """Velocities of a batch of windows, float32 on the CPU, shaped as noisy_latents.

        guidance_scale: over 1, away from the negative prompt: classifier-free guidance.
        """
        velocity = self.velocity(noisy_latents, conditions, timestep, prompt_embeds)
        if guidance_scale > 1 and not torch.equal(prompt_embeds, negative_prompt_embeds):
            negative = self.velocity(noisy_latents, conditions, timestep, negative_prompt_embeds)
            velocity = negative + guidance_scale * (velocity - negative)
        return velocity.cpu()

    def velocity(
        self, noisy_latents: Tensor, conditions: WindowConditions, timestep: Tensor, prompt_embeds: Tensor
    ) -> Tensor:
        """Velocities, float32; with autocast to the base's precision, since adapter weights are float32."""
        batch, device, dtype = len(noisy_latents), self.device, loading.lowest_dtype(self.transformer)
        condition, mask = self.conditioning.extra_channels(conditions.latents, conditions.mask)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            velocity = self.family.predict(
                self.transformer,
                noisy_latents.to(device),
                None if condition is None else condition.to(device),
                None if mask is None else mask.to(device),
                prompt_embeds.to(device).expand(batch, -1, -1),
                timestep.expand(batch).to(device),
            )
        return velocity.float()
