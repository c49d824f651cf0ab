"""`inpaint evaluate`: score one method on the sequences of one split."""

import logging

from inpainting.artifacts.manifest import choose_sequences, sequence_digests
from inpainting.artifacts.scores import EVALUATION_VERSION, write_results
from inpainting.baselines.settings import FillSettings
from inpainting.core import provenance
from inpainting.core.files import folder_digest, value_digest
from inpainting.core.item_cache import ItemCache
from inpainting.core.progress import tracked
from inpainting.core.settings import Settings, existing
from inpainting.metrics.registry import METRIC_COLUMNS, used_weights
from inpainting.metrics.settings import WeightsSettings
from inpainting.models.settings import TransformerSettings
from inpainting.sampling.settings import INPAINTING_VERSION
from inpainting.stages.evaluation.external import output_digests
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.evaluation.running import Job, score_all
from inpainting.stages.evaluation.score_cache import ScoreCache
from inpainting.stages.evaluation.settings import (
    EvaluateCommand,
    ExtrasSettings,
    SelectionSettings,
    StepsSettings,
)
from inpainting.video.settings import HoleSettings, MaskSettings, WindowSettings

log = logging.getLogger(__name__)


def evaluate(settings: EvaluateCommand) -> None:
    """Score one method's raw and composited output; write the scores and the frames of the examples."""
    settings = with_chosen_steps(settings)
    _check_base(settings)
    sequences = choose_sequences(
        settings.dataset, settings.split_file, settings.manifest, settings.split, settings.frames, settings.limit
    )
    names = list(sequences)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    log.info("%s: %d %s sequences: %s%s", settings.name, len(names), settings.split, ", ".join(names[:8]), more)
    digests = sequence_digests(settings.manifest, names)
    weights = _weight_digests(settings)
    keys = sequence_keys(settings, sequences, digests, weights)
    examples = None
    if settings.examples_out is not None:
        examples = ItemCache(settings.examples_out, {name: keys[name] for name in names[: settings.examples]})
    cache = ScoreCache(ItemCache(settings.out.with_suffix(".items"), keys), examples)
    jobs = [Job(name, sequences[name]) for name in cache.missing()]
    log.info("%d of %d sequences are new or changed", len(jobs), len(names))
    for _ in tracked(score_all(settings, jobs, cache), "evaluate", "sequences", len(jobs)):
        pass
    cache.finish_examples()
    write_results(settings.out, cache.table().assign(method=settings.name), _provenance(settings, digests, weights))


def with_chosen_steps(settings: EvaluateCommand) -> EvaluateCommand:
    """The settings with the number of denoising steps that validation chose for the adapter, if it chose one.

    Raises UsageError if the adapter's folder does not exist, InputError if it holds no adapter.
    """
    if settings.adapter is None:
        return settings
    from inpainting.conditioning.adapter import read_adapter_config

    adapter = existing(settings.adapter, "--adapter", "a folder that training wrote")
    steps = read_adapter_config(adapter).sampling_steps
    if steps is None:
        return settings
    log.info("%s: %d denoising steps, as chosen by validation", settings.name, steps)
    return settings.model_copy(update={"steps": steps})


def _check_base(settings: EvaluateCommand) -> None:
    """Raise UsageError if a learned method's base, or without an adapter its window length, is not supported."""
    if not METHODS[settings.method].learned:
        return
    from inpainting.models import bases

    family = bases.family(settings.base)
    if settings.adapter is None:
        bases.check_window(family, settings.window)


def sequence_keys(
    settings: EvaluateCommand, sequences: dict[str, int], digests: dict[str, str], weights: dict[str, str]
) -> dict[str, str]:
    """The cache key by sequence: a digest of its frames and of settings, weights, columns and versions."""
    versions = [EVALUATION_VERSION, INPAINTING_VERSION]
    shaping = [shaping_settings(settings), weights, list(METRIC_COLUMNS), *versions]
    external = {} if settings.outputs is None else output_digests(settings.outputs, sequences)
    return {
        name: value_digest([*shaping, name, frames, digests[name], external.get(name)])
        for name, frames in sequences.items()
    }


def shaping_settings(settings: EvaluateCommand) -> dict[str, object]:
    """The settings that change a sequence's scores; for a classical method, no settings of models, windows and steps.

    The masks, windows and fill of an adapter are stored with it and are part of its digest. The settings of the hole
    still count, because scores are computed in it.
    """
    shaping: dict[str, object] = {"method": settings.method}
    parts: list[type[Settings]] = [ExtrasSettings, HoleSettings if settings.adapter else MaskSettings]
    if METHODS[settings.method].learned:
        from inpainting.models import loading

        shaping |= {"seed": settings.seed} | loading.precisions(settings.section(TransformerSettings))
        parts += [StepsSettings] if settings.adapter else [StepsSettings, WindowSettings, FillSettings]
    for part in parts:
        shaping |= settings.section(part).shaping()
    return shaping


def _weight_digests(settings: EvaluateCommand) -> dict[str, str]:
    """Digests of the weights that the method and the metrics use, by part and by setting."""
    networks = settings.section(WeightsSettings)
    digests = networks.weight_digests(used_weights(networks.weights()))
    if METHODS[settings.method].learned:
        from inpainting.models.adapter_files import adapter_digest
        from inpainting.models.loading import part_digest

        digests |= {part: part_digest(settings.base, part) for part in ("transformer", "vae")}
        if settings.adapter is not None:
            digests["adapter"] = adapter_digest(settings.adapter)
    return digests


def _provenance(settings: EvaluateCommand, digests: dict[str, str], weights: dict[str, str]) -> dict[str, object]:
    inputs = {"sequences": value_digest(sorted(digests.items())), **weights}
    if settings.uses_model():
        from inpainting.models import bases

        inputs |= bases.provenance(settings.base)
    if settings.outputs is not None:
        inputs["outputs"] = folder_digest(settings.outputs)
    selection = settings.section(SelectionSettings).shaping() | {"frames": settings.frames}
    method = METHODS[settings.method]
    return {
        "label": settings.name,
        "kind": method.kind,
        "description": method.description,
        **provenance.describe(selection | shaping_settings(settings), inputs),
    }
