"""All scores of one method on one sequence, of its raw and of its composited output."""

import numpy as np
import pandas as pd

from inpainting.artifacts.examples import Output
from inpainting.metrics import propainter_compat as compat
from inpainting.metrics.motion import Motion, motion_of, score_motion
from inpainting.metrics.regions import Regions, effect_region
from inpainting.metrics.scores import score_clip
from inpainting.metrics.vmaf import vmaf
from inpainting.stages.evaluation.settings import EvaluateCommand
from inpainting.video import masks
from inpainting.video.clip import Clip
from inpainting.video.masks import Hole


def score_outputs(
    settings: EvaluateCommand, clip: Clip, filled: Hole, outputs: dict[Output, compat.Clip]
) -> dict[Output, pd.DataFrame]:
    """By output (raw, composited) a row per frame with the columns `results.SCORED`; NaN where something is left out.

    filled: the dilated hole that was filled and composited. What is scored is the mask's own hole, not dilated.
    """
    regions = Regions(masks.to_hole(clip.mask, settings), effect_region(clip.rgb, clip.truth, filled))
    motion = motion_of(clip.truth) if "motion" in settings.extras else None
    scores: dict[Output, pd.DataFrame] = {"raw": _score(settings, clip, regions, motion, outputs["raw"])}
    same = np.array_equal(outputs["composited"], outputs["raw"])
    scores["composited"] = scores["raw"] if same else _score(settings, clip, regions, motion, outputs["composited"])
    pasted = dict.fromkeys(compat.COLUMNS, float("nan"))
    scores["raw"] = scores["raw"].assign(**pasted)
    if "propainter_compat" in settings.extras:
        as_published = compat.propainter_compat(outputs["raw"], clip.truth, regions.mask)
        scores["composited"] = pd.concat([scores["composited"], as_published], axis=1)
    else:
        scores["composited"] = scores["composited"].assign(**pasted)
    return scores


def _score(
    settings: EvaluateCommand, clip: Clip, regions: Regions, motion: Motion | None, output: compat.Clip
) -> pd.DataFrame:
    table = score_clip(output, clip.truth, regions)
    moved = score_motion(output, clip.truth, regions.mask, motion)
    if "motion" not in settings.extras:
        moved["temporal_mask"] = float("nan")
    seen = vmaf(output, clip.truth) if "vmaf" in settings.extras else float("nan")
    return pd.concat([table, moved], axis=1).assign(vmaf=seen)
