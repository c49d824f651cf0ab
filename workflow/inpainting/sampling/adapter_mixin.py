"""What a pipeline does with an adapter: load it, take it out again, and keep it beside its own files."""

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
from inpainting.models.widening import narrow_patch_embedding

ADAPTER = "adapter"
"""Folder of the adapter in a pipeline that was saved with one."""

UNTRAINED = ConditionSettings(conditioning="replace")
"""How a base is shown a clip that was never trained to inpaint."""


class AdapterMixin(DiffusionPipeline):
    """A pipeline whose transformer takes an adapter of this project's.

    adapter: the configuration of the one that is loaded. condition: how the transformer is shown a clip.
    default_prompt: the embedding that is taken where no prompt is given, float32 [1, tokens, width].
    """

    def __init__(self) -> None:
        super().__init__()
        self.adapter: AdapterConfig | None = None
        self.condition = UNTRAINED
        self.default_prompt: Tensor | None = None
        self._base_projection: nn.Conv2d | None = None

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """Load a pipeline, and the adapter that `save_pretrained` may have put into its folder."""
        pipeline: Self = super().from_pretrained(folder, **options)
        family_of(pipeline, widened=False)
        saved = Path(folder) / ADAPTER
        return pipeline._take_adapter(saved) if saved.is_dir() else pipeline

    def load_adapter(self, folder: str | Path, base: str | None = None) -> Self:
        """Load a folder that training or `inpaint export` wrote; its mask and window settings then hold.

        `base` is where the pipeline was loaded from, where it was not by `from_pretrained`. Raises InputError when the
        adapter is damaged, was trained on another base model, or is not the first one.
        """
        config = adapters.read_adapter_config(Path(folder))
        if self.adapter is not None:
            raise InputError(f"{folder}: the pipeline has an adapter already; call unload_adapter first")
        base = base or str(self.config.get("_name_or_path") or "")
        for part, digest in (("transformer", config.transformer_digest), ("vae", config.vae_digest)):
            if base and digest != loading.part_digest(base, part):
                raise InputError(f"{folder} was trained on another {part} ({config.base}) than {base} holds")
        if config.random_base is not None:
            loading.reinitialize(self.transformer, config.random_base)
        return self._take_adapter(Path(folder))

    def _take_adapter(self, folder: Path) -> Self:
        config, prompt = adapters.read_adapter_config(folder), read_prompt(folder / adapters.PROMPT_FILE)
        self._base_projection = self.transformer.patch_embed.proj
        adapters.load_adapter(self.transformer, folder)
        self.adapter, self.condition, self.default_prompt = config, config.condition, prompt
        return self

    def unload_adapter(self) -> None:
        """Take the adapter out, so that the transformer is the base's own again, to the bit.

        Raises InputError for one that was trained on random weights, since they took the place of the base's own.
        """
        if self.adapter is None or self._base_projection is None:
            return
        if self.adapter.random_base is not None:
            raise InputError("the adapter came with random weights in place of the base's own; load the base again")
        self.transformer.unload_lora()
        narrow_patch_embedding(self.transformer, self._base_projection)
        self.adapter = self.default_prompt = self._base_projection = None
        self.condition = UNTRAINED

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:
        """Write the base, as CogVideoXPipeline loads it, too, and the adapter in a folder of its own beside it.

        `from_pretrained` gives the same pixels again.
        """
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


def family_of(pipeline: DiffusionPipeline, widened: bool = True) -> Family:
    """The family of a pipeline's parts; widened: whether the transformer may take more channels in than it puts out.

    Raises InputError for parts of no known family.
    """
    config = dict(pipeline.transformer.config)
    if widened:
        config["in_channels"] = config["out_channels"]
    try:
        return bases.family_of(config, pipeline.vae.config, pipeline.scheduler.config)
    except ValueError as error:
        raise InputError(f"{config.get('_name_or_path') or 'the transformer'} {error}") from error
