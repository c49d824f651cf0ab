"""Fine-tune CogVideoX to inpaint image sequences."""

import logging
import os
import warnings

# diffusers and peft import torchao wherever it is installed; it then warns of kernels and types that are not used here.
os.environ.setdefault("TORCHAO_FORCE_SKIP_LOADING_SO_FILES", "1")
for _name in ("torchao", "torch.utils._pytree", "diffusers.quantizers.torchao.torchao_quantizer"):
    logging.getLogger(_name).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "TorchaoLoraLinear was instantiated")
