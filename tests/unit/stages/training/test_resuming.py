"""Runs that stop and go on: to the same bits, or, with other settings, as they are told."""

import contextlib
import json
import os
import re
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
from inpainting.artifacts.checkpoint_state import STATE_FILE, read_state
from inpainting.cli import main, parse
from inpainting.core.files import folder_digest, read_table, write_table
from inpainting.stages.training import checkpoints
from inpainting.stages.training.preemption import MARGIN_SECONDS, Stop, remove_marker, sentence, stopped, write_marker
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
    assert fingerprint(before, adapter_config(before), {}) == fingerprint(now, adapter_config(now), {})


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
        (["--rank", "3"], "rank: 2 before, 3 now"),
        (["--learning-rate", "0.02"], "learning_rate: 0.01 before, 0.02 now"),
        (["--steps", "8"], "steps: 4 before, 8 now"),
        (["--mask-dilation", "7"], "mask_dilation: 2 before, 7 now"),
        (["--seed", "1"], "seed: 0 before, 1 now"),
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
    assert message.count(difference) == 1
    assert "targets" not in message
    assert "training.on_change: restart (--on-change restart), which puts the old run aside" in message
    assert folder_digest(tiny_training) == before


def without_a_sequence(results: Path, folder: Path) -> tuple[Path, str]:
    """An index in which one of the training sequences is absent, and its name."""
    index = Path(shutil.copytree(results / "latents", folder / "latents")) / "index-grey.parquet"
    table = read_table(index)
    name = str(table.loc[table["split"] == "train", "sequence"].iloc[0])
    write_table(index, table[table["sequence"] != name])
    return index, name


def test_an_unfinished_run_on_other_data_is_refused(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index, _ = without_a_sequence(tiny_results, tmp_path)
    interrupted(training_arguments, tiny_training, tmp_path / "run")
    before = lasting(tmp_path / "run")
    assert main(training_arguments(tmp_path / "run", "--index", str(index))) == 1
    message = capsys.readouterr().err
    assert re.search(r"\(index: \w{10} before, \w{10} now\)", message)
    assert "training.on_change: continue" in message and "training.on_change: restart" in message
    assert {name: content for name, content in before.items() if "partial" not in name} == lasting(tmp_path / "run")


@pytest.mark.parametrize("on_change", ["refuse", "continue", "restart"])
def test_a_training_that_is_done_stays_so_when_there_are_other_sequences_and_says_it(
    training_arguments: Arguments,
    tiny_results: Path,
    tmp_path: Path,
    on_change: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "run"
    index, _ = without_a_sequence(tiny_results, tmp_path)
    assert main(training_arguments(out, "--index", str(index))) == 0
    summary, before = (out / "training.json").read_bytes(), lasting(out)
    (out / "training.json").unlink()  # as Snakemake does before it repeats a job
    assert main(training_arguments(out, "--on-change", on_change)) == 0
    assert lasting(out) == before
    assert (out / "training.json").read_bytes() == summary
    assert "the data has changed since this training (1 sequences are new, 0 are gone)" in caplog.text
    assert f"move {out} away" in caplog.text
    assert not (out / "previous").exists()


def test_a_training_whose_sequences_are_held_out_by_now_is_refused(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index, name = without_a_sequence(tiny_results, tmp_path)
    split = read_table(tiny_results / "audit" / "split.tsv")
    split.loc[split["id"] == name, "split"] = "test"
    write_table(tmp_path / "split.tsv", split)
    changed = ["--index", str(index), "--split-file", str(tmp_path / "split.tsv")]
    assert main(training_arguments(tiny_training, *changed)) == 1
    assert f"split: {name} for training before, for validation or test now" in capsys.readouterr().err
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    longer = [*changed, "--steps", "6"]
    assert main(training_arguments(out, *longer, "--on-change", "continue")) == 0
    assert main(training_arguments(out, *longer)) == 0, "it was told to go on"


def test_latents_of_other_settings_are_told_by_name(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    last = out / "checkpoints" / "step-4"
    state = read_state(last)
    assert state.fingerprint["latents"]["truth"]["latents_dtype"] == "float16"
    state.fingerprint["latents"]["truth"]["latents_dtype"] = "float32"
    state.write(last / STATE_FILE)
    assert main(training_arguments(out)) == 1
    assert "latents_dtype: float32 before, float16 now" in capsys.readouterr().err


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
    value = {"--rank": "3", "--optimizer": "prodigy"}[option]
    rates = ["--learning-rate", "1", "--patch-learning-rate", "1"] if value == "prodigy" else []
    assert main(training_arguments(tiny_training, option, value, *rates, "--on-change", "continue")) == 1
    message = capsys.readouterr().err
    assert f"{option[2:]}: " in message
    assert "continue" not in message


def test_a_run_that_is_told_to_goes_on_with_other_settings_and_says_which(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    changed = ["--steps", "6", "--schedule", "constant", "--learning-rate", "0.003", "--weight-decay", "0.5"]
    assert main(training_arguments(out, *changed, "--on-change", "continue")) == 0
    assert "learning_rate: 0.01 before, 0.003 now" in caplog.text
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
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
        assert json.loads((tmp_path / "stopped.json").read_text()) == {"step": step, "reason": "the time limit"}
    assert main(training_arguments(tmp_path, "--time-limit", "0.5")) == 0
    assert not (tmp_path / "stopped.json").exists()
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
    for name in ("stopped", "gone_on"):
        write_marker(tmp_path / name, 7, "the time limit")
    remove_marker(tmp_path / "gone_on")
    told = sentence(7, "the time limit")
    assert told.startswith("stopped by the time limit after step 7, which is saved")
    assert stopped(tmp_path, ["stopped", "gone_on", "not_begun"]) == [f"training of stopped: {told}"]


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
