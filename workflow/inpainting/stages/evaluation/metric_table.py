"""Every metric of every method, raw and composited, with intervals; and what is not computed, said in one place."""

from collections.abc import Mapping

import pandas as pd

from inpainting.metrics.aggregate import mean_interval
from inpainting.metrics.regions import REGIONS
from inpainting.metrics.scores import PEAK
from inpainting.stages.evaluation.rendering import Column, Shown, show

OUTPUT_NAMES = {"raw": "raw output", "composited": "composited"}

WARPING_UNIT = PEAK**2 / 1000
"""Warping errors are published in thousandths of the squared range."""

Parts = Mapping[str, Mapping[str, Column]]


def _by_region(measure: str, output: str, digits: int, better: str) -> dict[str, Column]:
    return {f"{measure}_{region}_{output}": Column(region.capitalize(), digits, better) for region in REGIONS}


PARTS: Parts = {
    **{f"PSNR by region, {name}, dB": _by_region("psnr", output, 2, "high") for output, name in OUTPUT_NAMES.items()},
    **{f"SSIM by region, {name}": _by_region("ssim", output, 3, "high") for output, name in OUTPUT_NAMES.items()},
    **{
        f"Mean absolute error by region, {name}, grey levels": _by_region("mae", output, 2, "low")
        for output, name in OUTPUT_NAMES.items()
    },
    "Motion, and what a viewer would notice": {
        "temporal_mask_raw": Column("Temporal error in mask, raw", 2, "low"),
        "warp_mask_raw": Column("Warping error in mask, raw, 10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE}", 2, "low"),
        "warp_frame_composited": Column(
            "Warping error of frame, composited, 10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE}", 2, "low"
        ),
        "vmaf_raw": Column("VMAF, raw", 1, "high"),
        "vmaf_composited": Column("VMAF, composited", 1, "high"),
    },
    "propainter_compat: as ProPainter's evaluation computes them": {
        "propainter_psnr_composited": Column("PSNR, dB", 2, "high"),
        "propainter_ssim_composited": Column("SSIM", 4, "high"),
    },
    "Cost, in this run": {
        "seconds_per_frame_raw": Column("Seconds per frame", better="low"),
        "peak_memory_gib_raw": Column("Peak memory, GiB", 2, "low"),
    },
}
"""What is shown, part by part: columns of `metric_table`."""

NOT_COMPUTED = {
    "LPIPS": "torchvision, whose CPU wheels do not import beside the pinned torch, and its weights",
    "ColorVideoVDP": "pycvvdp, which needs torchvision",
    "VFID": "the weights of I3D (i3d_rgb_imagenet.pt)",
    "RC-S and RC-T (arXiv 2605.14534)": "the weights of DINOv2",
}
"""Metrics of the field that are not computed, and what each would need."""

EXTRAS = {"motion": "temporal and warping errors", "vmaf": "VMAF", "propainter_compat": "propainter_compat"}
"""What each of evaluation.extras computes."""


def metric_table(sequences: pd.DataFrame, kinds: dict[str, str], order: list[str], seed: int) -> pd.DataFrame:
    """A row per method, in the order given: method, kind, and of every metric that PARTS shows <name>, _low and _high.

    sequences: `metrics.aggregate.per_sequence`. Means over sequences with their intervals; NaN where nothing is known.
    """
    rows = []
    for method in order:
        row: dict[str, object] = {"method": method, "kind": kinds[method]}
        for name in (name for columns in PARTS.values() for name in columns):
            metric, _, output = name.rpartition("_")
            values = sequences[(sequences["method"] == method) & (sequences["output"] == output)][metric]
            row |= mean_interval(values / WARPING_UNIT if metric.startswith("warp_") else values, seed).columns(name)
        rows.append(row)
    return pd.DataFrame(rows)


def shown_parts(table: pd.DataFrame) -> list[tuple[str, Shown]]:
    """The parts of which something is known, each with its heading."""
    texts = {"method": "Method", "kind": "Kind"}
    return [
        (heading, show(table, columns, texts))
        for heading, columns in PARTS.items()
        if table[list(columns)].notna().any(axis=None)
    ]


def metric_notes(extras: set[str]) -> list[str]:
    """What the metrics are, and what is not computed; extras: those that every method was scored by."""
    notes = [
        "Mask: the hole, not dilated; band: within 3 pixels of its edge; effect: outside the dilated hole, where input "
        "and truth differ (shadows, reflections), unknown where a sequence has none; outside: all but the hole.",
        "Composited: the hole pasted over the input, so that a method can't win back a shadow outside its hole.",
        "Temporal error: how much the change from frame to frame differs from the truth's; warping error: what remains "
        "when a frame is carried along the truth's optical flow to the next, where both show the same; the truth's own "
        "is not zero. Stillness and blur are rewarded: read them beside the scores of frames.",
        "VMAF: of whole frames, luminance alone; compare it between methods, not between sizes of frames.",
        "propainter_compat: frames scaled to 432 x 240, the mask dilated four times by a cross, pasted over the truth; "
        "PSNR and SSIM (window 65) of whole 8-bit frames, then the mean, frames without an error left out of PSNR's. "
        "It follows the size of the mask above all: compare it with that protocol's published figures alone.",
        "Peak memory: of the device for learned methods on a GPU, else of the process, the interpreter included.",
    ]
    left_out = [what for name, what in EXTRAS.items() if name not in extras]
    absent = [f"{what} (left out by evaluation.extras)" for what in left_out]
    absent += [f"{metric} (needs {needed})" for metric, needed in NOT_COMPUTED.items()]
    return [*notes, f"Not computed: {'; '.join(absent)}."]
