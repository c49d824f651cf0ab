"""Where metrics are logged beside metrics.jsonl: TensorBoard, and Weights & Biases, which stays offline here."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inpainting.cli import main
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

Arguments = Callable[..., list[str]]
BLOCK, WHOLE, LAST_PART = 32768, 1, 4


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep wandb from the network and from the log."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")


def logged_rows(out: Path) -> dict[int, float]:
    """The loss of every step in metrics.jsonl."""
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return {row["step"]: row["loss"] for row in rows}


def wandb_records(file: Path) -> Iterator[Record]:
    """The records of a .wandb file, which is a LevelDB log after a header of 7 bytes."""
    content, position, record = file.read_bytes(), 7, b""
    while position + 7 <= len(content):
        if (left := BLOCK - position % BLOCK) < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if position + 7 + length > len(content):
            return  # cut off by a kill
        record += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (WHOLE, LAST_PART):
            yield Record.FromString(record)
            record = b""


def wandb_losses(file: Path) -> dict[int, float]:
    """The loss of every row in a .wandb file, by its step."""
    losses = {}
    for record in wandb_records(file):
        values = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        if "training/loss" in values:
            losses[int(values["_step"])] = json.loads(values["training/loss"])
    return losses


@pytest.mark.slow
def test_after_a_kill_wandb_and_tensorboard_have_every_row_of_the_resumed_training(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = training_arguments(out, "--wandb-project", "inpainting", "--steps", "60", "--save-every", "10")
    with subprocess.Popen([sys.executable, "-m", "inpainting.cli", *arguments]) as process:
        deadline = time.monotonic() + 300
        while not (out / "checkpoints" / "step-20").is_dir() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert main(arguments) == 0
    rows = logged_rows(out)
    assert list(rows) == [*range(1, 61)]
    assert wandb_losses(max(out.glob("wandb/offline-run-*/*.wandb"))) == rows, "each once, whatever the killed one has"
    board = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in board.Scalars("training/loss")] == list(rows)


def test_rows_are_logged_to_wandb_and_a_resumed_training_continues_the_same_run(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert main(training_arguments(out, "--wandb-project", "inpainting")) == 0
    shutil.rmtree(out / "checkpoints" / "step-4")
    assert main(training_arguments(out, "--wandb-project", "inpainting")) == 0
    first, second = ([*wandb_records(file)] for file in sorted(out.glob("wandb/offline-run-*/*.wandb")))
    losses = wandb_losses(max(out.glob("wandb/offline-run-*/*.wandb")))
    rows = logged_rows(out)
    assert losses == rows
    (one,), (other,) = ([r.run for r in records if r.HasField("run")] for records in (first, second))
    assert one.project == "inpainting"
    assert one.run_id == other.run_id


def test_tensorboard_has_each_row_once_although_the_run_was_resumed(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    shutil.rmtree(out / "checkpoints" / "step-4")
    assert main(training_arguments(out)) == 0
    board = EventAccumulator(str(out / "tensorboard")).Reload()
    losses = [(event.step, event.value) for event in board.Scalars("training/loss")]
    assert losses == [(step, pytest.approx(loss)) for step, loss in logged_rows(out).items()]


def test_without_a_key_for_wandb_a_training_ends_before_it_loads_a_model(
    training_arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    assert main(training_arguments(tmp_path / "run", "--wandb-project", "inpainting")) == 2
    error = capsys.readouterr().err
    assert "--wandb-project: inpainting was given, but there is no key for Weights & Biases; run `wandb login`" in error
    assert not (tmp_path / "run").exists()


def test_a_wandb_that_can_not_be_reached_is_one_sentence(training_arguments: Arguments, tmp_path: Path) -> None:
    """In a process of its own, since wandb reads its environment once."""
    settings = {"MODE": "online", "API_KEY": 40 * "0", "BASE_URL": "http://127.0.0.1:9", "INIT_TIMEOUT": "1"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "inpainting.cli"),
            *training_arguments(tmp_path / "run", "--wandb-project", "inpainting"),
        ],
        env=os.environ | {f"WANDB_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "inpaint train: --wandb-project: Weights & Biases: " in done.stderr
