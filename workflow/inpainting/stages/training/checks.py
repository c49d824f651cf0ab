"""Options of `inpaint train` against each other, the base and the latents, before anything is computed."""

import os
import shutil

from inpainting.artifacts.latents import VAE, LatentCache
from inpainting.artifacts.prompt import read_prompt
from inpainting.core.errors import UsageError
from inpainting.core.settings import existing
from inpainting.models import bases, loading
from inpainting.models.family import Family
from inpainting.stages.training.settings import TrainCommand
from inpainting.video.settings import MaskSettings

INDEX = "--index", "the index that `inpaint index` wrote"
PROMPT_FILE = "--prompt-file", "the file that `inpaint prompt` wrote"


def check_settings(settings: TrainCommand) -> None:
    """Raise UsageError for options that do not go together, or whose files are not there."""
    family = bases.family(settings.base)
    bases.check_window(family, settings.window)
    _check_channels(settings, family)
    if settings.high_noise_from >= family.timesteps:
        raise UsageError(
            f"--high-noise-from: {settings.high_noise_from} was given, but {settings.base} has the timesteps 0 to "
            f"{family.timesteps - 1}"
        )
    existing(settings.index, *INDEX)
    size = tuple(read_prompt(existing(settings.prompt_file, *PROMPT_FILE)).shape[1:])
    if size != (taken := bases.text_size(settings.base)):
        raise UsageError(
            f"--prompt-file: {settings.prompt_file} has {size[0]} tokens of width {size[1]}, but {settings.base} takes "
            f"{taken[0]} of {taken[1]}; make it with `inpaint prompt` and this base"
        )
    if settings.split_file is not None:
        existing(settings.split_file, "--split-file", "the split.tsv of `inpaint split`")
    if settings.quantization and not settings.quantizable:
        other = "--shard-base" if settings.shard_base else "--base-weights random"
        raise UsageError(f"--quantization: it can't be combined with {other}; leave out one of them")
    if settings.compile and settings.shard_base:
        raise UsageError("--compile: it can't be combined with --shard-base; leave out one of them")
    compiler = os.environ.get("CXX", "g++")
    if settings.compile and shutil.which(compiler) is None:
        raise UsageError(f"--compile: it needs a C++ compiler, and {compiler} was not found; install it, or set CXX")
    for name in ("dataset", "manifest", "split_file") if settings.preview_every and not settings.dry_run else ():
        if getattr(settings, name) is None:
            raise UsageError(f"--preview-every: previews need --{name.replace('_', '-')}, which was not given")
    precision = {"float32": None, "bfloat16": "bf16", "float16": "fp16"}[settings.dtype]
    if precision and settings.mixed_precision != precision:
        raise UsageError(
            f"--mixed-precision: {settings.mixed_precision} was given with --dtype {settings.dtype}; the base weights' "
            f"precision needs {precision}"
        )


def _check_channels(settings: TrainCommand, family: Family) -> None:
    latents = bases.latent_channels(settings.base)
    given, trained = settings.input_channels(latents, family.geometry), latents + family.condition_channels
    if family.condition_channels and given != trained:
        known = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in family.unadapted.items())
        raise UsageError(
            f"--conditioning: {settings.conditioning} with --mask-input {settings.mask_input} makes {given} input "
            f"channels, but {settings.base} takes {trained}; it was trained with {known}"
        )


def check_source(settings: TrainCommand, cache: LatentCache) -> None:
    """Raise UsageError for latents of other conditions than the experiment takes."""
    if cache.condition_source != settings.condition_source:
        raise UsageError(
            f"--index: {settings.index} holds conditions of {cache.condition_source!r}; --conditioning "
            f"{settings.conditioning} and --fill {settings.fill} need {settings.condition_source!r}; give their index"
        )


def check_encoding(settings: TrainCommand, cache: LatentCache) -> None:
    """Raise UsageError for latents of other masks, windows or another VAE than the adapter is to be used with."""
    made = cache.provenance()["condition"]
    encoded = {"mask_union": 0, **made.get("settings", {})}  # a union of 0 is not written
    for name in ("window", *MaskSettings.model_fields) if "settings" in made else ():
        given = getattr(settings, name)
        if encoded.get(name, given) != given:
            raise UsageError(
                f"--{name.replace('_', '-')}: {given} was given, but {settings.index} is of latents that were encoded "
                f"with {encoded[name]}; give {encoded[name]}, or encode again"
            )
    if made.get("inputs", {}).get(VAE, vae := loading.part_digest(settings.base, "vae")) != vae:
        raise UsageError(
            f"--base: {settings.index} is of latents of another VAE than {settings.base} has; encode again"
        )


def check_batches(settings: TrainCommand, cache: LatentCache, processes: int) -> None:
    """Raise UsageError for batches that the processes, or windows of several sizes, can't share."""
    if settings.batch_size < processes:
        raise UsageError(f"--batch-size: {settings.batch_size} leaves some of {processes} processes without a window")
    least, most = settings.batch_size // processes, -(-settings.batch_size // processes)
    if settings.shard_base and -(-least // settings.micro_batch_size) != -(-most // settings.micro_batch_size):
        raise UsageError(
            f"--batch-size: of {settings.batch_size} windows, some of {processes} processes would make more forward "
            f"passes than others, which with --shard-base wait for each other; give a multiple of {processes}"
        )
    sizes = cache.table[["width", "height"]].drop_duplicates().to_numpy().tolist()
    if len(sizes) > 1 and settings.micro_batch_size > 1:
        found = ", ".join(f"{width}x{height}" for width, height in sizes[:4])
        raise UsageError(
            f"--micro-batch-size: {settings.micro_batch_size} was given, but the windows differ in size ({found}) and "
            "only those of one size can share a forward pass; use 1"
        )
