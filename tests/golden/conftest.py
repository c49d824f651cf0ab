"""A small run of every stage, made by the command line on the CPU in float32.

Fixtures that several tests use are made once; no test changes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import commands
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from golden_numbers import Golden
from inpainting.artifacts.formats import COLUMNS_DIGEST
from inpainting.artifacts.shard_listing import shard_path
from inpainting.cli import main

BASE = "models/nano"
FRAMES, WIDTH, HEIGHT = 17, 64, 48
DILATION = 2
WINDOWS = ("--window", "9", "--window-overlap", "5")
FLOAT32 = ("--device", "cpu", "--dtype", "float32", "--vae-dtype", "float32")

CONTENTS = ("truth", "grey", "rgb", "flow_propagation")
"""What is encoded."""

TRAININGS = {
    "concat_area": ("grey", "--conditioning concat --mask-input area"),
    "concat_frames": ("grey", "--conditioning concat --mask-input frames"),
    "concat_flow": ("flow_propagation", "--conditioning concat --mask-input area --fill flow_propagation"),
    "concat_rgb": ("rgb", "--conditioning concat_rgb --mask-input area --region mask_and_effect"),
    "replace": ("grey", "--conditioning replace --region mask"),
}
"""The condition source and the options of each training."""

TRAINING = (
    "--steps 3 --save-every 3 --log-every 1 --batch-size 2 --optimizer adamw --warmup-steps 0"
    " --rank 4 --alpha 8 --learning-rate 0.001 --patch-learning-rate 0.002 --outside-weight 0.1"
)

SPLIT_SEED = 5
"""With this seed the hash alone would put too many of the 150 groups of 200 sequences into the test set."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write golden numbers of raised versions again")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The numbers on disk."""
    return Golden(Path(__file__).parent / "numbers", request.config.getoption("renew_golden", default=False))


def run(command: list[str]) -> None:
    assert main(command) == 0, command


@dataclass(frozen=True)
class Dataset:
    """Sample sequences, audited and split, in a folder `root` as `tiny_results` is."""

    root: Path

    @property
    def sequences(self) -> Path:
        return self.root / "dataset"

    @property
    def manifest(self) -> Path:
        return self.root / "audit" / "manifest.parquet"

    @property
    def split(self) -> Path:
        return self.root / "audit" / "split.tsv"

    @property
    def tested(self) -> str:
        """The first test sequence."""
        table = pd.read_csv(self.split, sep="\t")
        return str(table["id"][table["split"] == "test"].iloc[0])


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight sequences of 17 frames of 64x48, some of them dynamic scenes, through sample, audit and split."""
    made = Dataset(tmp_path_factory.mktemp("golden"))
    drawn = {"sequences": 8, "size": f"{WIDTH}x{HEIGHT}", "dynamic_share": 0.5}
    run(commands.command("sample", made.sequences, **drawn, frames=FRAMES, workers=1))
    run(commands.audit(made.sequences, made.manifest.parent, "--frames", str(FRAMES)))
    run(commands.split(made.manifest, made.split, "--validation-share", "0.25", "--test-share", "0.25"))
    return made


@pytest.fixture
def split_of(dataset: Dataset, tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Splits a manifest of ids that are given with their groups; its other columns are those of a real sequence."""

    def split_of(groups: dict[str, str]) -> Path:
        manifest, out = tmp_path / "manifest.parquet", tmp_path / "split.tsv"
        real = pq.read_table(dataset.manifest)
        rows = real.take([0] * len(groups)).to_pandas().assign(id=list(groups), group=list(groups.values()))
        metadata = {name: value for name, value in real.schema.metadata.items() if name != COLUMNS_DIGEST.encode()}
        schema = real.schema.with_metadata(metadata)
        pq.write_table(pa.Table.from_pandas(rows, schema, preserve_index=False), manifest)
        shares = ("--validation-share", "0.1", "--test-share", "0.1")
        run(commands.split(manifest, out, *shares, "--seed", str(SPLIT_SEED)))
        return out

    return split_of


@pytest.fixture(scope="session")
def shards(dataset: Dataset) -> dict[str, Path]:
    """The training sequences' latents in float32, a shard per content; prompt and index-<source> are in latents/."""
    folder = dataset.root / "latents"
    shards = {content: shard_path(folder, content, 0) for content in CONTENTS}
    kept = ("--mask-dilation", str(DILATION), "--latents-dtype", "float32")
    contents = ("--contents", ",".join(CONTENTS))
    run(commands.encode(BASE, dataset.root, folder, *contents, *WINDOWS, *FLOAT32, *kept))
    run(commands.prompt(BASE, folder / "prompt.safetensors", *FLOAT32))
    for source in CONTENTS[1:]:
        out = folder / f"index-{source}.parquet"
        run(commands.index(dataset.split, [shards["truth"]], [shards[source]], out))
    return shards


@pytest.fixture(scope="session")
def trainings(dataset: Dataset, shards: dict[str, Path]) -> dict[str, Path]:
    """The folders of trainings of 3 steps."""
    folders = {name: dataset.root / "training" / name for name in TRAININGS}
    shared = [*WINDOWS, *FLOAT32, "--mask-dilation", str(DILATION), *TRAINING.split()]
    for name, (source, options) in TRAININGS.items():
        index = ("--index", str(dataset.root / "latents" / f"index-{source}.parquet"))
        run(commands.train(BASE, dataset.root, folders[name], *shared, *index, *options.split()))
    return folders


@pytest.fixture
def evaluated(dataset: Dataset, tmp_path: Path) -> Callable[..., Path]:
    """Scores a baseline; options select sequences and metrics."""

    def evaluated(method: str, *options: str) -> Path:
        out = tmp_path / f"{method}.parquet"
        where = commands.audited(dataset.root) | {"frames": FRAMES, "workers": 1}
        run([*commands.command("evaluate", method=method, **where, out=out), *WINDOWS, *options])
        return out

    return evaluated


@pytest.fixture
def tables(dataset: Dataset, evaluated: Callable[..., Path], tmp_path: Path) -> Path:
    """The folder of tables that compare two baselines on all sequences."""
    methods, out = ("temporal_median", "telea"), tmp_path / "tables"
    results = [evaluated(method, "--split", "all", "--extras", "motion") for method in methods]
    run(commands.command("tables", results=results, manifest=dataset.manifest, out=out))
    return out


@dataclass(frozen=True)
class Validated:
    """The scores that validation wrote for a checkpoint, and the adapter that `best` wrote."""

    scores: Path
    adapter: Path


@pytest.fixture(scope="session")
def validated(dataset: Dataset, trainings: dict[str, Path]) -> Validated:
    """The training on flow-propagated fills, validated with two denoising steps."""
    folder, checkpoints = dataset.root / "validation", trainings["concat_flow"] / "checkpoints"
    found = Validated(folder / "step-3.json", folder / "best")
    where = commands.audited(dataset.root) | {"frames": FRAMES, "checkpoint": checkpoints / "step-3"}
    run([*commands.command("validate", **where, steps=2, out=found.scores), *FLOAT32])
    written = {"out": folder / "best.json", "adapter_out": found.adapter}
    run(commands.command("best", scores=found.scores, checkpoints=checkpoints, **written))
    return found


@pytest.fixture
def inpainted(
    dataset: Dataset, trainings: dict[str, Path], validated: Validated, tmp_path: Path
) -> Callable[..., Path]:
    """Inpaints a test sequence in two denoising steps with the validated adapter, `best`, or that of a training."""
    adapters = {name: folder / "checkpoints" / "step-3" / "adapter" for name, folder in trainings.items()}
    adapters["best"] = validated.adapter

    def inpainted(adapter: str, *options: str) -> Path:
        places = {"input": dataset.sequences / dataset.tested, "output": tmp_path / "out"}
        run([*commands.command("run", adapter=adapters[adapter], **places, steps=2), *FLOAT32, *options])
        return tmp_path / "out"

    return inpainted
