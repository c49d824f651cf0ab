"""Which jobs a finished run repeats: none if nothing changed, and for new or changed sequences only these."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import commands
import numpy as np
import pytest
from inpainting.cli import main
from inpainting.core.files import folder_digest, read_table
from inpainting.stages.dataset.split import position
from inpainting.video.sequence import RGB, frame_name
from PIL import Image
from snakemake_runs import configure

ROOT = Path(__file__).parents[2]
SEED = 0
BY_PLACE = sorted((f"clip-{number}" for number in range(8)), key=lambda name: position(SEED, name))
"""Names of sequences in the order in which the split places them: first the test set, then validation, then train."""
NEW_FOR_TEST, NEW_FOR_TRAIN = BY_PLACE[1], BY_PLACE[6]
OLD_OF_TEST = BY_PLACE[0]


def snakemake(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the folder's own copy of the workflow."""
    code = folder / "code"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(code / "Snakefile"), "--directory", str(folder)]
    command += ["--workflow-profile", str(code / "workflow" / "profiles" / "default")]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "2", *options]
    environment = {**os.environ, "PYTHONPATH": str(code / "workflow")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def planned(folder: Path, *options: str) -> set[str]:
    """The rules that a run would run."""
    printed = snakemake(folder, "--dry-run", *options)
    return set(re.findall(r"^(?:local)?rule (\w+):", printed.stdout + printed.stderr, re.MULTILINE))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A finished run of one training on six sequences, by its own copy of the workflow; two more lie beside them."""
    folder = tmp_path_factory.mktemp("small")
    assert main(commands.command("sample", folder / "made", sequences=8, frames=9, size="32x32", workers=1)) == 0
    for made, name in zip(sorted((folder / "made").glob("?" * 16)), BY_PLACE, strict=True):
        shutil.move(made, folder / ("more" if name in (NEW_FOR_TEST, NEW_FOR_TRAIN) else "sequences") / name)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "workflow", folder / "code" / "workflow", ignore=ignored)
    for name in ("Snakefile", "config"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / "code" / name)
    (folder / "experiments.tsv").write_text("experiment\toverrides\tdescription\nlora\t\t\n")
    configure(
        folder,
        seed=SEED,
        experiments="experiments.tsv",
        model={"base": str(tiny_base), "device": "cpu"},
        windows={"window": 9},
        dataset={"root": "sequences", "frames": 9, "split": {"test_share": 0.2, "validation_share": 0.15}},
        training={"steps": 1, "warmup_steps": 0, "rank": 2, "alpha": 2, "batch_size": 1},
        validation={"steps": 1},
        evaluation={"steps": 1, "methods": ["telea"], "examples": 1, "extras": []},
        report={"examples": 1},
    )
    snakemake(folder)
    return folder


def touch(paths: Iterable[Path]) -> None:
    """Give paths new times, later ones later times."""
    for number, path in enumerate(paths, start=1):
        os.utime(path, (time.time() + number / 1000,) * 2)


def touch_dataset(folder: Path) -> None:
    touch([folder / "sequences"])


def touch_results(folder: Path) -> None:
    """All outputs, so that what was made first is the newest: every job's inputs are newer than its outputs."""
    touch(sorted((folder / "results").rglob("*"), key=lambda path: path.stat().st_mtime_ns, reverse=True))


def edit_code(folder: Path) -> None:
    for path in (folder / "code" / "workflow" / "inpainting").rglob("*.py"):
        path.write_text(path.read_text() + "\n# A remark.\n")
    for path in (folder / "code" / "workflow" / "rules").glob("*.smk"):
        path.write_text(path.read_text().replace(" 2>&1 | tee", "  2>&1 | tee"))


def touch_code(folder: Path) -> None:
    touch((folder / "code").rglob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("change", [touch_dataset, touch_results, edit_code, touch_code])
def test_changes_without_new_content_repeat_no_job(small: Path, change: Callable[[Path], None]) -> None:
    assert (small / "results" / "report.html").is_file()
    change(small)
    assert planned(small) == set()


def log_of(folder: Path, job: str) -> str:
    return (folder / "results" / "logs" / f"{job}.log").read_text()


def new_or_changed(folder: Path, job: str, content: str = "") -> tuple[int, int]:
    """How many of a job's sequences it made anew, and of how many; content: of the latents."""
    counts = r"(\d+) of (\d+) sequences (?:are|were) new or changed"
    found = re.search(f"{content}: {counts}" if content else counts, log_of(folder, job))
    assert found is not None, log_of(folder, job)
    return int(found[1]), int(found[2])


def kept(folder: Path) -> dict[str, str]:
    """Digests of what new or changed test sequences have no part in."""
    results = folder / "results"
    files = ["training/lora/training.json", "validation/lora/step-1.json", "validation/lora/best.json"]
    digests = {name: (results / name).read_text() for name in files}
    return digests | {
        name: folder_digest(results / name) for name in ("training/lora/checkpoints", "validation/lora/best")
    }


@pytest.mark.slow
def test_only_new_and_changed_sequences_are_processed(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "run"))
    before = kept(folder)
    for name in (NEW_FOR_TEST, NEW_FOR_TRAIN):
        shutil.move(folder / "more" / name, folder / "sequences" / name)
    assert {"inspect", "encode", "evaluate_experiment"} <= planned(folder)
    tables = "results/tables/summary.json"
    snakemake(folder, tables)
    split = read_table(folder / "results" / "dataset" / "split.tsv").set_index("id")["split"]
    assert (split[NEW_FOR_TEST], split[NEW_FOR_TRAIN]) == ("test", "train")
    assert new_or_changed(folder, "inspect-0") == (2, 8)
    assert new_or_changed(folder, "encode-0", "truth") == new_or_changed(folder, "encode-0", "grey") == (1, 5)
    assert new_or_changed(folder, "validate-lora-1") == (0, 1)
    for method in ("lora", "telea"):
        assert new_or_changed(folder, f"evaluate-{method}") == (1, 2)
    assert "the data has changed since this training (1 sequences are new, 0 are gone)" in log_of(folder, "train-lora")
    for job in ("train-lora", "validate-lora-1"):
        assert "VAE in" not in log_of(folder, job) and "transformer" not in log_of(folder, job)
    assert kept(folder) == before
    assert planned(folder, tables) == set()

    frame = folder / "sequences" / OLD_OF_TEST / RGB / frame_name(5)
    pixels = np.array(Image.open(frame))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(frame)
    os.utime(frame, (time.time() - 100,) * 2)  # long enough ago that it can be trusted to be the last change
    snakemake(folder, tables, "--forcerun", "inspect")
    assert new_or_changed(folder, "inspect-0") == (1, 8)
    assert new_or_changed(folder, "encode-0", "truth") == new_or_changed(folder, "encode-0", "grey") == (0, 5)
    assert new_or_changed(folder, "validate-lora-1") == (0, 1)
    for method in ("lora", "telea"):
        assert new_or_changed(folder, f"evaluate-{method}") == (1, 2)
    assert kept(folder) == before


@pytest.mark.slow
def test_a_new_condition_source_is_encoded_alone_and_one_less_repeats_no_job(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "run"))
    one = (folder / "experiments.tsv").read_text()
    (folder / "experiments.tsv").write_text(f"{one}filled\tfill=telea\t\n")
    indexes = [f"results/latents/index-{source}.parquet" for source in ("grey", "telea")]
    before = [folder_digest(folder / "results" / "latents" / "truth"), (folder / indexes[0]).read_bytes()]
    assert planned(folder, *indexes) == {"encode", "index"}
    snakemake(folder, *indexes)
    counts = {content: new_or_changed(folder, "encode-0", content) for content in ("truth", "grey", "telea")}
    assert counts == {"truth": (0, 4), "grey": (0, 4), "telea": (4, 4)}
    assert [folder_digest(folder / "results" / "latents" / "truth"), (folder / indexes[0]).read_bytes()] == before
    assert planned(folder, *indexes) == set()
    (folder / "experiments.tsv").write_text(one)
    assert planned(folder, indexes[0]) == set()
