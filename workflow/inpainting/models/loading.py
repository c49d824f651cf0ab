"""Load the parts of a pretrained CogVideoX; missing, unexpected and mismatched weights are errors."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

from inpainting.core.errors import InputError, UsageError, first_line
from inpainting.core.files import file_digest, value_digest
from inpainting.models import bases
from inpainting.models.quantization import quantize
from inpainting.models.settings import ModelSettings, Quantization
from inpainting.models.vae import prepare_vae

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(device: str) -> torch.device:
    """The torch device; `auto` is the GPU if there is one, else the CPU. Raises UsageError for a missing GPU."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: cuda was given, but PyTorch sees no GPU here; use auto or cpu")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def gpu_memory(device: torch.device) -> int | None:
    """Bytes of a GPU's memory, used or not; None for the CPU."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None


def vae_dtype(model: ModelSettings, device: torch.device) -> torch.dtype:
    """The VAE's precision by the settings, on this device."""
    if model.vae_dtype != "auto":
        return DTYPES[model.dtype if model.vae_dtype == "as_base" else model.vae_dtype]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu.get_capabilities().get("amx_bf16", False)
    return torch.bfloat16 if fast else torch.float32


def precisions(model: ModelSettings) -> dict[str, Any]:
    """The base model's settings that change results, with the VAE's precision resolved for this machine."""
    resolved = vae_dtype(model, resolve_device(model.device))
    return model.shaping() | {"vae_dtype": str(resolved).removeprefix("torch.")}


def load_vae(base: str, dtype: torch.dtype, device: torch.device) -> AutoencoderKLCogVideoX:
    """The VAE, frozen and in evaluation mode; on a GPU with slicing enabled, to save memory.

    Raises UsageError for an unsupported base.
    """
    bases.family(base)
    vae = prepare_vae(_load_whole(AutoencoderKLCogVideoX, base, "vae", torch_dtype=dtype))
    log.info("VAE in %s on %s", str(dtype).removeprefix("torch."), device.type)
    if device.type != "cpu":
        vae.enable_slicing()
    return vae.to(device).eval().requires_grad_(False)


def load_transformer(
    base: str,
    dtype: torch.dtype,
    device: torch.device,
    latent_size: tuple[int, int] | None = None,
    frames: int | None = None,
    random_seed: int | None = None,
    quantization: Quantization | None = None,
) -> CogVideoXTransformer3DModel:
    """The transformer, frozen and in evaluation mode, with position embeddings for one clip size.

    latent_size: latent (rows, columns); frames: of a window, before encoding; by default both are the base's own.
    random_seed: replaces the pretrained weights by random ones, see `reinitialize`; quantization: of the weights, see
    `quantization.quantize`. Raises UsageError for an unsupported base.
    """
    family, precision = bases.family(base), str(dtype).removeprefix("torch.")
    if dtype != torch.float32 and precision not in family.trained_in:
        log.warning("%s in %s: %s was trained in %s", base, precision, family.name, " and ".join(family.trained_in))
    positions = {} if latent_size is None or frames is None else family.position_config(latent_size, frames)
    transformer = _load_whole(CogVideoXTransformer3DModel, base, "transformer", torch_dtype=dtype, **positions)
    if random_seed is not None:
        reinitialize(transformer, random_seed)
    if quantization is not None:
        quantize(transformer, quantization)
    if latent_size is not None and frames is not None:
        family.resize_positions(transformer, latent_size, frames)
    return transformer.to(device).eval().requires_grad_(False)


def reinitialize(transformer: CogVideoXTransformer3DModel, seed: int) -> None:
    """Replace the weights by random ones, as diffusers initialises a new model; in place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = CogVideoXTransformer3DModel.from_config(transformer.config)
    transformer.load_state_dict(fresh.state_dict())


def lowest_dtype(model: torch.nn.Module) -> torch.dtype:
    """The lowest precision of a model's parameters: that of its base weights, which an adapter may exceed."""
    return min((p.dtype for p in model.parameters()), key=lambda dtype: dtype.itemsize)


def load_scheduler(base: str) -> CogVideoXDDIMScheduler:
    """The base's own scheduler; raises InputError if it is missing, UsageError for an unsupported base."""
    bases.family(base)
    try:
        return CogVideoXDDIMScheduler.from_pretrained(**bases.load_options(base), subfolder="scheduler")
    except (OSError, ValueError) as error:
        raise InputError(f"{base}/scheduler: can't be loaded: {first_line(error)}") from error


def _load_whole(kind: Any, base: str, part: str, **options: Any) -> Any:
    try:
        model, report = kind.from_pretrained(
            **bases.load_options(base), subfolder=part, use_safetensors=True, output_loading_info=True, **options
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{base}/{part}: can't be loaded: {first_line(error)}") from error
    wrong = [f"{what.replace('_', ' ')}: {', '.join(map(str, keys))[:300]}" for what, keys in report.items() if keys]
    if wrong:
        raise InputError(f"{base}/{part}: the weights do not fit the model ({'; '.join(wrong)})")
    return model


def part_digest(base: str, part: str) -> str:
    """SHA-256 of the files of one part (vae, transformer) of a base, or of its name if it has no such part, in hex."""
    folder = Path(base) / part
    if not Path(base).is_dir():
        folder = bases.local_folder(base) / part
    if not folder.is_dir():
        return value_digest([base, part])
    files = {path: path.stat() for path in sorted(folder.iterdir()) if path.is_file()}
    return value_digest({path.name: _digest_once(path, of.st_size, of.st_mtime_ns) for path, of in files.items()})


@lru_cache
def _digest_once(path: Path, size: int, modified: int) -> str:
    """A file's digest, for which a process reads its gigabytes once unless its size or time changes."""
    return file_digest(path)


def encode_prompt(base: str, prompt: str, device: torch.device) -> torch.Tensor:
    """Prompt embeddings, float32 [1, tokens, width] on the CPU, padded to the transformer's text length.

    A base without a text encoder (such as models/nano) was trained with zeros and gets zeros.
    Raises UsageError if it is given a prompt.
    """
    length, width = bases.text_size(base)
    if not (bases.local_folder(base) / "text_encoder").is_dir():
        if prompt:
            raise UsageError(f"--prompt: {base} has no text encoder, so it takes no prompt; leave --prompt out")
        return torch.zeros(1, length, width)
    from transformers import AutoTokenizer, T5EncoderModel

    options = bases.load_options(base)
    tokenizer = AutoTokenizer.from_pretrained(**options, subfolder="tokenizer")
    encoder = T5EncoderModel.from_pretrained(**options, subfolder="text_encoder", torch_dtype=torch.bfloat16)
    return embed_text(tokenizer, encoder.to(device), prompt, length, device)


@torch.no_grad()
def embed_text(tokenizer: Any, encoder: Any, prompt: str, length: int, device: torch.device) -> torch.Tensor:
    """T5 embeddings of a text, computed on a device: float32 [1, length, width] on the CPU, padded or truncated."""
    tokens = tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return encoder(tokens.input_ids.to(device))[0].float().cpu()
