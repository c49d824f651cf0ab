"""All metrics, in the order of the tables; an entry here is computed, pooled, shown and explained."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from inpainting.metrics.by_region import BY_REGION
from inpainting.metrics.cost import COST
from inpainting.metrics.detail import DETAIL
from inpainting.metrics.drift import DRIFT
from inpainting.metrics.metric import Metric
from inpainting.metrics.motion import MOTION
from inpainting.metrics.perceptual import DISTS, LPIPS
from inpainting.metrics.propainter_compat import PROPAINTER_COMPAT
from inpainting.metrics.removal_coherence import REMOVAL_COHERENCE
from inpainting.metrics.seam import SEAM
from inpainting.metrics.vmaf import VMAF

METRICS: tuple[Metric, ...] = (
    BY_REGION,
    DETAIL,
    SEAM,
    DRIFT,
    MOTION,
    VMAF,
    PROPAINTER_COMPAT,
    LPIPS,
    DISTS,
    REMOVAL_COHERENCE,
    COST,
    Metric("color_video_vdp", "ColorVideoVDP", needs="pycvvdp, which needs torchvision"),
    Metric("vfid", "VFID", needs="I3D and some hundreds of sequences; it scores sets, not sequences"),
)

LOCAL = tuple(metric for metric in METRICS if metric.score and not metric.weights)
"""Metrics of frames that need no weights."""

METRIC_COLUMNS = tuple(name for metric in METRICS for name in metric.columns)
"""Columns of the scores of a frame, besides its keys; NaN where a metric was not computed or has no value."""

EXTRAS = {metric.name: metric.extra for metric in METRICS if metric.extra}
"""Descriptions of the metrics that evaluation.extras names."""

HEADLINE = {column.column: column for metric in METRICS for column in metric.headline}
"""Columns that the comparison of methods shows with an interval, by name."""


def scored_by_networks(weights: Collection[str]) -> tuple[Metric, ...]:
    """The metrics that need weights and whose weights, named by their settings, are all among the given ones."""
    return tuple(metric for metric in METRICS if metric.weights and {*metric.weights} <= {*weights})


def used_weights(weights: Collection[str]) -> set[str]:
    """Those of the given weights, named by their settings, that metrics use."""
    return {name for metric in scored_by_networks(weights) for name in metric.weights}


def weight_files(weights: Mapping[str, Path]) -> list[Path]:
    """The files of the weights that metrics use, of those given by their settings; of a folder, all that are in it."""
    used = sorted(weights[name] for name in used_weights(weights))
    return [file for path in used for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if file.is_file()]


def with_every_column(scores: pd.DataFrame) -> pd.DataFrame:
    """Add missing METRIC_COLUMNS as NaN: of metrics that were not computed or are newer than the scores."""
    return scores.assign(**{name: math.nan for name in METRIC_COLUMNS if name not in scores})
