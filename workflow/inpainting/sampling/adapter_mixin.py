"""Load, unload and save adapters in a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from diffusers import DiffusionPipeline
from torch import Tensor, nn

from inpainting.artifacts.prompt import read_prompt
from inpainting.conditioning import adapter as adapters
from inpainting.conditioning.adapter import AdapterConfig
from inpainting.conditioning.settings import ConditionSettings
from inpainting.core.errors import InputError
from inpainting.models import bases, loading
from inpainting.models.family import Family
from inpainting.models.lora import without_lora
from inpainting.models.quantization import is_quantized
from inpainting.models.widening import is_widened, narrow_patch_embedding

ADAPTER = "adapter"
"""Subfolder for the adapter in a saved pipeline."""


class AdapterMixin(DiffusionPipeline):
    """A pipeline whose transformer can load an adapter of this project.

    adapter: configuration of the loaded adapter, or None. condition: the conditioning. default_prompt: embeddings that
    are used if no prompt is given, float32 [1, tokens, width], or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.adapter: AdapterConfig | None = None
        self.condition = ConditionSettings()
        self.default_prompt: Tensor | None = None
        self._base_projection: nn.Conv2d | None = None

    @property
    def unadapted(self) -> ConditionSettings:
        """The conditioning of the base without an adapter."""
        return ConditionSettings.model_validate(family_of(self).unadapted)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """Load a pipeline, and the adapter that `save_pretrained` may have saved with it.

        folder: a folder, or a name on the hub, which is downloaded by diffusers' own options such as `cache_dir`. A
        relative folder is searched in the current folder, then in the project's. Raises UsageError for a folder that
        does not exist.
        """
        local = bases.find_folder(str(folder))
        if local is None:
            bases.check_name(str(folder), "from_pretrained")
        folder = local or cls.download(str(folder), **options)
        pipeline: Self = super().from_pretrained(folder, **options)
        saved = Path(folder) / ADAPTER
        return pipeline._apply_adapter(saved) if saved.is_dir() else pipeline

    def load_adapter(self, folder: str | Path, base: str | None = None) -> Self:
        """Load an adapter folder that training or `inpaint export` wrote; its mask and window settings then apply.

        base: folder or hub name of the base; needed only if the pipeline was not loaded by `from_pretrained`. Raises
        InputError if the adapter is damaged or was trained on another base, or if an adapter is already loaded.
        """
        config = adapters.read_adapter_config(Path(folder))
        if self.adapter is not None:
            raise InputError(f"{folder}: the pipeline has an adapter already; call unload_adapter first")
        base = base or str(self.config.get("_name_or_path") or "")
        for part, digest in (("transformer", config.transformer_digest), ("vae", config.vae_digest)):
            if base and digest != loading.part_digest(base, part):
                raise InputError(f"{folder} was trained on another {part} ({config.base}) than {base} holds")
        if config.random_base is not None and is_quantized(self.transformer):
            raise InputError(f"{folder} was trained on random weights, which can't be quantized; load the base without")
        if config.random_base is not None:
            loading.reinitialize(self.transformer, config.random_base)
        return self._apply_adapter(Path(folder))

    def _apply_adapter(self, folder: Path) -> Self:
        config, prompt = adapters.read_adapter_config(folder), read_prompt(folder / adapters.PROMPT_FILE)
        self._base_projection = self.transformer.patch_embed.proj
        adapters.load_adapter(self.transformer, folder)
        self.adapter, self.condition, self.default_prompt = config, config.condition, prompt
        return self

    def unload_adapter(self) -> None:
        """Remove the adapter; the transformer is then bit for bit the base's.

        Raises InputError for an adapter that was trained on random weights, since they have replaced the base's.
        """
        if self.adapter is None or self._base_projection is None:
            return
        if self.adapter.random_base is not None:
            raise InputError(
                "the adapter was trained on random weights, which have replaced the base's; load the base again"
            )
        self.transformer.unload_lora()
        narrow_patch_embedding(self.transformer, self._base_projection)
        self.adapter = self.default_prompt = self._base_projection = None
        self.condition = self.unadapted

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Save the base, which CogVideoXPipeline can load as well, and the adapter in the subfolder `adapter`.

        The pipeline that `from_pretrained` loads gives the same pixels. Raises InputError for a quantized base.
        """
        if is_quantized(self.transformer):
            raise InputError("a quantized base is not the base's weights and can't be saved; save a pipeline without")
        adapted, config, prompt = self.transformer, self.adapter, self.default_prompt
        if config is None or prompt is None or self._base_projection is None:
            super().save_pretrained(folder, **options)
            return
        base = without_lora(adapted)
        narrow_patch_embedding(base, self._base_projection)
        self.register_modules(transformer=base)
        try:
            super().save_pretrained(folder, **options)
        finally:
            self.register_modules(transformer=adapted)
        adapters.save_adapter(Path(folder) / ADAPTER, adapted, config, prompt)


def family_of(pipeline: DiffusionPipeline) -> Family:
    """The model family of a pipeline's base; raises InputError if no family supports its parts."""
    config = dict(pipeline.transformer.config)
    if is_widened(pipeline.transformer):
        config["in_channels"] = pipeline.transformer.patch_embed.proj.base_channels
    try:
        return bases.family_of(config, pipeline.vae.config, pipeline.scheduler.config)
    except ValueError as error:
        raise InputError(f"{config.get('_name_or_path') or 'the transformer'} {error}") from error
