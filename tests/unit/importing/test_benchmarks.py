"""docs/benchmarks.md: its commands, run as they are written on tiny trees of the benchmarks' layouts."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.scores import read_results
from inpainting.cli import main, parse
from inpainting.video import sequence
from PIL import Image

from .conftest import scene, write_folder, write_video

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    \.venv/bin/inpaint (.*)$", PAGE, re.MULTILINE)
FRAMES, SIZE = 9, (40, 36)

PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0]
"""DAVIS': object 1 dark red, object 2 dark green."""

Type = Callable[[str], int]


def objects(frames: int) -> np.ndarray:
    """Numbers of two objects, uint8 [frames, height, width]."""
    numbers = np.zeros((frames, SIZE[1], SIZE[0]), np.uint8)
    numbers[:, 4:12, 6:16] = 1
    numbers[:, 20:30, 24:34] = 2
    return numbers


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    """DAVIS/ with the clips bear, boat, cat and, shorter than the others, dog."""
    root = tmp_path / "DAVIS"
    for seed, (name, frames) in enumerate({"bear": FRAMES, "boat": FRAMES, "cat": FRAMES, "dog": 5}.items()):
        folder = root / "JPEGImages" / "480p" / name
        folder.mkdir(parents=True)
        for number, frame in enumerate(scene(seed, frames, SIZE)):
            Image.fromarray(frame).save(folder / f"{number:05d}.jpg", quality=95)
        masks = root / "Annotations" / "480p" / name
        masks.mkdir(parents=True)
        for number, indices in enumerate(objects(frames)):
            image = Image.fromarray(indices, mode="P")
            image.putpalette(PALETTE)
            image.save(masks / f"{number:05d}.png")
    return root


@pytest.fixture
def type_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_base: Path) -> Type:
    """Run the page's line that holds some words, below an empty folder, at a size that the tiny base can take."""
    monkeypatch.chdir(tmp_path)

    def run(words: str) -> int:
        line = next(line for line in LINES if words in line)
        line = re.sub(r"--frames \d+", f"--frames {FRAMES}", line).replace("640x480", "32x32")
        step, *options = shlex.split(line)
        if step in {"evaluate", "run"}:
            options += ["--base", str(tiny_base), "--device", "cpu", "--steps", "2"]
        return main([step, *options, *(["--window", "9"] if step == "evaluate" else [])])

    return run


@pytest.mark.parametrize("line", LINES)
def test_every_command_of_the_page_is_understood(line: str) -> None:
    step, *options = shlex.split(line)
    parse(step, options)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", PAGE))))
def test_what_the_page_links_to_is_there(target: str) -> None:
    assert target.startswith("http") or (ROOT / "docs" / target).exists()


@pytest.mark.slow
def test_davis_with_made_masks_from_import_to_the_table_of_scores(
    davis: Path, type_in: Type, tiny_training: Path, tmp_path: Path
) -> None:
    shutil.copytree(
        tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "results" / "validation" / "lora" / "best"
    )
    assert type_in("import --davis DAVIS --make-masks") == 1
    rows = pd.read_csv("data/davis/import.tsv", sep="\t").set_index("clip")
    assert dict(rows["verdict"]) == {"bear": "made", "boat": "made", "cat": "made", "dog": "refused"}
    assert "has 5 frames, fewer than the 9 of --frames" in str(rows.loc["dog", "reason"])
    steps = ("audit", "split results", "--method adapter", "--method flow_propagation", "--out results/davis/tables")
    for words in steps:
        assert type_in(words) == 0, words
    comparison = pd.read_csv("results/davis/tables/comparison.tsv", sep="\t").set_index("method")
    assert set(comparison.index) == {"mine", "flow_propagation"}
    assert (comparison["sequences"] == 3).all() and comparison["psnr_mask"].between(1, 60).all()
    scored = read_results(Path("results/davis/mine.parquet")).frames
    assert set(scored["sequence"]) == {"bear_00001", "boat_00001", "cat_00001"}


def test_davis_objects_become_masks_whatever_their_number_and_nothing_is_scored(
    davis: Path, type_in: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type_in("--out data/davis-objects") == 0
    mask = sequence.read_mask(Path("data/davis-objects/bear"), 0, FRAMES)
    assert mask[:, 6, 10].all() and mask[:, 22, 25].all() and not mask[:, 1, 1].any()
    assert main(commands.audit("data/davis-objects", "results", "--frames", "5")) == 0
    assert main(commands.split("results/manifest.parquet", "results/split.tsv")) == 1
    error = capsys.readouterr().err
    assert "4 of 4 sequences were rejected (missing_folder 4), none is left" in error and "Traceback" not in error


@pytest.mark.slow
def test_a_real_object_is_removed(davis: Path, type_in: Type, tiny_training: Path, tmp_path: Path) -> None:
    shutil.copytree(
        tiny_training / "checkpoints" / "step-4" / "adapter", tmp_path / "results" / "validation" / "lora" / "best"
    )
    assert type_in("--out data/davis-objects") == 0
    assert type_in("run --adapter") == 0
    assert Path("bear.mp4").stat().st_size > 0


def prove(root: Path) -> None:
    """Three folders of videos of the same names; the truth differs from the input within the mask."""
    mask = np.where(objects(FRAMES) == 1, np.uint8(255), np.uint8(0))
    for seed in range(2):
        truth = scene(seed, FRAMES, SIZE)
        rgb = np.where(mask[..., None] > 0, np.uint8(255), truth)
        for folder, frames in (("inputs", rgb), ("masks", mask), ("truths", truth)):
            write_video(root / folder / f"{seed:03d}.mp4", frames)


def test_prove_videos_are_paired_by_file_name_with_masks_and_truths(type_in: Type, tmp_path: Path) -> None:
    prove(tmp_path / "PROVE-M")
    assert type_in("import --videos PROVE-M/inputs") == 0
    for name in ("000_00001", "001_00001"):
        folder = Path("data/prove-m") / name
        assert all(len(list((folder / kind).iterdir())) == FRAMES for kind in sequence.FOLDERS)
        mask = sequence.read_mask(folder, 0, FRAMES)
        assert set(np.unique(mask)) == {0, 255} and 0.03 < (mask > 0).mean() < 0.1


def test_clips_of_vpbench_are_their_own_truth(type_in: Type, tmp_path: Path) -> None:
    root = tmp_path / "VPBench" / "davis"
    write_folder(root / "JPEGImages_432_240" / "bear", scene(0, FRAMES, SIZE))
    write_folder(root / "test_masks" / "bear", np.where(objects(FRAMES) == 1, np.uint8(255), np.uint8(0)))
    shell = re.findall(
        r"^    ((?:cd|printf|for) .*)$", PAGE.partition("## VPBench")[2].partition("##")[0], re.MULTILINE
    )
    subprocess.run("\n".join(shell), shell=True, check=True)
    assert type_in("data/vpbench-davis") == 0
    folder = Path("data/vpbench-davis/bear_00001")
    rgb, truth = (read(folder, 0, FRAMES) for read in (sequence.read_rgb, sequence.read_truth))
    assert rgb.shape == (FRAMES, 240, 432, 3) and np.array_equal(rgb, truth)
    assert sequence.read_mask(folder, 0, FRAMES).max() == 255


def test_videos_of_rose_are_paired_with_masks_and_truths(type_in: Type, tmp_path: Path) -> None:
    prove(tmp_path / "ROSE-Bench")
    assert type_in("--out data/rose") == 0
    assert sorted(path.name for path in Path("data/rose").glob("*_00001")) == ["000_00001", "001_00001"]


def test_a_table_pairs_what_names_do_not(type_in: Type, tmp_path: Path) -> None:
    prove(tmp_path / "PROVE-M")
    columns = ("inputs", "masks", "truths")
    lines = ["\t".join(["name", "video", "mask", "truth"])]
    lines += ["\t".join(["scene", *(f"{folder}/000.mp4" for folder in columns)])]
    (tmp_path / "PROVE-M" / "clips.tsv").write_text("\n".join(lines) + "\n")
    assert type_in("import --table") == 0
    assert [path.name for path in Path("data/prove-m").glob("scene*")] == ["scene_00001"]


def test_annotations_of_the_first_frame_alone_are_no_mask_for_all(davis: Path, type_in: Type) -> None:
    masks = davis / "Annotations" / "480p" / "cat"
    for mask in sorted(masks.iterdir())[1:]:
        mask.unlink()
    assert type_in("--out data/davis-objects") == 1
    rows = pd.read_csv("data/davis-objects/import.tsv", sep="\t").set_index("clip")
    assert f"has 1 masks for the {FRAMES} frames" in str(rows.loc["cat", "reason"])


def test_a_folder_of_frames_and_a_folder_of_masks_are_a_clip(tmp_path: Path) -> None:
    frames = write_folder(tmp_path / "frames", scene(0, FRAMES, SIZE))
    masks = write_folder(tmp_path / "masks", objects(FRAMES))
    options = ["--videos", frames, "--masks", masks, "--mask-threshold", "1"]
    assert main(commands.import_clips(tmp_path / "out", *options)) == 0
    assert np.array_equal(sequence.read_mask(tmp_path / "out" / "frames", 0, FRAMES) > 0, objects(FRAMES) > 0)
