"""The numbers of every stage stay the same. If one moves, so do files of users, and their version has to say so.

The tolerances are many times what other CPUs and numbers of threads change in the same arithmetic.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import stage_numbers
from golden_numbers import Golden
from inpainting.artifacts.comparison import TABLES_VERSION
from inpainting.artifacts.inspected_shard import INSPECTION_VERSION
from inpainting.artifacts.sample_table import SAMPLE_VERSION
from inpainting.artifacts.scores import EVALUATION_VERSION
from inpainting.artifacts.shard_listing import LATENTS_VERSION
from inpainting.artifacts.split import SPLIT_VERSION
from inpainting.artifacts.training_summary import TRAINING_VERSION
from inpainting.artifacts.validation_scores import VALIDATION_VERSION
from inpainting.sampling.settings import INPAINTING_VERSION

from .conftest import DILATION, WIDTH, Dataset, Validated


@pytest.mark.parametrize("sequences", [40, 200])
def test_sequences_stay_in_their_split(
    golden: Golden, split_of: Callable[[dict[str, str]], Path], sequences: int
) -> None:
    """40 sequences have their exact shares; of 200, some groups are moved to come near theirs."""
    groups = {f"sequence-{n:03d}": f"group-{n - n % 4 // 3:03d}" for n in range(sequences)}
    numbers = stage_numbers.split_numbers(split_of(groups))
    golden.check(f"split-{sequences}", SPLIT_VERSION, numbers, relative=0)


def test_sample_sequences_stay_the_same(golden: Golden, dataset: Dataset) -> None:
    golden.check("sample", SAMPLE_VERSION, stage_numbers.sample_numbers(dataset.sequences), relative=1e-4)


def test_the_audit_measures_the_same(golden: Golden, dataset: Dataset) -> None:
    golden.check("audit", INSPECTION_VERSION, stage_numbers.audit_numbers(dataset.manifest), relative=1e-3)


def test_latents_stay_the_same(golden: Golden, shards: dict[str, Path]) -> None:
    golden.check("latents", LATENTS_VERSION, stage_numbers.latent_numbers(shards), relative=1e-3, absolute=1e-4)


def test_masks_on_the_latent_grid_stay_the_same(golden: Golden, shards: dict[str, Path]) -> None:
    numbers = stage_numbers.mask_numbers(shards["truth"], WIDTH, DILATION)
    golden.check("masks", LATENTS_VERSION, numbers, relative=1e-5)


def test_training_takes_the_same_steps(golden: Golden, trainings: dict[str, Path]) -> None:
    golden.check("training", TRAINING_VERSION, stage_numbers.training_numbers(trainings), relative=1e-3)


@pytest.mark.parametrize("method", ["temporal_median", "telea", "flow_propagation"])
def test_baselines_score_the_same(golden: Golden, evaluated: Callable[..., Path], method: str) -> None:
    numbers = stage_numbers.evaluation_numbers(evaluated(method, "--limit", "1"))
    golden.check(f"evaluation-{method}", EVALUATION_VERSION, numbers, relative=1e-4)


def test_tables_have_the_same_numbers(golden: Golden, tables: Path) -> None:
    golden.check("tables", TABLES_VERSION, stage_numbers.table_numbers(tables), relative=1e-3)


def test_a_checkpoint_scores_the_same(golden: Golden, validated: Validated) -> None:
    numbers = stage_numbers.validation_numbers(validated.scores)
    golden.check("validation", VALIDATION_VERSION, numbers, relative=3e-3)


@pytest.mark.parametrize(
    "name, adapter, options",
    [
        ("composited", "best", ()),
        ("raw", "concat_area", ("--raw",)),
        ("replace", "replace", ("--raw",)),
    ],
)
def test_inpainted_frames_stay_the_same(
    golden: Golden, inpainted: Callable[..., Path], name: str, adapter: str, options: tuple[str, ...]
) -> None:
    numbers = stage_numbers.frame_numbers(inpainted(adapter, *options))
    golden.check(f"run-{name}", INPAINTING_VERSION, numbers, relative=0, absolute=0.1)
