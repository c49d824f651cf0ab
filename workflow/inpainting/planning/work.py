"""How much there is to do: sequences by split, windows, frames."""

from dataclasses import dataclass
from pathlib import Path

from inpainting.config import PipelineConfig
from inpainting.core.errors import UsageError
from inpainting.core.settings import parse_size
from inpainting.models.family import Geometry
from inpainting.planning.figures import Origin
from inpainting.stages.dataset.inspect_shard import find_sequences
from inpainting.stages.dataset.split import sizes
from inpainting.stages.evaluation.methods import METHODS
from inpainting.stages.training.settings import checkpoint_steps
from inpainting.video import windows

ASSUMED_SIZE = "640x480"
"""Frame size in pixels where nothing says one: that of the dataset's folder names (RGB_480)."""


@dataclass(frozen=True)
class Work:
    """What a run works on. All sequences are taken as accepted by the audit, and each as a group of its own.

    size: frames in pixels (width, height), padded to the latent grid in `padded`; windows: of a sequence in training;
    joint_windows: of a sequence when it is inpainted, where neighbours share latent frames.
    """

    sequences: int
    sequences_from: str
    size: tuple[int, int]
    size_origin: Origin
    padded: tuple[int, int]
    frames: int
    window: int
    latent_shape: tuple[int, int, int]
    """Latent frames, rows and columns of a window."""
    train: int
    validation: int
    test: int
    windows: int
    joint_windows: int
    validated: int
    """Validation sequences that each checkpoint is scored on."""
    evaluated: int
    """Sequences that each method is scored on."""

    @property
    def train_windows(self) -> int:
        """Windows of the training sequences."""
        return self.train * self.windows

    @property
    def pngs(self) -> int:
        """Frames in the dataset that are read: input, mask and truth."""
        return 3 * self.sequences * self.frames


def count_work(config: PipelineConfig, geometry: Geometry, given: int | None, size: str | None) -> Work:
    """Count what a configuration asks for.

    given, size: the options --sequences and --size. Raises UsageError while dataset.root does not exist and `given` is
    None, InputError for a root without sequences.
    """
    sequences, source = _sequences(config, given)
    frame, counted = frame_size(config, size)
    latent_shape = window_latents(config, geometry, frame)
    _, rows, columns = latent_shape
    train, validation, test = split_counts(config, sequences)
    frames, window, overlap = config.dataset.frames, config.windows.window, config.windows.window_overlap
    planned = len(windows.plan(frames, window, overlap))
    return Work(
        sequences=sequences,
        sequences_from=source,
        size=frame,
        size_origin=counted,
        padded=(columns * geometry.spatial_factor, rows * geometry.spatial_factor),
        frames=frames,
        window=window,
        latent_shape=latent_shape,
        train=train,
        validation=validation,
        test=test,
        windows=min(planned, config.latents.windows_per_sequence or planned),
        joint_windows=len(windows.plan_shared(frames, window, overlap, geometry.temporal_factor)),
        validated=min(validation, config.validation.limit or validation),
        evaluated=_evaluated(config, sequences, validation, test),
    )


def frame_size(config: PipelineConfig, size: str | None) -> tuple[tuple[int, int], Origin]:
    """(width, height) of the frames in pixels: `size`, that of the sample sequences, or else ASSUMED_SIZE."""
    if size is None and config.dataset.root is not None:
        return parse_size(ASSUMED_SIZE), "assumed"
    return parse_size(size or config.dataset.sample.size), "counted"


def window_latents(config: PipelineConfig, geometry: Geometry, size: tuple[int, int]) -> tuple[int, int, int]:
    """Latent frames, rows and columns of a window of frames of a size (width, height)."""
    return geometry.latent_frames(config.windows.window), *geometry.latent_size(size[1], size[0])


def _sequences(config: PipelineConfig, given: int | None) -> tuple[int, str]:
    if given is not None:
        return given, "given by --sequences"
    root = config.dataset.root
    if root is None:
        return config.dataset.sample.sequences, "sample sequences, dataset.sample.sequences"
    if not Path(root).is_dir():
        raise UsageError(
            f"dataset.root: {root} does not exist; give the folder that holds one folder per sequence, or plan with "
            "--sequences N"
        )
    return len(find_sequences(Path(root), config.dataset.folders)[0]), f"folders in {root}"


def split_counts(config: PipelineConfig, sequences: int) -> tuple[int, int, int]:
    """Sequences to be expected for training, validation and test, by the shares of dataset.split."""
    shares = config.dataset.split
    expected = round(shares.test_share * sequences), round(shares.validation_share * sequences)
    test, validation = sizes(sequences, *expected, shares)
    return sequences - test - validation, validation, test


def _evaluated(config: PipelineConfig, sequences: int, validation: int, test: int) -> int:
    of_split = {"test": test, "validation": validation, "all": sequences}[config.evaluation.split]
    return min(of_split, config.evaluation.limit or of_split)


def condition_sources(config: PipelineConfig) -> list[str]:
    """What the experiments' conditions are encoded from, each once: a set of latents is written for each."""
    return list(dict.fromkeys(e.training.condition_source for e in config.compared().values()))


def jobs(config: PipelineConfig) -> dict[str, int]:
    """Snakemake's jobs by rule, in a folder without results; rules without a job are left out."""
    experiments = [experiment.training for experiment in config.compared().values()]
    sources = len(condition_sources(config))
    learned = sum(METHODS[method].learned for method in config.evaluation.methods)
    given = len(config.evaluation.given())
    once = ("audit", "look", "split", "tables", "all")
    drawn = ("dataset", "comparison", "sequences", "examples", "headline", "provenance")
    counts = {
        "fetch": int(not Path(config.model.base).is_dir()),
        "sample": int(config.dataset.root is None),
        "inspect": config.dataset.audit.shards,
        "encode": config.latents.shards if experiments else 0,
        "index": sources,
        "prompt": int(bool(experiments)),
        "train": len(experiments),
        "validate": sum(len(checkpoint_steps(training)) for training in experiments),
        "best": len(experiments),
        "evaluate": len(config.evaluation.methods) - learned,
        "evaluate_model": learned,
        "evaluate_experiment": (len(experiments) + given) * (1 + config.evaluation.degraded_masks),
        "evaluate_external": len(config.evaluation.external),
        "draw_training": len(experiments),
        "draw_trainings": int(len(experiments) > 1),
        "draw_checkpoints": len(experiments),
        **dict.fromkeys(once, 1),
        **{f"draw_{what}": 1 for what in drawn},
    }
    return {rule: count for rule, count in sorted(counts.items()) if count}
