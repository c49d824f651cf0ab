"""The numbers in the files that each stage writes: what is compared with the golden numbers."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from golden_numbers import Numbers, named, statistics
from inpainting.conditioning.inputs import encode_hole
from inpainting.conditioning.mask_inputs import AREA
from inpainting.conditioning.mask_inputs import FRAMES as BY_FRAME
from inpainting.models.cogvideox_2b import COGVIDEOX_2B
from inpainting.video import masks
from numpy.typing import NDArray
from safetensors.torch import load_file

GEOMETRY = COGVIDEOX_2B.geometry

TABLES = {"comparison": ("method",), "metrics": ("method",), "strata": ("stratum", "value", "method")}
"""The tables that are compared, and the columns that identify a row."""

COSTS = ("seconds", "data_wait", "peak_memory")
"""Prefixes of the columns that differ from run to run."""

TILES = 4
"""Tiles per side whose mean grey level is taken of a frame."""


def read_frames(folder: Path) -> NDArray[np.uint8]:
    """The images of a folder, [frames, height, width, 3]."""
    return np.stack([np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)) for path in sorted(folder.iterdir())])


def level_numbers(frames: NDArray[np.uint8]) -> Numbers:
    """Shape, mean and standard deviation of grey levels."""
    return {"shape": str(frames.shape), "mean": float(frames.mean()), "std": float(frames.std())}


def sample_numbers(sequences: Path) -> Numbers:
    """Grey levels of each sequence's input, mask and truth."""
    folders = sorted(sequences.glob("*/*/"))
    found = [named(f"{path.parent.name}/{path.name}", level_numbers(read_frames(path))) for path in folders]
    return {name: value for numbers in found for name, value in numbers.items()}


def audit_numbers(manifest: Path) -> Numbers:
    """Each sequence's row of the manifest, except the digest of its pixels, which not all CPUs draw the same."""
    numbers: Numbers = {}
    for row in pq.read_table(manifest).drop(["digest"]).to_pylist():
        name = row.pop("id")
        numbers |= named(f"{name}/coverage", statistics(row.pop("coverage"))) | named(name, row)
    return numbers


def split_numbers(split: Path) -> Numbers:
    """The split of each sequence."""
    table = pd.read_csv(split, sep="\t")
    return dict(zip(table["id"], table["split"], strict=True))


def latent_numbers(shards: dict[str, Path]) -> Numbers:
    """Statistics of each kind of tensor over all windows, by content of the shards."""
    numbers: Numbers = {}
    for content, shard in shards.items():
        tensors = load_file(shard)
        for kind in sorted({name.rsplit("/", 1)[1] for name in tensors}):
            found = [tensors[name].numpy() for name in sorted(tensors) if name.endswith(f"/{kind}")]
            if kind == "hole":
                found = [np.packbits(masks.unpack(packed), axis=-1) for packed in found]
            stacked = np.stack(found)
            numbers |= named(f"{content}/{kind}", {**statistics(stacked), "shape": str(stacked.shape)})
    return numbers


def mask_numbers(truths: Path, width: int, dilation: int) -> Numbers:
    """The mask inputs and the loss region of all windows of a shard: sums per latent frame and channel."""
    tensors = load_file(truths)
    packed = [tensors[name].numpy() for name in sorted(tensors) if name.endswith("/hole")]
    holes = [masks.dilate(masks.unpack(bits, width), dilation) for bits in packed]
    numbers: Numbers = {}
    for name, found in {
        "area": torch.stack([encode_hole(hole, AREA, GEOMETRY) for hole in holes]).numpy(),
        "frames": torch.stack([encode_hole(hole, BY_FRAME, GEOMETRY) for hole in holes]).numpy(),
        "region": np.stack(
            [masks.latent_any(hole, GEOMETRY.spatial_factor, GEOMETRY.temporal_factor) for hole in holes]
        )[:, :, None],
    }.items():
        numbers[f"{name}/shape"] = str(found.shape)
        numbers |= named(name, statistics(found))
        for (frame, channel), total in np.ndenumerate(found.sum(axis=(0, 3, 4), dtype=np.float64)):
            numbers[f"{name}/latent frame {frame}, channel {channel}/sum"] = float(total)
    return numbers


def training_numbers(trainings: dict[str, Path]) -> Numbers:
    """Losses, gradient norm and learning rates by training and step."""
    numbers: Numbers = {}
    for name, folder in trainings.items():
        for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
            row = {key: value for key, value in json.loads(line).items() if not key.startswith(COSTS)}
            assert row.pop("skipped_updates") == 0
            numbers |= named(f"{name}/step {row.pop('step')}", row)
    return numbers


def evaluation_numbers(scores: Path) -> Numbers:
    """By output and column the mean over the frames that have a finite score, and how many these are."""
    numbers: Numbers = {}
    for output, frames in pd.read_parquet(scores).groupby("output"):
        for column, values in frames.drop(columns="frame").select_dtypes("number").items():
            finite = values[np.isfinite(values)]
            if not str(column).startswith(COSTS):
                numbers[f"{output}/{column}/frames"] = len(finite)
                numbers |= {f"{output}/{column}": float(finite.mean())} if len(finite) else {}
    return numbers


def table_numbers(tables: Path) -> Numbers:
    """Means, intervals and tests in the tables, by method."""
    numbers: Numbers = {}
    for table, key in TABLES.items():
        for row in pd.read_csv(tables / f"{table}.tsv", sep="\t").to_dict("records"):
            name = "/".join((table, *(str(row.pop(column)) for column in key)))
            cells = {str(column): cell for column, cell in row.items() if pd.notna(cell)}
            numbers |= named(name, {column: cell for column, cell in cells.items() if not column.startswith(COSTS)})
    return numbers


def validation_numbers(scores: Path) -> Numbers:
    """Scores in the mask: of each sequence, and their means."""
    result = json.loads(scores.read_text(encoding="utf-8"))
    (scored,) = result["runs"]
    numbers: Numbers = {f"mean/{name}": found["mean"] for name, found in scored["scores"].items()}
    for sequence in scored["sequences"]:
        numbers |= named(sequence.pop("sequence"), sequence)
    return numbers


def frame_numbers(folder: Path) -> Numbers:
    """Grey levels of all frames, and of the tiles of the first, the middle and the last one."""
    frames = read_frames(folder)
    height, width = (side // TILES for side in frames.shape[1:3])
    numbers = level_numbers(frames)
    tiles = frames.reshape(len(frames), TILES, height, TILES, width, 3).mean(axis=(2, 4, 5))
    for frame in (0, len(frames) // 2, len(frames) - 1):
        for (row, column), mean in np.ndenumerate(tiles[frame]):
            numbers[f"frame {frame + 1:02d}/tile {row},{column}"] = float(mean)
    return numbers
