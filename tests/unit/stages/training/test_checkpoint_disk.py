"""Whether there is room for the checkpoints of a training, and waiting for it."""

import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from inpainting.core.disk import free_bytes
from inpainting.models.shapes import read_base
from inpainting.stages.training.checkpoint_disk import (
    CheckpointBytes,
    CheckpointDisk,
    checkpoint_bytes,
    wait_for_space,
)
from inpainting.stages.training.settings import TrainSettings

GIB = 2**30


def test_a_training_is_warned_of_a_disk_without_room_for_its_checkpoints(
    tiny_base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    training = TrainSettings(steps=20_000, save_every=2)
    size = checkpoint_bytes(read_base(str(tiny_base)), training, (3, 4, 4))
    CheckpointDisk(tmp_path / "none" / "yet", training, size).warn_if_small(19_000)
    assert not caplog.text
    disk = CheckpointDisk(tmp_path, training, replace(size, adapter=free_bytes(tmp_path) // 2))
    disk.warn_if_small(0)
    assert "the next 10000 checkpoints need " in caplog.text
    caplog.clear()
    disk.warn_if_small(19_999)
    disk.warn_if_small(20_000)
    assert not caplog.text


def test_only_the_last_checkpoints_need_room_to_resume_from(
    tiny_training: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(tiny_training / "checkpoints", tmp_path / "checkpoints"))  # those of steps 2 and 4
    each = CheckpointBytes(adapter=0, resume=int(free_bytes(tmp_path) * 0.4), probe=0)
    CheckpointDisk(folder, TrainSettings(steps=100, save_every=2, keep_last=3), each).warn_if_small(4)
    assert not caplog.text
    CheckpointDisk(folder, TrainSettings(steps=100, save_every=2, keep_last=4), each).warn_if_small(4)
    assert "the next 48 checkpoints need " in caplog.text


def test_waiting_for_space_ends_when_there_is_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filled = tmp_path / "filled"
    with filled.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, GIB)
    removing = threading.Timer(0.3, filled.unlink)
    removing.start()
    caplog.set_level("INFO")
    wait_for_space(tmp_path / "checkpoints", free_bytes(tmp_path) + GIB // 2, 10.0, stopping=lambda: False)
    removing.join()
    assert "the disk is full" in caplog.text
    assert "there is room again" in caplog.text


def test_waiting_for_space_ends_with_its_minutes_or_when_training_has_to_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = time.monotonic()
    wait_for_space(tmp_path, 2**62, 0.0, stopping=lambda: False)
    assert not caplog.text
    wait_for_space(tmp_path, 2**62, 0.1 / 60, stopping=lambda: False)
    assert time.monotonic() - start >= 0.1
    wait_for_space(tmp_path, 2**62, 1e6, stopping=lambda: True)
    assert "room again" not in caplog.text
