"""Times of this run's finished jobs: Snakemake's benchmark files, where the results are of the planned settings."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.parquet as parquet

from inpainting.artifacts.shard_listing import listing_path, shard_path
from inpainting.artifacts.training_summary import TrainingSummary
from inpainting.config import PipelineConfig
from inpainting.core.errors import InputError
from inpainting.planning.work import Work


def seconds_per_window(results: Path, contents: Sequence[str], work: Work) -> float | None:
    """Seconds that `encode` took for a window in all contents, over the shards that are done; None where none is.

    Shards of windows of another size are another run's and do not count. A job that was repeated for a few new
    sequences, or for a new content, shows as faster than it was.
    """
    seconds, windows = 0.0, 0
    for truth in sorted((results / "latents" / "truth").glob("shard-*.parquet")):
        number = int(truth.stem.removeprefix("shard-"))
        listings = [listing_path(shard_path(results / "latents", content, number)) for content in contents]
        took = benchmark_seconds(results, f"encode-{number}")
        if took is not None and all(path.is_file() for path in listings) and _is_planned(truth, work):
            seconds, windows = seconds + took, windows + parquet.read_metadata(truth).num_rows
    return seconds / windows if windows else None


def mean_seconds(results: Path, names: Iterable[str]) -> float | None:
    """Mean time of the jobs of these names that have a benchmark file; None where none has."""
    found = [took for name in names if (took := benchmark_seconds(results, name)) is not None]
    return sum(found) / len(found) if found else None


def benchmark_seconds(results: Path, name: str) -> float | None:
    """Seconds in results/benchmarks/<name>.tsv; None where there is no such file."""
    path = results / "benchmarks" / f"{name}.tsv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return float(rows[0]["s"]) if rows else None


def is_trained_as_planned(results: Path, config: PipelineConfig, experiment: str) -> bool:
    """Whether training.json is there and of the planned settings and number of steps."""
    training = config.compared()[experiment].training
    try:
        summary = TrainingSummary.read(results / "training" / experiment / "training.json")
    except (InputError, OSError):
        return False
    planned = training.shaping()
    steps = planned.pop("steps")
    found = summary.provenance.settings
    return summary.checkpoints[-1:] == [steps] and all(found.get(name) == value for name, value in planned.items())


def is_run_as_planned(results: Path, work: Work) -> bool:
    """Whether a shard of latents is there, and of windows of the planned size."""
    return any(_is_planned(path, work) for path in sorted((results / "latents" / "truth").glob("shard-*.parquet"))[:1])


def _is_planned(listing: Path, work: Work) -> bool:
    if not listing.is_file():
        return False
    table = parquet.read_table(listing, columns=["frames", "height", "width"]).slice(0, 1).to_pylist()
    wide, high = work.padded
    return table == [{"frames": work.window, "height": high, "width": wide}]
