"""Loading the parts of a pretrained CogVideoX whole: nothing missing, left over or mismatched passes in silence."""

import logging
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel

from inpainting.core.errors import InputError, UsageError
from inpainting.core.files import file_digest, value_digest
from inpainting.models import bases
from inpainting.models.settings import ModelSettings
from inpainting.models.vae import arranged

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(device: str) -> torch.device:
    """`auto` becomes the GPU where there is one, else the CPU; raises UsageError for a GPU that is not there."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: cuda was given, but PyTorch sees no GPU here; use auto or cpu")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def vae_dtype(model: ModelSettings, device: torch.device) -> torch.dtype:
    """Precision that the settings ask of the VAE on this device."""
    if model.vae_dtype != "auto":
        return DTYPES[model.dtype if model.vae_dtype == "as_base" else model.vae_dtype]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu.get_capabilities().get("amx_bf16", False)
    return torch.bfloat16 if fast else torch.float32


def precisions(model: ModelSettings) -> dict[str, Any]:
    """What of the base model's settings shapes results: its precisions, that of the VAE as it is on this machine."""
    vae = vae_dtype(model, resolve_device(model.device))
    return model.shaping() | {"vae_dtype": str(vae).removeprefix("torch.")}


def load_vae(base: str, dtype: torch.dtype, device: torch.device) -> AutoencoderKLCogVideoX:
    """The VAE, frozen and in evaluation mode; on a GPU it takes the clips of a batch one by one, to spare memory.

    Raises UsageError for a base of no known family.
    """
    bases.family(base)
    vae = arranged(_load_whole(AutoencoderKLCogVideoX, base, "vae", torch_dtype=dtype), device)
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
) -> CogVideoXTransformer3DModel:
    """The transformer, frozen, its positions laid out for the clips that it will see.

    `latent_size` is (height, width) in latent cells, `frames` the window in pixel frames; by default positions are laid
    out as the base's own configuration says. With `random_seed`, fresh weights that diffusers draws for a new model of
    this shape stand for the pretrained ones. Raises UsageError for a base of no known family.
    """
    family, precision = bases.family(base), str(dtype).removeprefix("torch.")
    if dtype != torch.float32 and precision not in family.trained_in:
        log.warning("%s in %s: %s was trained in %s", base, precision, family.name, " and ".join(family.trained_in))
    positions = {} if latent_size is None or frames is None else family.position_config(latent_size, frames)
    transformer = _load_whole(CogVideoXTransformer3DModel, base, "transformer", torch_dtype=dtype, **positions)
    if random_seed is not None:
        draw_weights(transformer, random_seed)
    return transformer.to(device).eval().requires_grad_(False)


def draw_weights(transformer: CogVideoXTransformer3DModel, seed: int) -> None:
    """Fresh random weights, as diffusers initialises them, in place of the pretrained ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = CogVideoXTransformer3DModel.from_config(transformer.config)
    transformer.load_state_dict(fresh.state_dict())


def lowest_dtype(model: torch.nn.Module) -> torch.dtype:
    """Precision of a model's base weights, which may be lower than that of its adapter."""
    return min((p.dtype for p in model.parameters()), key=lambda dtype: dtype.itemsize)


def load_scheduler(base: str) -> CogVideoXDDIMScheduler:
    """The model's own noise schedule; raises InputError where it is absent, UsageError for an unknown family's base."""
    bases.family(base)
    try:
        return CogVideoXDDIMScheduler.from_pretrained(**bases.source(base), subfolder="scheduler")
    except (OSError, ValueError) as error:
        raise InputError(f"{base}/scheduler: can't be loaded: {str(error).strip().splitlines()[0]}") from error


def _load_whole(kind: Any, base: str, part: str, **options: Any) -> Any:
    try:
        model, report = kind.from_pretrained(
            **bases.source(base), subfolder=part, use_safetensors=True, output_loading_info=True, **options
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{base}/{part}: can't be loaded: {str(error).strip().splitlines()[0]}") from error
    wrong = [f"{what.replace('_', ' ')}: {', '.join(map(str, keys))[:300]}" for what, keys in report.items() if keys]
    if wrong:
        raise InputError(f"{base}/{part}: the weights do not fit the model ({'; '.join(wrong)})")
    return model


def part_digest(base: str, part: str) -> str:
    """Digest of the files of one part of a local base model (vae, transformer); a hub name stands for itself."""
    folder = Path(base) / part
    if not folder.is_dir():
        return value_digest([base, part])
    return value_digest({p.name: file_digest(p) for p in sorted(folder.iterdir()) if p.is_file()})


def encode_prompt(base: str, prompt: str, device: torch.device) -> torch.Tensor:
    """The text embedding that the transformer takes: float32 [1, tokens, width], padded to exactly its text length.

    A base without a text encoder (as models/nano) was trained with zeros and gets zeros; it takes no prompt.
    """
    length, width = bases.text_size(base)
    if Path(base).is_dir() and not (Path(base) / "text_encoder").is_dir():
        if prompt:
            raise UsageError(f"--prompt: {base} has no text encoder, so it takes no prompt; leave --prompt out")
        return torch.zeros(1, length, width)
    from transformers import AutoTokenizer, T5EncoderModel

    place = bases.source(base)
    tokenizer = AutoTokenizer.from_pretrained(**place, subfolder="tokenizer")
    encoder = T5EncoderModel.from_pretrained(**place, subfolder="text_encoder", torch_dtype=torch.bfloat16)
    return embed_text(tokenizer, encoder.to(device), prompt, length, device)


@torch.no_grad()
def embed_text(tokenizer: Any, encoder: Any, prompt: str, length: int, device: torch.device) -> torch.Tensor:
    """A text's embedding by T5 on a device: float32 [1, length, width] on the CPU, padded or cut to that length."""
    tokens = tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return encoder(tokens.input_ids.to(device))[0].float().cpu()
