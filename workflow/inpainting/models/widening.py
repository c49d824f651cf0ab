"""Add zero-initialised input channels to the patch embedding, so that the widened model starts as the base model."""

import torch
from diffusers import CogVideoXTransformer3DModel
from torch import nn


def widen_patch_embedding(transformer: CogVideoXTransformer3DModel, channels: int) -> None:
    """Widen the patch embedding to `channels` input channels, in float32; in place.

    The first channels keep the pretrained weights; the weights of the new ones are zero.
    Raises ValueError if the model already has that many channels or more.
    """
    old, old_channels = transformer.patch_embed.proj, transformer.config.in_channels
    if channels <= old_channels:
        raise ValueError(f"the patch embedding takes {old_channels} channels already, {channels} would not widen it")
    new: nn.Conv2d | nn.Linear
    if isinstance(old, nn.Linear):  # a patch of several latent frames, flattened with its channels outermost
        new = nn.Linear(old.in_features // old_channels * channels, old.out_features, device=old.weight.device)
    else:
        new = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, device=old.weight.device)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.weight.shape[1]] = old.weight.float()
        assert new.bias is not None and old.bias is not None
        new.bias.copy_(old.bias)
    new.base_channels = old_channels
    transformer.patch_embed.proj = new
    transformer.register_to_config(in_channels=channels)


def narrow_patch_embedding(transformer: CogVideoXTransformer3DModel, projection: nn.Conv2d | nn.Linear) -> None:
    """Undo `widen_patch_embedding`: restore the base's projection, on the transformer's device; in place."""
    weight = transformer.patch_embed.proj.weight
    channels = transformer.config.in_channels * projection.weight.shape[1] // weight.shape[1]
    transformer.patch_embed.proj = projection.to(weight.device)
    transformer.register_to_config(in_channels=channels)


def is_widened(transformer: CogVideoXTransformer3DModel) -> bool:
    """Whether `widen_patch_embedding` was applied."""
    return hasattr(transformer.patch_embed.proj, "base_channels")
