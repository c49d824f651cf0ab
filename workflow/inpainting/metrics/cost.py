"""Time and memory of a method: measured while it fills the hole, not computed from its frames."""

from inpainting.metrics.metric import Metric, TableColumn
from inpainting.metrics.pooling import over_frames

COST = Metric(
    name="cost",
    title="seconds and memory",
    columns=("seconds_per_frame", "peak_memory_gib"),
    pooled={name: over_frames(name) for name in ("seconds_per_frame", "peak_memory_gib")},
    shown=(
        TableColumn("seconds_per_frame", "raw", "Cost, in this run", "Seconds per frame", better="low"),
        TableColumn("peak_memory_gib", "raw", "Cost, in this run", "Peak memory, GiB", 2, "low"),
    ),
    notes=("Peak memory: GPU memory for learned methods on a GPU, else the memory of the whole Python process.",),
)
"""seconds_per_frame (s) and peak_memory_gib (GiB); both vary from run to run."""
