"""Runs that stop and go on: to the same bits, or, with other settings, as they are told."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inpainting.cli import main, parse
from inpainting.core.files import folder_digest, read_table, write_table
from inpainting.stages.training import checkpoints
from inpainting.stages.training.preemption import AGAIN, MARGIN_SECONDS, Stop, stopped
from inpainting.stages.training.resuming import fingerprint
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.train import adapter_config

Arguments = Callable[..., list[str]]


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def lasting(out: Path) -> dict[str, bytes]:
    """All that checkpoints hold, by path."""
    folder = out / "checkpoints"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def interrupted(training_arguments: Arguments, tiny_training: Path, out: Path) -> None:
    """As a kill would leave it: the first checkpoint, some of another, rows past it and a row cut off."""
    shutil.copytree(tiny_training, out)
    shutil.rmtree(out / "checkpoints" / "step-4")
    (out / "training.json").unlink()
    shutil.copytree(out / "checkpoints" / "step-2", out / "checkpoints" / ".partial-killed" / "step-3")
    with (out / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 5, "lo')


def test_a_resumed_run_ends_bit_identical_and_repeats_no_row(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    interrupted(training_arguments, tiny_training, tmp_path / "run")
    assert main(training_arguments(tmp_path / "run")) == 0
    assert lasting(tmp_path / "run") == lasting(tiny_training)
    assert [row["step"] for row in rows(tmp_path / "run")] == [1, 2, 3, 4]
    for one, other in zip(rows(tmp_path / "run"), rows(tiny_training), strict=True):
        assert (one["loss"], one["rate_lora"]) == (other["loss"], other["rate_lora"])


def test_a_resumed_run_drops_out_what_an_uninterrupted_one_does(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--lora-dropout", "0.5", "--dora", "--targets", "attention+ff"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path / "resumed", *options)) == 0
    assert lasting(tmp_path / "resumed") == lasting(tmp_path / "whole")


def test_a_finished_run_is_not_trained_again(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    times = {path: path.stat().st_mtime_ns for path in (out / "checkpoints").rglob("*")}
    assert main(training_arguments(out)) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "checkpoints").rglob("*")} == times
    assert rows(out) == rows(tiny_training)


@pytest.mark.parametrize("option", ["--processes=2", "--shard-base", "--compile", "--keep-last=1"])
def test_a_run_may_go_on_with_another_way_to_compute_the_same(
    training_arguments: Arguments, tmp_path: Path, option: str
) -> None:
    before, now = (parse("train", training_arguments(tmp_path, *options)[1:]) for options in ([], [option]))
    assert isinstance(before, TrainCommand) and isinstance(now, TrainCommand)
    assert before != now
    assert fingerprint(before, adapter_config(before)) == fingerprint(now, adapter_config(now))


def test_checkpoints_at_other_steps_are_made_without_a_fresh_start(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    assert main(training_arguments(out, "--save-every", "3")) == 0
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-2", "step-3", "step-4"]
    changed, before = lasting(out), lasting(tiny_training)
    assert all(changed[name] == before[name] for name in before)
    assert [row["step"] for row in rows(out)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--rank", "3"], "settings.rank: 2 there, 3 now"),
        (["--learning-rate", "0.02"], "settings.learning_rate: 0.01 there, 0.02 now"),
        (["--steps", "8"], "settings.steps: 4 there, 8 now"),
        (["--mask-dilation", "7"], "adapter.masks.mask_dilation: 2 there, 7 now"),
        (["--seed", "1"], "seed: 0 there, 1 now"),
    ],
)
def test_a_run_of_other_settings_is_refused_with_the_difference(
    training_arguments: Arguments,
    tiny_training: Path,
    options: list[str],
    difference: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = folder_digest(tiny_training)
    assert main(training_arguments(tiny_training, *options)) == 1
    message = capsys.readouterr().err
    assert difference in message
    assert "targets" not in message
    assert folder_digest(tiny_training) == before


def test_a_run_on_other_latents_is_refused(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    latents = Path(shutil.copytree(tiny_results / "latents", tmp_path / "latents"))
    index = latents / "index-grey.parquet"
    write_table(index, read_table(index).iloc[1:])
    assert main(training_arguments(tiny_training, "--index", str(index))) == 1
    assert "inputs.index: " in capsys.readouterr().err


def test_a_restart_puts_the_old_run_aside_whole(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    assert main(training_arguments(out, "--seed", "1", "--on-change", "restart")) == 0
    (aside,) = (out / "previous").iterdir()
    assert folder_digest(aside) == folder_digest(tiny_training)
    assert lasting(out) != lasting(tiny_training)
    assert [row["step"] for row in rows(out)] == [1, 2, 3, 4]


def test_a_run_of_constant_rates_may_be_made_longer(training_arguments: Arguments, tmp_path: Path) -> None:
    constant = ["--schedule", "constant_with_warmup"]
    assert main(training_arguments(tmp_path / "whole", *constant, "--steps", "6")) == 0
    assert main(training_arguments(tmp_path / "longer", *constant)) == 0
    assert main(training_arguments(tmp_path / "longer", *constant, "--steps", "6")) == 0
    assert lasting(tmp_path / "longer") == lasting(tmp_path / "whole")


def steps_of(out: Path) -> list[int]:
    return [checkpoint.step for checkpoint in checkpoints.found(out / "checkpoints")]


@pytest.mark.parametrize("option", ["--rank", "--optimizer"])
def test_what_was_trained_has_to_fit_a_run_that_is_told_to_go_on(
    training_arguments: Arguments, tiny_training: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"--rank": "3", "--optimizer": "muon"}[option]
    assert main(training_arguments(tiny_training, option, value, "--on-change", "continue")) == 1
    message = capsys.readouterr().err
    assert f"settings.{option[2:]}: " in message
    assert "continue" not in message


def test_a_run_that_is_told_to_goes_on_with_other_settings_and_says_which(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    changed = ["--steps", "6", "--schedule", "constant", "--learning-rate", "0.003", "--weight-decay", "0.5"]
    assert main(training_arguments(out, *changed, "--on-change", "continue")) == 0
    assert "settings.learning_rate: 0.01 there, 0.003 now" in caplog.text
    assert [row["step"] for row in rows(out)] == [1, 2, 3, 4, 5, 6]
    assert [row["rate_lora"] for row in rows(out)[4:]] == [0.003, 0.003]
    state = checkpoints.found(out / "checkpoints")[-1].optimizer_state()["optimizer"]
    assert [group["weight_decay"] for group in state["param_groups"]] == [0.5, 0.5]
    assert state["state"][0]["step"] == 6
    assert main(training_arguments(out, *changed)) == 0


def test_more_steps_of_falling_rates_are_refused_with_the_rule(
    training_arguments: Arguments, tiny_training: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tiny_training, "--steps", "8")) == 1
    message = capsys.readouterr().err
    assert "only constant and constant_with_warmup are not changed by more steps" in message
    assert "--on-change continue" in message


@contextlib.contextmanager
def signalled_after_step(out: Path, step: int, number: signal.Signals) -> Iterator[None]:
    """Sends this process a signal when a checkpoint is there, while there is someone to handle it."""
    over, before = threading.Event(), signal.getsignal(number)

    def send() -> None:
        while not over.wait(0.002):
            if (out / "checkpoints" / f"step-{step}").exists() and signal.getsignal(number) != before:
                os.kill(os.getpid(), number)
                return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_leaves_with_75_and_the_next_run_ends_bit_identical(
    training_arguments: Arguments, tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--steps", "40", "--save-every", "10", "--ema-decay", "0.9"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    handler = signal.getsignal(number)
    with signalled_after_step(tmp_path / "run", 10, number):
        assert main(training_arguments(tmp_path / "run", *options)) == 75
    assert signal.getsignal(number) == handler
    assert f"stopped by {number.name} after step" in capsys.readouterr().err
    last = checkpoints.latest(tmp_path / "run" / "checkpoints")
    assert last is not None
    assert 10 <= last.step < 40
    assert rows(tmp_path / "run")[-1]["step"] == last.step
    assert not (tmp_path / "run" / "training.json").exists()
    assert main(training_arguments(tmp_path / "run", *options)) == 0
    assert lasting(tmp_path / "run") == lasting(tmp_path / "whole")


def test_a_time_limit_that_is_near_saves_and_leaves_and_each_run_goes_on(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2, 3):
        assert main(training_arguments(tmp_path, "--time-limit", "0.5")) == 75
        assert f"stopped by the time limit after step {step}," in capsys.readouterr().err
        assert steps_of(tmp_path)[-1] == step
    assert main(training_arguments(tmp_path, "--time-limit", "0.5")) == 0
    assert lasting(tmp_path) == lasting(tiny_training)


def test_a_time_limit_that_is_far_stops_nothing_and_is_no_other_run(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    assert main(training_arguments(tmp_path, "--time-limit", "60")) == 0
    assert lasting(tmp_path) == lasting(tiny_training)


@pytest.mark.parametrize(("seconds", "stops"), [(MARGIN_SECONDS - 1, True), (MARGIN_SECONDS + 60, False)])
def test_the_end_of_a_slurm_job_counts_as_a_time_limit(seconds: float, stops: bool) -> None:
    for limit in (None, 999.0):
        reason = Stop(limit, {"SLURM_JOB_END_TIME": str(int(time.time() + seconds))}).after_step()
        assert (reason == "the time limit") == stops
    assert Stop(None, {}).after_step() is None


def test_the_adapters_of_all_checkpoints_stay_and_the_last_ones_can_be_gone_on_from(
    training_arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--steps", "5", "--save-every", "1", "--ema-decay", "0.5", "--keep-last", "2"]
    assert main(training_arguments(tmp_path, *options)) == 0
    every = checkpoints.found(tmp_path / "checkpoints")
    assert [one.step for one in every] == [1, 2, 3, 4, 5]
    assert all(one.adapter.is_dir() for one in every)
    assert [one.step for one in every if one.optimizer.exists()] == [4, 5]
    assert [one.step for one in every if one.trained.exists()] == [4, 5]
    before = lasting(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "step-5")
    assert main(training_arguments(tmp_path, *options)) == 0
    assert lasting(tmp_path) == before
    shutil.rmtree(tmp_path / "checkpoints" / "step-2")
    assert main(training_arguments(tmp_path, *options)) == 1
    assert "none before it can be gone on from" in capsys.readouterr().err
    assert main(training_arguments(tmp_path, *options, "--on-change", "restart")) == 0
    assert lasting(tmp_path) == before


def test_of_several_trainings_those_that_were_stopped_are_told_with_what_to_do(tmp_path: Path) -> None:
    said = f"stopped by the time limit after step 7, which is saved; {AGAIN}"
    ends = {
        "stopped": f"resume after step 3\ninpaint train: {said}\n",
        "done": "4 windows\n",
        "failed": "inpaint train: step 5: the loss is not finite, on a; the last good checkpoint is none.\n",
        "gone_on": f"inpaint train: {said}\n",
    }
    (tmp_path / "logs").mkdir()
    for name, text in ends.items():
        (tmp_path / "logs" / f"train-{name}.log").write_text(text)
    for name in ("done", "gone_on"):
        (tmp_path / "training" / name).mkdir(parents=True)
        (tmp_path / "training" / name / "training.json").write_text("{}")
    assert stopped(tmp_path, [*ends, "not_begun"]) == [f"training of stopped: {said}"]


@pytest.mark.slow
def test_a_run_whose_log_is_closed_by_the_same_signal_still_saves(
    training_arguments: Arguments, tmp_path: Path
) -> None:
    options = ["--steps", "5000", "--save-every", "2000", "--log-every", "20"]
    command = [sys.executable, "-m", "inpainting.cli", *training_arguments(tmp_path, *options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        until = time.monotonic() + 600
        while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert running.stderr is not None
        running.stderr.close()
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=600) != 0
    assert steps_of(tmp_path)
