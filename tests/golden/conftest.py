"""A small run of every stage, made by the command line, and the numbers in the files that it writes.

Commands, options and imports of the package stand here and nowhere else, so that a renaming touches this file alone.
Everything is float32 on the CPU. All is made once for all tests; none changes it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from golden_numbers import Golden, Numbers, named, statistics
from inpainting.cli import main
from inpainting.conditioning.inputs import encode_hole
from inpainting.conditioning.mask_inputs import AREA
from inpainting.conditioning.mask_inputs import FRAMES as BY_FRAME
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.video import masks
from numpy.typing import NDArray
from safetensors.torch import load_file

FRAMES, WIDTH, HEIGHT = 17, 64, 48
WINDOWS = ("--window", "9", "--window-overlap", "5")
FLOAT32 = ("--device", "cpu", "--dtype", "float32", "--vae-dtype", "float32")
DILATION = 2
GEOMETRY = COGVIDEOX_2B.geometry

CONTENTS = ("truth", "grey", "rgb", "flow_propagation")
"""What is encoded."""

TRAININGS = {
    "concat_area": ("grey", "--conditioning concat --mask-input area"),
    "concat_frames": ("grey", "--conditioning concat --mask-input frames"),
    "concat_flow": ("flow_propagation", "--conditioning concat --mask-input area --fill flow_propagation"),
    "concat_rgb": ("rgb", "--conditioning concat_rgb --mask-input area --region mask_and_effect"),
    "replace": ("grey", "--conditioning replace --region mask"),
}
"""By name the conditions that a training reads, and its own options."""

TRAINING = (
    "--steps 3 --save-every 3 --log-every 1 --batch-size 2 --optimizer adamw --warmup-steps 0"
    " --rank 4 --alpha 8 --learning-rate 0.001 --patch-learning-rate 0.002"
)

TABLES = {"comparison": ("method",), "metrics": ("method",), "strata": ("stratum", "value", "method")}
"""The tables that are held, and the columns that tell their rows apart."""

SPLIT_SEED = 5
"""With this seed the hash alone would put more of the 150 groups of 200 sequences into the test set than may be."""

COSTS = ("seconds", "data_wait", "peak_memory")
"""How the names begin of what differs from run to run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write the golden numbers anew, on purpose")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The numbers on disk."""
    return Golden(Path(__file__).parent / "numbers", request.config.getoption("renew_golden", default=False))


def run(command: str, *arguments: object) -> None:
    """Run one `inpaint` command."""
    line = [command, *map(str, arguments)]
    assert main(line) == 0, line


def read_frames(folder: Path) -> NDArray[np.uint8]:
    """The images of a folder, [frames, height, width, 3]."""
    return np.stack([np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)) for path in sorted(folder.iterdir())])


@dataclass(frozen=True)
class Dataset:
    """Sample sequences, audited and split."""

    root: Path

    @property
    def sequences(self) -> Path:
        return self.root / "sequences"

    @property
    def manifest(self) -> Path:
        return self.root / "audit" / "manifest.parquet"

    @property
    def split(self) -> Path:
        return self.root / "audit" / "split.tsv"

    @property
    def options(self) -> tuple[object, ...]:
        """Where it is, as commands take it."""
        return "--dataset", self.sequences, "--manifest", self.manifest, "--split-file", self.split, "--frames", FRAMES

    @property
    def tested(self) -> str:
        """The first test sequence."""
        table = pd.read_csv(self.split, sep="\t")
        return str(table["id"][table["split"] == "test"].iloc[0])


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight sequences of 17 frames of 64x48, some of them dynamic scenes, through sample, audit and split."""
    made = Dataset(tmp_path_factory.mktemp("golden"))
    few = ("--frames", FRAMES, "--workers", 1)
    run("sample", made.sequences, "--sequences", 8, "--size", f"{WIDTH}x{HEIGHT}", "--dynamic-share", 0.5, *few)
    run("audit", made.sequences, made.manifest.parent, *few)
    run("split", made.manifest, made.split, "--validation-share", 0.25, "--test-share", 0.25)
    return made


@pytest.fixture
def audit_numbers(dataset: Dataset) -> Numbers:
    """Each sequence's row of the manifest, but for the digest of its pixels, which not all CPUs draw the same."""
    numbers: Numbers = {}
    for row in pq.read_table(dataset.manifest).drop(["digest"]).to_pylist():
        name = row.pop("id")
        numbers |= named(f"{name}/coverage", statistics(row.pop("coverage"))) | named(name, row)
    return numbers


@pytest.fixture
def sample_numbers(dataset: Dataset) -> Numbers:
    """Each sequence's grey levels: of input, mask and truth."""
    numbers: Numbers = {}
    for folder in sorted(dataset.sequences.glob("*/*/")):
        frames = read_frames(folder)
        measured: Numbers = {"shape": str(frames.shape), "mean": float(frames.mean()), "std": float(frames.std())}
        numbers |= named(f"{folder.parent.name}/{folder.name}", measured)
    return numbers


@pytest.fixture
def split_numbers(dataset: Dataset, tmp_path: Path) -> Callable[[dict[str, str]], Numbers]:
    """Splits ids, given with their groups: the split of each id. All else of the manifest is a real one's."""

    def split_numbers(groups: dict[str, str]) -> Numbers:
        manifest, out = tmp_path / "manifest.parquet", tmp_path / "split.tsv"
        real = pq.read_table(dataset.manifest)
        rows = real.take([0] * len(groups)).to_pandas().assign(id=list(groups), group=list(groups.values()))
        pq.write_table(pa.Table.from_pandas(rows, real.schema, preserve_index=False), manifest)
        run("split", manifest, out, "--validation-share", 0.1, "--test-share", 0.1, "--seed", SPLIT_SEED)
        found = pd.read_csv(out, sep="\t")
        return dict(zip(found["id"], found["split"], strict=True))

    return split_numbers


@pytest.fixture(scope="session")
def latents(dataset: Dataset) -> Path:
    """The folder of the training sequences' latents, float32: <content>.safetensors, index-<condition>.parquet."""
    folder = dataset.root / "latents"
    for content in CONTENTS:
        places = ("--out", folder / f"{content}.safetensors", *dataset.options)
        kept = ("--mask-dilation", DILATION, "--latents-dtype", "float32", "--workers", 1)
        run("encode", "--content", content, *places, *WINDOWS, *FLOAT32, *kept)
    run("prompt", *FLOAT32, "--out", folder / "prompt.safetensors")
    for condition in set(CONTENTS) - {"truth"}:
        listings = ("--truths", folder / "truth.parquet", "--conditions", folder / f"{condition}.parquet")
        run("index", *listings, "--split-file", dataset.split, "--out", folder / f"index-{condition}.parquet")
    return folder


@pytest.fixture(scope="session")
def latent_numbers(latents: Path) -> Numbers:
    """What each content holds, over all windows, and the masks that training makes of the holes."""
    numbers: Numbers = {}
    for content in CONTENTS:
        tensors = load_file(latents / f"{content}.safetensors")
        for kind in sorted({name.rsplit("/", 1)[1] for name in tensors}):
            windows = [tensors[name] for name in sorted(tensors) if name.endswith(f"/{kind}")]
            stacked = torch.stack(windows).numpy()
            numbers |= named(f"{content}/{kind}", {**statistics(stacked), "shape": str(stacked.shape)})
    return numbers


@pytest.fixture(scope="session")
def mask_numbers(latents: Path) -> Numbers:
    """The holes of all windows as the model is told of them, and as the loss counts them: sums per latent frame."""
    tensors = load_file(latents / "truth.safetensors")
    packed = [tensors[name].numpy() for name in sorted(tensors) if name.endswith("/hole")]
    holes = [masks.dilate(masks.unpack(bits, WIDTH), DILATION) for bits in packed]
    numbers: Numbers = {}
    for name, found in {
        "area": torch.stack([encode_hole(hole, AREA, GEOMETRY) for hole in holes]).numpy(),
        "frames": torch.stack([encode_hole(hole, BY_FRAME, GEOMETRY) for hole in holes]).numpy(),
        "region": np.stack([masks.latent_any(hole, GEOMETRY.cell, GEOMETRY.stride) for hole in holes])[:, :, None],
    }.items():
        numbers[f"{name}/shape"] = str(found.shape)
        numbers |= named(name, statistics(found))
        for (frame, channel), total in np.ndenumerate(found.sum(axis=(0, 3, 4), dtype=np.float64)):
            numbers[f"{name}/latent frame {frame}, channel {channel}/sum"] = float(total)
    return numbers


@pytest.fixture(scope="session")
def trainings(dataset: Dataset, latents: Path) -> dict[str, Path]:
    """The folders of trainings of 3 steps, by conditioning."""
    shared = ("--prompt-file", latents / "prompt.safetensors", "--split-file", dataset.split, *WINDOWS, *FLOAT32)
    folders = {name: dataset.root / "training" / name for name in TRAININGS}
    for name, (condition, options) in TRAININGS.items():
        places = ("--index", latents / f"index-{condition}.parquet", "--out", folders[name])
        run("train", *places, *shared, "--mask-dilation", DILATION, *TRAINING.split(), *options.split())
    return folders


@pytest.fixture
def training_numbers(trainings: dict[str, Path]) -> Numbers:
    """By training and step: losses, gradient norm, learning rates."""
    numbers: Numbers = {}
    for name, folder in trainings.items():
        for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
            row = {key: value for key, value in json.loads(line).items() if not key.startswith(COSTS)}
            assert row.pop("skipped_updates") == 0
            numbers |= named(f"{name}/step {row.pop('step')}", row)
    return numbers


@pytest.fixture
def evaluation_numbers(dataset: Dataset, tmp_path: Path) -> Callable[[str], Numbers]:
    """Scores a baseline on a test sequence: by output and column the mean over the frames that have a finite value."""

    def evaluation_numbers(method: str) -> Numbers:
        out = tmp_path / f"{method}.parquet"
        run("evaluate", "--method", method, *dataset.options, *WINDOWS, "--limit", 1, "--workers", 1, "--out", out)
        numbers: Numbers = {}
        for output, frames in pd.read_parquet(out).groupby("output"):
            for column, values in frames.drop(columns="frame").select_dtypes("number").items():
                finite = values[np.isfinite(values)]
                if not str(column).startswith(COSTS):
                    numbers[f"{output}/{column}/frames"] = len(finite)
                    numbers |= {f"{output}/{column}": float(finite.mean())} if len(finite) else {}
        return numbers

    return evaluation_numbers


@pytest.fixture
def table_numbers(dataset: Dataset, tmp_path: Path) -> Numbers:
    """Cells of the tables that compare two baselines on all sequences: means, their intervals and tests, by method."""
    results = [tmp_path / f"{method}.parquet" for method in ("temporal_median", "telea")]
    for result in results:
        places = ("--method", result.stem, *dataset.options, "--out", result)
        run("evaluate", *places, *WINDOWS, "--split", "all", "--extras", "motion", "--workers", 1)
    compared = ",".join(map(str, results))
    run("tables", "--results", compared, "--manifest", dataset.manifest, "--out", tmp_path / "tables")
    numbers: Numbers = {}
    for table, key in TABLES.items():
        for row in pd.read_csv(tmp_path / "tables" / f"{table}.tsv", sep="\t").to_dict("records"):
            name = "/".join((table, *(str(row.pop(column)) for column in key)))
            cells = {str(column): cell for column, cell in row.items() if pd.notna(cell)}
            numbers |= named(name, {column: cell for column, cell in cells.items() if not column.startswith(COSTS)})
    return numbers


@dataclass(frozen=True)
class Validated:
    """What validation wrote of a checkpoint, and the adapter that `best` made of it."""

    scores: Path
    adapter: Path


@pytest.fixture(scope="session")
def validated(dataset: Dataset, trainings: dict[str, Path]) -> Validated:
    """The training on flow-propagated fills, validated with two denoising steps."""
    folder, checkpoints = dataset.root / "validation", trainings["concat_flow"] / "checkpoints"
    found = Validated(folder / "step-3.json", folder / "best")
    where = ("--checkpoint", checkpoints / "step-3", "--out", found.scores)
    run("validate", *where, *dataset.options, *FLOAT32, "--steps", 2)
    where = ("--out", folder / "best.json", "--adapter-out", found.adapter)
    run("best", "--scores", found.scores, "--checkpoints", checkpoints, *where)
    return found


@pytest.fixture
def validation_numbers(validated: Validated) -> Numbers:
    """Scores in the mask, of each sequence and on average."""
    result = json.loads(validated.scores.read_text(encoding="utf-8"))
    (scored,) = result["runs"]
    numbers: Numbers = {f"mean/{name}": found["mean"] for name, found in scored["scores"].items()}
    for sequence in scored["sequences"]:
        numbers |= named(sequence.pop("sequence"), sequence)
    return numbers


@pytest.fixture
def frame_numbers(
    dataset: Dataset, trainings: dict[str, Path], validated: Validated, tmp_path: Path
) -> Callable[..., Numbers]:
    """Inpaints a test sequence with the validated adapter, `best`, or that of a training, in two denoising steps.

    Grey levels of all frames, and of 16 tiles of three of them.
    """
    adapters = {name: folder / "checkpoints" / "step-3" / "adapter" for name, folder in trainings.items()}
    adapters["best"] = validated.adapter

    def frame_numbers(adapter: str, *options: str) -> Numbers:
        places = ("--input", dataset.sequences / dataset.tested, "--output", tmp_path / "out")
        run("run", "--adapter", adapters[adapter], *places, *FLOAT32, "--steps", 2, *options)
        frames = read_frames(tmp_path / "out")
        numbers: Numbers = {"shape": str(frames.shape), "mean": float(frames.mean()), "std": float(frames.std())}
        tiles = frames.reshape(len(frames), 4, HEIGHT // 4, 4, WIDTH // 4, 3).mean(axis=(2, 4, 5))
        for frame in (0, len(frames) // 2, len(frames) - 1):
            for (row, column), mean in np.ndenumerate(tiles[frame]):
                numbers[f"frame {frame + 1:02d}/tile {row},{column}"] = float(mean)
        return numbers

    return frame_numbers
