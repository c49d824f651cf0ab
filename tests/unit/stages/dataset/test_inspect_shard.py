"""What the audit remembers: nothing is read twice, shards add up to the whole, and a kill leaves no trace."""

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
"""A time of change, in nanoseconds, that has settled."""


def settle(root: Path, changed: int = LONG_AGO) -> None:
    """Give all files a time of change that lies long ago."""
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(changed, changed))


def read_again(caplog: pytest.LogCaptureFixture, run: Callable[[], int]) -> int:
    """How many sequences a run says it read."""
    with caplog.at_level(logging.INFO):
        caplog.clear()
        assert run() == 0
    [line] = [message for message in caplog.messages if "were new or changed" in message]
    return int(line.split()[0])


def outputs(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


@pytest.fixture
def settled(root: Path, make_sequence: MakeSequence) -> Path:
    """Six sequences that were last changed long ago."""
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


def test_a_changed_a_new_and_a_removed_sequence_cost_themselves(
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
def test_every_change_that_a_listing_shows_changes_the_stamp(settled: Path, change: str) -> None:
    def stamped() -> str:
        with open_folders(str(settled / "a"), 3) as listings:
            return stamp(listings)

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


def test_what_was_changed_just_now_is_read_again(
    root: Path, make_sequence: MakeSequence, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_sequence("a")
    settle(root, time.time_ns())
    assert audit(root, tmp_path / "out") == 0
    assert read_again(caplog, lambda: audit(root, tmp_path / "out")) == 1


def test_other_settings_of_the_masks_look_at_pixels_again_and_give_what_a_fresh_audit_gives(
    settled: Path, audit: Audit, tmp_path: Path
) -> None:
    out, options = tmp_path / "out", ["--mask-dilation", "5", "--content-frames", "0", "--seed", "3"]
    assert audit(settled, out) == 0
    assert audit(settled, out, *options) == 0
    assert audit(settled, tmp_path / "fresh", *options) == 0
    assert outputs(out) == outputs(tmp_path / "fresh")


def test_a_damaged_ledger_costs_time_and_nothing_else(
    settled: Path, audit: Audit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    assert audit(settled, out) == 0
    before = outputs(out)
    [part] = (out / "inspected.ledger").iterdir()
    part.write_text(part.read_text()[:-200])
    assert read_again(caplog, lambda: audit(settled, out)) > 0
    assert outputs(out) == before


def inspect_shards(root: Path, folder: Path, shards: int, *options: str) -> str:
    """Inspect all shards; returns their paths as `inpaint audit` takes them."""
    paths = [str(folder / f"{shard}.jsonl") for shard in range(shards)]
    for shard, path in enumerate(paths):
        command = ["inspect", str(root), path, "--frames", "3", "--shard", str(shard), "--shards", str(shards)]
        assert main([*command, "--workers", "1", *options]) == 0
    return ",".join(paths)


def test_shards_add_up_to_the_whole(settled: Path, audit: Audit, tmp_path: Path) -> None:
    (settled / "d" / FOLDERS[2] / frame_name(1)).unlink()
    assert audit(settled, tmp_path / "whole") == 0
    found = inspect_shards(settled, tmp_path / "shards", 3)
    assert audit(settled, tmp_path / "parts", "--inspected", found) == 0
    assert outputs(tmp_path / "parts") == outputs(tmp_path / "whole")


def test_shards_learn_from_an_audit_of_the_whole_that_came_before(
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


def test_shards_that_are_no_whole_are_refused(
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


def test_a_shard_that_there_is_not_is_wrong_usage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(root), "0.jsonl", "--shard", "2", "--shards", "2"]) == 2
    assert "--shard: 2 is not among 2 shards" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_audit_resumed_ends_with_the_bytes_of_one_that_was_not(
    root: Path, make_sequence: MakeSequence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        make_sequence(f"{number:03}")
    settle(root)
    out, whole = tmp_path / "out", tmp_path / "whole"
    program = (
        "import inpainting.stages.dataset.inspection_cache as l; l.PAUSE = 0.02;"
        "from inpainting.cli import main; main({})"
    )
    command = ["audit", str(root), "--frames", "3", "--workers", "2"]
    assert main([*command, str(whole)]) == 0
    draw = random.Random(0)
    remembered = []
    for delay in [0, *(draw.uniform(0, 0.3) for _ in range(5))]:
        code = program.replace("{}", repr([*command, str(out)]))
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        folder = out / "inspected.ledger"
        parts = len(list(folder.glob("*.jsonl")))
        while process.poll() is None and len(list(folder.glob("*.jsonl"))) == parts:
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        remembered.append(len(inspection_cache.Ledger(folder).known))
        made = [name for name in OUTPUTS if (out / name).exists()]
        assert [(out / name).read_bytes() for name in made] == [(whole / name).read_bytes() for name in made]
    assert remembered == sorted(remembered)
    assert any(0 < known < 300 for known in remembered)
    assert main([*command, str(out)]) == 0
    assert outputs(out) == outputs(whole)
    assert json.loads((out / "summary.json").read_text())["sequences"] == 300


def test_a_workflow_sees_by_a_shards_digest_which_sequences_come_and_go(tmp_path: Path) -> None:
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
