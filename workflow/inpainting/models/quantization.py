"""The frozen linear layers of the transformer's blocks in 8 bits, by torchao: a value and a scale per output feature.

Only weights are quantized: each is converted to the base's precision when its layer computes. LoRA, the patch
embedding, norms and what is outside the blocks keep their precision. The weights are the same on all devices, since the
CPU quantizes them.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass
from torchao.core.config import AOBaseConfig
from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig, quantize_
from torchao.utils import TorchAOBaseTensor

from inpainting.models.settings import Quantization
from inpainting.models.shapes import BLOCKS

CONFIGS: dict[Quantization, Callable[[], AOBaseConfig]] = {"int8": Int8WeightOnlyConfig, "fp8": Float8WeightOnlyConfig}


def quantize(transformer: nn.Module, quantization: Quantization) -> None:
    """Quantize all linear layers in a transformer's blocks; in place, on the CPU, before LoRA is added."""

    def chosen(module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.Linear) and name.startswith(BLOCKS)

    quantize_(transformer, CONFIGS[quantization](), filter_fn=chosen)


def is_quantized(transformer: nn.Module) -> bool:
    """Whether a weight of the transformer is quantized."""
    return any(isinstance(parameter, TorchAOBaseTensor) for parameter in transformer.parameters())


def stored_bytes(parameter: Tensor) -> int:
    """Bytes that a parameter takes; of a quantized one, those of its values, scales and zero points."""
    if not is_traceable_wrapper_subclass(parameter):
        return parameter.nbytes
    parts = (getattr(parameter, name) for name in parameter.__tensor_flatten__()[0])
    return sum(part.nbytes for part in parts)
