"""Numbers of every stage, held: where one moves, the files that hold it are others, and their version must say so.

The tolerances allow for what other CPUs and numbers of threads make of the same arithmetic, many times over.
"""

from collections.abc import Callable

import pytest
from golden_numbers import Golden, Numbers
from inpainting.artifacts.comparison import TABLES_VERSION
from inpainting.artifacts.inspected_shard import INSPECTION_VERSION
from inpainting.artifacts.sample_table import SAMPLE_VERSION
from inpainting.artifacts.scores import EVALUATION_VERSION
from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.artifacts.split import SPLIT_VERSION
from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.artifacts.validation_scores import VALIDATION_VERSION
from inpainting.sampling.settings import INPAINTING_VERSION


@pytest.mark.parametrize("sequences", [40, 200])
def test_sequences_stay_in_their_split(
    golden: Golden, split_numbers: Callable[[dict[str, str]], Numbers], sequences: int
) -> None:
    """The sets of 40 have their exact shares; of 200, some are moved to be near theirs."""
    groups = {f"sequence-{n:03d}": f"group-{n - n % 4 // 3:03d}" for n in range(sequences)}
    golden.hold(f"split-{sequences}", SPLIT_VERSION, split_numbers(groups), relative=0)


def test_the_sample_is_drawn_the_same(golden: Golden, sample_numbers: Numbers) -> None:
    golden.hold("sample", SAMPLE_VERSION, sample_numbers, relative=1e-4)


def test_the_audit_finds_the_same(golden: Golden, audit_numbers: Numbers) -> None:
    golden.hold("audit", INSPECTION_VERSION, audit_numbers, relative=1e-3)


def test_the_latents_are_the_same(golden: Golden, latent_numbers: Numbers) -> None:
    golden.hold("latents", LATENTS_VERSION, latent_numbers, relative=1e-3, absolute=1e-4)


def test_masks_reach_the_latents_the_same(golden: Golden, mask_numbers: Numbers) -> None:
    golden.hold("masks", LATENTS_VERSION, mask_numbers, relative=1e-5)


def test_training_goes_the_same_way(golden: Golden, training_numbers: Numbers) -> None:
    golden.hold("training", TRAINING_VERSION, training_numbers, relative=1e-3)


@pytest.mark.parametrize("method", ["temporal_median", "telea", "flow_propagation"])
def test_baselines_score_the_same(golden: Golden, evaluation_numbers: Callable[[str], Numbers], method: str) -> None:
    golden.hold(f"evaluation-{method}", EVALUATION_VERSION, evaluation_numbers(method), relative=1e-4)


def test_tables_say_the_same(golden: Golden, table_numbers: Numbers) -> None:
    golden.hold("tables", TABLES_VERSION, table_numbers, relative=1e-3)


def test_a_checkpoint_scores_the_same(golden: Golden, validation_numbers: Numbers) -> None:
    golden.hold("validation", VALIDATION_VERSION, validation_numbers, relative=3e-3)


@pytest.mark.parametrize(
    "name, adapter, options",
    [
        ("composited", "best", ()),
        ("raw", "concat_area", ("--raw",)),
        ("replace", "replace", ("--raw",)),
    ],
)
def test_inpainted_frames_are_the_same(
    golden: Golden, frame_numbers: Callable[..., Numbers], name: str, adapter: str, options: tuple[str, ...]
) -> None:
    golden.hold(f"run-{name}", INPAINTING_VERSION, frame_numbers(adapter, *options), relative=0, absolute=0.1)
