"""The sequences of a shard, and by sequence the key that changes when its tensors must be encoded again."""

import pandas as pd

from inpainting.artifacts.latents import SHARD_FORMAT
from inpainting.artifacts.manifest import MANIFEST, read_split
from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.core import seeds
from inpainting.core.errors import UsageError
from inpainting.core.files import value_digest
from inpainting.models import loading
from inpainting.models.settings import ModelSettings
from inpainting.stages.latents.settings import Content, EncodeCommand, TruthSettings
from inpainting.video.settings import HoleSettings, WindowSettings


def chosen_rows(settings: EncodeCommand) -> pd.DataFrame:
    """The sequences to encode in all shards: columns id, width, height, digest and shard (by hash), sorted by id.

    Raises UsageError for a window longer than the sequences.
    """
    if settings.window > settings.frames:
        raise UsageError(
            f"--window: {settings.window} frames do not fit into sequences of {settings.frames}; use a shorter window"
        )
    manifest = MANIFEST.read(settings.manifest, "--manifest")
    split = read_split(settings.split_file, manifest)
    rows = split.loc[split["split"].isin(settings.splits), ["id"]].merge(
        manifest[["id", "width", "height", "digest"]], on="id", validate="one_to_one"
    )
    rows["shard"] = [seeds.derive(0, "latents.shard", name) % settings.shards for name in rows["id"]]
    return rows.sort_values("id", ignore_index=True)


def source_digest(settings: EncodeCommand, rows: pd.DataFrame) -> str:
    """Digest of the pixels, holes and windows, which a shard of truths and one of conditions must share."""
    return value_digest([_window_settings(settings), rows[["id", "digest"]].to_numpy().tolist()])


def sequence_keys(settings: EncodeCommand, content: Content, rows: pd.DataFrame) -> dict[str, str]:
    """By sequence a digest of everything that changes its tensors of a content: pixels, settings, VAE and version."""
    vae = loading.part_digest(settings.base, "vae")
    shaping = [shaping_settings(settings, content), vae, SHARD_FORMAT, LATENTS_VERSION]
    return {
        name: value_digest([*shaping, name, digest]) for name, digest in zip(rows["id"], rows["digest"], strict=True)
    }


def shaping_settings(settings: EncodeCommand, content: Content) -> dict[str, object]:
    """The settings that change the tensors of a content; mask dilation and fill do not change a truth."""
    shaping = _window_settings(settings) | {
        "content": content,
        "vae_dtype": loading.precisions(settings.section(ModelSettings))["vae_dtype"],
        "latents_dtype": settings.latents_dtype,
    }
    if content == "truth":
        return shaping | settings.section(TruthSettings).shaping()
    if content == "rgb":
        return shaping
    return shaping | {"mask_dilation": settings.mask_dilation}


def _window_settings(settings: EncodeCommand) -> dict[str, object]:
    """The settings that change the holes and the windows' frames.

    `windows_per_sequence` and `mask_union` are left out at their defaults: latents from before these stay valid.
    """
    parts = (settings.section(HoleSettings), settings.section(WindowSettings))
    shaping = {"frames": settings.frames} | {name: value for part in parts for name, value in part.shaping().items()}
    chosen = {"windows_per_sequence": settings.windows_per_sequence, "mask_union": settings.mask_union or None}
    return shaping | {name: value for name, value in chosen.items() if value is not None}
