"""The frozen base in shares: a process holds a part of each of its weights, and all of what trains.

A block's weights are gathered where it runs, and let go after it (FSDP, arXiv 2304.11277). LoRA and the widened patch
embedding, a few percent of the weights, are on every process as ever: what clips, updates, averages and saves them
knows nothing of shares, and the files of a run are the same with and without, bit for bit.
"""

import torch
from diffusers import CogVideoXTransformer3DModel
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel


def shard_base(transformer: CogVideoXTransformer3DModel, device: torch.device) -> None:
    """Move a transformer to this process's device, of its frozen weights a share alone, before DDP is put around it.

    From then on, all processes of the group have to call it together.
    """
    trained = {parameter for parameter in transformer.parameters() if parameter.requires_grad}
    for parameter in trained:
        parameter.data = parameter.data.to(device)
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in (*transformer.transformer_blocks, transformer):
        fully_shard(part, mesh=mesh, ignored_params=trained)
    frozen = [name for name, parameter in transformer.named_parameters() if not parameter.requires_grad]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(transformer, frozen)


def reshard(transformer: CogVideoXTransformer3DModel) -> None:
    """Let go of what a forward pass without a backward one leaves gathered; all processes have to call it together.

    A process that then reads the state alone would let go of it alone, and wait for ever for the others to gather it.
    """
    for module in transformer.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
