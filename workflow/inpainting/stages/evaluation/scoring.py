"""All scores of one method on one sequence, for its raw and its composited output."""

import numpy as np
import pandas as pd

from inpainting.artifacts.examples import Output
from inpainting.metrics.metric import Reference
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.registry import METRIC_COLUMNS, METRICS, with_every_column
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import Frames, SequenceClip
from inpainting.video.masks import Hole


def score_outputs(
    settings: EvaluateCommand, clip: SequenceClip, filled: Hole, outputs: dict[Output, Frames]
) -> dict[Output, pd.DataFrame]:
    """By output a table with a row per frame: the columns frame (from 1) and `registry.METRIC_COLUMNS` (or NaN).

    outputs: uint8 [frames, height, width, 3] by output; filled: the dilated hole that was filled and composited, bool
    [frames, height, width]. Scores are computed in the hole of the mask itself, not dilated.
    """
    hole, effect = masks.to_hole(clip.mask, settings), effect_region(clip.rgb, clip.truth, filled)
    reference = Reference(clip.truth, Regions(hole, effect))
    outputs_equal = np.array_equal(outputs["composited"], outputs["raw"])
    number = pd.DataFrame({"frame": np.arange(1, len(clip.truth) + 1)})
    tables: dict[Output, list[pd.DataFrame]] = {output: [number] for output in outputs}
    for metric in METRICS:
        if metric.score is None or (metric.extra and metric.name not in settings.extras):
            continue
        scored: dict[Output, pd.DataFrame] = {}
        for output in metric.outputs:
            frames: Output = "raw" if outputs_equal or metric.composites_itself else output
            if frames not in scored:
                scored[frames] = metric.score(outputs[frames], reference)[list(metric.columns)]
            tables[output].append(scored[frames])
    every = ["frame", *METRIC_COLUMNS]
    return {output: with_every_column(pd.concat(parts, axis=1))[every] for output, parts in tables.items()}
