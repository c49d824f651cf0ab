"""The inspection cache and shards: only new and changed sequences are read, even after a kill."""

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import commands
import pytest
from inpainting.cli import main
from inpainting.stages.dataset import inspection_cache
from inpainting.stages.dataset.folder_scan import open_folders, stamp
from inpainting.stages.dataset.inspect_shard import shard_digests, shard_of
from inpainting.video.sequence import FOLDERS, frame_name

MakeSequence = Callable[..., Path]
Audit = Callable[..., int]
OUTPUTS = ("manifest.parquet", "rejected.tsv", "warnings.tsv", "summary.json")
LONG_AGO = 10**18
"""A modification time in nanoseconds that is older than MIN_AGE_NS."""


def settle(root: Path, changed: int = LONG_AGO) -> None:
    """Set the modification time of all files."""
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(changed, changed))


def read_again(caplog: pytest.LogCaptureFixture, run: Callable[[], int]) -> int:
    """How many sequences a run reads, by its log."""
    with caplog.at_level(logging.INFO):
        caplog.clear()
        assert run() == 0
    [line] = [message for message in caplog.messages if "were new or changed" in message]
    return int(line.split()[0])


def outputs(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


@pytest.fixture
def settled(root: Path, make_sequence: MakeSequence) -> Path:
    """Six sequences with modification times long ago."""
    for name in "abcdef":
        make_sequence(name)
    settle(root)
    return root


def test_an_unchanged_dataset_is_not_read_again_and_gives_the_same_bytes(
    settled: Path, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    assert read_again(caplog, lambda: audit(settled, out)) == 6
    before = outputs(out)
    assert read_again(caplog, lambda: audit(settled, out)) == 0
    assert outputs(out) == before


def test_only_new_and_changed_sequences_are_read(
    settled: Path, make_sequence: MakeSequence, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    assert audit(settled, out) == 0
    shutil.rmtree(settled / "a")
    path = settled / "b" / FOLDERS[0] / frame_name(2)
    path.write_bytes(path.read_bytes() + b"more")
    make_sequence("new")
    settle(settled / "new")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert read_again(caplog, lambda: audit(settled, out)) == 2
    assert audit(settled, tmp_path / "fresh") == 0
    assert outputs(out) == outputs(tmp_path / "fresh")


@pytest.mark.parametrize("change", ["time", "size", "name", "gone"])
def test_every_change_of_a_directory_entry_changes_the_stamp(settled: Path, change: str) -> None:
    def stamped() -> str:
        with open_folders(str(settled / "a"), 3) as scans:
            return stamp(scans)

    before, path = stamped(), settled / "a" / FOLDERS[2] / frame_name(3)
    if change == "time":
        os.utime(path, ns=(LONG_AGO, LONG_AGO + 1))
    elif change == "size":
        os.truncate(path, 40)
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    elif change == "name":
        path.rename(path.with_name(frame_name(4)))
    else:
        path.unlink()
    assert before
    assert stamped() != before


def test_a_sequence_modified_within_two_seconds_is_read_again(
    root: Path, make_sequence: MakeSequence, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_sequence("a")
    settle(root, time.time_ns())
    assert audit(root, tmp_path / "out") == 0
    assert read_again(caplog, lambda: audit(root, tmp_path / "out")) == 1


def test_after_a_change_of_settings_the_audit_equals_one_without_a_cache(
    settled: Path, audit: Audit, tmp_path: Path
) -> None:
    out, options = tmp_path / "out", ["--mask-dilation", "5", "--content-frames", "0", "--seed", "3"]
    assert audit(settled, out) == 0
    assert audit(settled, out, *options) == 0
    assert audit(settled, tmp_path / "fresh", *options) == 0
    assert outputs(out) == outputs(tmp_path / "fresh")


def cut_off(cache: Path) -> None:
    cache.write_text(cache.read_text()[:-200])


def change_a_number(cache: Path) -> None:
    text = cache.read_text()
    place = text.index('"difference_outside": ') + len('"difference_outside": ')
    cache.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])


@pytest.mark.parametrize("damage", [cut_off, change_a_number])
def test_a_damaged_inspection_cache_does_not_change_the_results(
    settled: Path, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    assert audit(settled, out) == 0
    before = outputs(out)
    [part] = (out / "inspected.cache").iterdir()
    damage(part)
    assert read_again(caplog, lambda: audit(settled, out)) > 0
    assert outputs(out) == before


def inspect_shards(root: Path, folder: Path, shards: int, *options: str) -> str:
    """Inspect all shards; returns their paths as `inpaint audit` takes them."""
    paths = [str(folder / f"{shard}.jsonl") for shard in range(shards)]
    for shard, path in enumerate(paths):
        assert main(commands.inspect(root, path, shard, shards, "--frames", "3", *options)) == 0
    return ",".join(paths)


def test_an_audit_of_shards_equals_an_audit_of_the_whole(settled: Path, audit: Audit, tmp_path: Path) -> None:
    (settled / "d" / FOLDERS[2] / frame_name(1)).unlink()
    assert audit(settled, tmp_path / "whole") == 0
    found = inspect_shards(settled, tmp_path / "shards", 3)
    assert audit(settled, tmp_path / "parts", "--inspected", found) == 0
    assert outputs(tmp_path / "parts") == outputs(tmp_path / "whole")


def test_shards_use_the_inspection_cache_of_an_earlier_audit_of_the_whole(
    settled: Path, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert audit(settled, tmp_path) == 0
    before = outputs(tmp_path)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        found = inspect_shards(settled, tmp_path / "inspected", 2)
    assert [line.split(" of ")[0] for line in caplog.messages if "new or changed" in line] == ["0", "0"]
    assert audit(settled, tmp_path, "--inspected", found) == 0
    assert outputs(tmp_path) == before


def test_incomplete_or_mixed_shards_are_refused(
    settled: Path, audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = inspect_shards(settled, tmp_path / "two", 2)
    other = inspect_shards(settled, tmp_path / "other", 1, "--mask-dilation", "7")
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("{}\n")
    for found, code, complaint in [
        (two.split(",")[0], 1, "is one of 2 shards, but 1 are given"),
        (two.replace("1.jsonl", "0.jsonl"), 1, "is in two shards"),
        (other, 1, "was inspected with other settings"),
        (str(nothing), 1, "it lacks 'digest'); give a shard of `inpaint inspect`"),
        (str(tmp_path / "gone.jsonl"), 2, "--inspected: "),
    ]:
        assert audit(settled, tmp_path / "out", "--inspected", found) == code
        assert complaint in capsys.readouterr().err


def test_a_shard_number_beyond_the_last_is_wrong_usage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(commands.inspect(root, "0.jsonl", 2, 2)) == 2
    assert "--shard: 2 is not among 2 shards" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_and_resumed_audit_writes_the_same_bytes(
    root: Path, make_sequence: MakeSequence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        make_sequence(f"{number:03}")
    settle(root)
    out, whole = tmp_path / "out", tmp_path / "whole"
    program = (
        "import inpainting.stages.dataset.inspection_cache as l; l.SAVE_INTERVAL = 0.02;"
        "from inpainting.cli import main; main({})"
    )
    options = ["--frames", "3", "--workers", "2"]
    assert main(commands.audit(root, whole, *options)) == 0
    draw = random.Random(0)
    remembered = []
    for delay in [0, *(draw.uniform(0, 0.3) for _ in range(5))]:
        code = program.replace("{}", repr(commands.audit(root, out, *options)))
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        folder = out / "inspected.cache"
        parts = len(list(folder.glob("*.jsonl")))
        while process.poll() is None and len(list(folder.glob("*.jsonl"))) == parts:
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        remembered.append(len(inspection_cache.InspectionCache(folder).known))
        made = [name for name in OUTPUTS if (out / name).exists()]
        assert [(out / name).read_bytes() for name in made] == [(whole / name).read_bytes() for name in made]
    assert remembered == sorted(remembered)
    assert any(0 < known < 300 for known in remembered)
    assert main(commands.audit(root, out, *options)) == 0
    assert outputs(out) == outputs(whole)
    assert json.loads((out / "summary.json").read_text())["sequences"] == 300


def test_a_shards_digest_changes_with_its_sequences_names(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    before = shard_digests(tmp_path, 4)
    (tmp_path / "a" / "frame").touch()
    assert shard_digests(tmp_path, 4) == before
    (tmp_path / "d").mkdir()
    after = shard_digests(tmp_path, 4)
    changed = [number for number in range(4) if before[number] != after[number]]
    assert changed == [shard_of("d", 4)]
    (tmp_path / "notes.txt").touch()
    assert all(one != other for one, other in zip(shard_digests(tmp_path, 4), after, strict=True)), "shards count these"
