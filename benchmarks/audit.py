"""Speed of the audit, compared with bare loops over the same files, in one run on a warm cache.

    python benchmarks/audit.py                     ratios on frames of 640x480; needs 400 MB in the temporary folder
    python benchmarks/audit.py --tree 40000        audit, split and Snakemake's graph for that many sequences;
                                                   needs 1.5 GB for 40,000

Ratios are of CPU time on one core; both sides take turns. Aims: `crc` at most 1.25, `decode` 1.1; 20,000 headers and
100,000 unchanged files a second; 40,000 sequences below 1 GB of memory, the graph below 5 s.
"""

import argparse
import io
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from inpainting.core.files import write_text
from inpainting.stages.dataset.folder_scan import open_folders, stamp
from inpainting.stages.dataset.inspection import InspectedSequence, Inspection, inspect
from inpainting.stages.dataset.settings import InspectionSettings
from inpainting.video.sequence import FOLDERS, MASK, RGB, TRUTH, frame_name
from PIL import Image
from rows import report, say, take_turns

SEQUENCES, FRAMES, WIDTH, HEIGHT = 2, 100, 640, 480
REPOSITORY = Path(__file__).parents[1]


def write_dataset(root: Path) -> list[str]:
    """Sequences of a panning, noisy scene with a hole; returns the paths of all frames."""
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, WIDTH + 2 * FRAMES, 3), dtype=np.uint8), (0, 0), 4)
    wide = cv2.normalize(wide, wide, 0, 255, cv2.NORM_MINMAX)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[180:300, 200:360] = 255
    paths = []
    for number in range(SEQUENCES):
        for folder in FOLDERS:
            (root / f"{number}" / folder).mkdir(parents=True)
        for frame in range(FRAMES):
            grain = rng.integers(0, 4, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            truth = np.minimum(wide[:, 2 * frame : 2 * frame + WIDTH], 250) + grain
            images = {RGB: np.where(mask[..., None] > 0, 9, truth).astype(np.uint8), MASK: mask, TRUTH: truth}
            for folder, image in images.items():
                path = root / f"{number}" / folder / frame_name(frame + 1)
                Image.fromarray(image).save(path, compress_level=1)
                os.utime(path, ns=(10**18, 10**18))
                paths.append(str(path))
    return paths


def inspect_all(root: Path, known: dict[str, InspectedSequence], **options: object) -> dict[str, InspectedSequence]:
    """Inspect every sequence in this process."""
    settings = InspectionSettings.model_validate({"root": root, "frames": FRAMES, **options})
    names = sorted(path.name for path in root.iterdir())
    found = {name: inspect(name, known.get(name), settings) for name in names}
    return {name: entry for name, entry in found.items() if entry is not None}


def check_all(root: Path) -> None:
    """The level crc on every frame of every sequence, without looking at pixels."""
    settings = InspectionSettings(root=root, frames=FRAMES)
    for path in sorted(root.iterdir()):
        with open_folders(str(path), FRAMES) as listings:
            stamp(listings)
            inspection = Inspection(path.name, listings, settings)
            inspection.looked_at = []
            inspection.read_all()


def read_and_crc(paths: list[str]) -> None:
    """The bare loop for the level crc."""
    for path in paths:
        with open(path, "rb") as stream:  # noqa: PTH123 (the bare loop)
            zlib.crc32(stream.read())


def read_and_decode(paths: list[str]) -> None:
    """The bare loop for the level decode."""
    for path in paths:
        with open(path, "rb") as stream:  # noqa: PTH123 (the bare loop)
            Image.open(io.BytesIO(stream.read())).load()


def read_headers(paths: list[str]) -> None:
    """The bare loop for the level header: the size in each PNG's header."""
    for path in paths:
        with open(path, "rb") as stream:  # noqa: PTH123 (the bare loop)
            struct.unpack(">II", stream.read(26)[16:24])


def read_stamps(paths: list[str]) -> None:
    """The bare loop for a re-audit: size and time of each file."""
    for path in paths:
        os.stat(path)  # noqa: PTH116 (the bare loop)


def ratios(folder: Path) -> None:
    """Report the three levels and a re-audit against their bare loops."""
    root = folder / "frames"
    paths = write_dataset(root)
    size = sum(Path(path).stat().st_size for path in paths)
    say(f"{len(paths)} frames of {WIDTH}x{HEIGHT}, {size / len(paths) / 1e3:.0f} kB each; one core, CPU time")
    known = inspect_all(root, {})
    assert not inspect_all(root, known)
    levels: list[tuple[str, int, Callable[[], object], Callable[[], object], str]] = [
        (
            "header",
            9,
            lambda: inspect_all(root, {}, level="header"),
            lambda: read_headers(paths),
            "reading the headers",
        ),
        ("no change", 9, lambda: inspect_all(root, known), lambda: read_stamps(paths), "os.stat of each file"),
        ("crc", 5, lambda: check_all(root), lambda: read_and_crc(paths), "reading and crc32"),
        (
            "decode",
            3,
            lambda: inspect_all(root, {}, level="decode"),
            lambda: read_and_decode(paths),
            "Pillow's decoding",
        ),
    ]
    for level, repeats, audit, bare, what in levels:
        ours, peer = take_turns(repeats, audit, bare)
        say(f"{level:10} {len(paths) / median(ours):9,.0f} files/s, bare {len(paths) / median(peer):9,.0f}")
        shares = [one / other for one, other in zip(ours, peer, strict=True)]
        report(f"audit, {level}", shares, f"CPU time of the audit / of {what}")


def write_tree(root: Path, sequences: int) -> None:
    """Sequences of 2 frames of 16x16. All but two images are links, to save disk space."""
    rng = np.random.default_rng(0)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8, 4:8] = 255
    root.mkdir()
    Image.fromarray(mask).save(root.parent / "mask.png")
    for number in range(sequences):
        noise = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        for folder in FOLDERS:
            (root / f"{number:05d}" / folder).mkdir(parents=True)
        first = root / f"{number:05d}" / RGB / frame_name(1)
        Image.fromarray(noise).save(first)
        for folder, frame in ((RGB, 2), (TRUTH, 1), (TRUTH, 2)):
            os.link(first, root / f"{number:05d}" / folder / frame_name(frame))
        for frame in (1, 2):
            (root / f"{number:05d}" / MASK / frame_name(frame)).symlink_to(root.parent / "mask.png")


def run(what: str, command: list[str], folder: Path) -> None:
    """Run a command and print wall time, CPU time and the peak memory of the largest process so far."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", *command], check=True, cwd=folder, capture_output=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_time = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 2**20
    print(f"{what:30} {wall:7.1f} s, CPU {cpu_time:6.1f} s; largest process so far {peak:.2f} GiB", flush=True)


def tree(folder: Path, sequences: int) -> None:
    """Print time and memory of many small sequences through audit, audit again, split, and Snakemake's graph."""
    root, out = folder / "tree", folder / "results" / "dataset"
    write_tree(root, sequences)
    time.sleep(2.5)
    experiments = "experiment\toverrides\tdescription\nlora\t\t\n"
    write_text(folder / "experiments.tsv", experiments)
    config = f"""
extends: {REPOSITORY}/config/cogvideox-2b.yaml
experiments: experiments.tsv
dataset: {{root: {root}, frames: 2, audit: {{shards: 100}}}}
windows: {{window: 1, window_overlap: 0}}
"""
    write_text(folder / "config.yaml", config)
    audit = ["inpainting.cli", "audit", str(root), str(out), "--frames", "2", "--workers", str(os.cpu_count())]
    for what in ("audit", "audit again, nothing changed"):
        run(what, audit, folder)
    run("split", ["inpainting.cli", "split", str(out / "manifest.parquet"), str(out / "split.tsv")], folder)
    snakemake = ["snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "config.yaml"]
    run("graph of 100 + 200 shards", [*snakemake, "--dry-run", "--quiet", "all", "--cores", "1"], folder)


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=int, default=0, help="measure with this many small sequences instead")
    sequences = parser.parse_args().tree
    folder = Path(tempfile.mkdtemp(prefix="audit-benchmark-"))
    try:
        tree(folder, sequences) if sequences else ratios(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
