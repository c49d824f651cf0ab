"""All scores of one method on one sequence, for its raw and its composited output."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import LOCAL, METRIC_COLUMNS, scored_by_networks, with_every_column
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import Frames, SequenceClip
from inpainting.video.masks import Hole

if TYPE_CHECKING:  # it imports torch
    from inpainting.metrics.networks import Networks


def score_outputs(
    settings: EvaluateCommand,
    clip: SequenceClip,
    filled: Hole,
    outputs: dict[Output, Frames],
    networks: "Networks | None" = None,
) -> dict[Output, pd.DataFrame]:
    """By output a table with a row per frame and the columns of the metrics that need no weights.

    outputs: uint8 [frames, height, width, 3] by output; filled: the dilated hole that was filled and composited, bool
    [frames, height, width]. Scores are computed in the hole of the mask itself, not dilated. networks: score the
    metrics of these networks instead.
    """
    hole = masks.to_hole(clip.mask, settings)
    if networks is None:
        regions = Regions(hole, effect_region(clip.rgb, clip.truth, filled), filled)
        metrics = [metric for metric in LOCAL if not metric.extra or metric.name in settings.extras]
    else:
        regions, metrics = Regions(hole), list(scored_by_networks(networks.paths))
    reference = Reference(clip.truth, regions, networks)
    outputs_equal = np.array_equal(outputs["composited"], outputs["raw"])
    tables: dict[Output, list[pd.DataFrame]] = {output: [] for output in outputs}
    for metric in metrics:
        scored: dict[Output, pd.DataFrame] = {}
        for output in metric.outputs:
            frames: Output = "raw" if outputs_equal or metric.composites_itself else output
            if frames not in scored:
                assert metric.score is not None
                scored[frames] = metric.score(outputs[frames], reference)[list(metric.columns)]
            tables[output].append(scored[frames])
    return {output: pd.concat(parts, axis=1) for output, parts in tables.items()}


def joined(*scores: dict[Output, pd.DataFrame]) -> dict[Output, pd.DataFrame]:
    """Tables of `score_outputs` side by side: by output the columns frame (from 1) and `registry.METRIC_COLUMNS`."""
    every = ["frame", *METRIC_COLUMNS]
    tables = {output: pd.concat([part[output] for part in scores], axis=1) for output in scores[0]}
    return {
        output: with_every_column(table.assign(frame=np.arange(1, len(table) + 1)))[every]
        for output, table in tables.items()
    }
