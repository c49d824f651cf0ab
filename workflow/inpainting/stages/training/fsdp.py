"""Sharding of the frozen base: each process holds a part of every frozen weight, and all trained weights.

A block's weights are gathered before it runs and freed after it (FSDP, arXiv 2304.11277). LoRA and the widened patch
embedding, a few percent of the weights, are whole on every process: the code that clips, updates, averages and saves
them does not depend on sharding, and the files of a run are bit-identical with and without it.
"""

import torch
from diffusers import CogVideoXTransformer3DModel
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard


def shard_base(transformer: CogVideoXTransformer3DModel, device: torch.device) -> None:
    """Move a transformer to this process's device, with a shard of its frozen weights. Call it before DDP wraps it.

    Afterwards all processes of the group have to call the transformer together.
    """
    trained = {parameter for parameter in transformer.parameters() if parameter.requires_grad}
    for parameter in trained:
        parameter.data = parameter.data.to(device)
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in (*transformer.transformer_blocks, transformer):
        fully_shard(part, mesh=mesh, ignored_params=trained)


def reshard(transformer: CogVideoXTransformer3DModel) -> None:
    """Free the weights that a forward pass without a backward pass leaves gathered; all processes have to call it.

    Otherwise a process that alone reads the state dict would reshard alone, and wait for the others for ever.
    """
    for module in transformer.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
