"""What a run resumes from: its own checkpoints, to the same bits, or those of other settings or data, if allowed."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import remove_sums
from inpainting.artifacts.checkpoint_state import STATE_FILE, read_state
from inpainting.cli import main, parse
from inpainting.core.files import folder_digest, read_table, write_table
from inpainting.stages.training import checkpoints
from inpainting.stages.training.resuming import fingerprint
from inpainting.stages.training.running import LOCK_FILE
from inpainting.stages.training.settings import TrainCommand
from inpainting.stages.training.train import adapter_config
from trainings import checkpoint_files, metrics_rows

Arguments = Callable[..., list[str]]


def write_interrupted_run(training_arguments: Arguments, tiny_training: Path, out: Path) -> None:
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
    write_interrupted_run(training_arguments, tiny_training, tmp_path / "run")
    assert main(training_arguments(tmp_path / "run")) == 0
    assert checkpoint_files(tmp_path / "run") == checkpoint_files(tiny_training)
    assert [row["step"] for row in metrics_rows(tmp_path / "run")] == [1, 2, 3, 4]
    for one, other in zip(metrics_rows(tmp_path / "run"), metrics_rows(tiny_training), strict=True):
        assert (one["loss"], one["rate_lora"]) == (other["loss"], other["rate_lora"])


def test_a_resumed_run_has_the_dropout_of_an_uninterrupted_one(training_arguments: Arguments, tmp_path: Path) -> None:
    options = ["--lora-dropout", "0.5", "--dora", "--targets", "attention+ff"]
    assert main(training_arguments(tmp_path / "whole", *options)) == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "step-4")
    assert main(training_arguments(tmp_path / "resumed", *options)) == 0
    assert checkpoint_files(tmp_path / "resumed") == checkpoint_files(tmp_path / "whole")


def test_a_finished_run_is_not_trained_again(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    times = {path: path.stat().st_mtime_ns for path in (out / "checkpoints").rglob("*")}
    assert main(training_arguments(out)) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "checkpoints").rglob("*")} == times
    assert metrics_rows(out) == metrics_rows(tiny_training)


@pytest.mark.parametrize("option", ["--processes=2", "--shard-base", "--compile", "--keep-last=1"])
def test_a_run_may_be_resumed_with_other_execution_settings(
    training_arguments: Arguments, tmp_path: Path, option: str
) -> None:
    before, now = (parse("train", training_arguments(tmp_path, *options)[1:]) for options in ([], [option]))
    assert isinstance(before, TrainCommand) and isinstance(now, TrainCommand)
    assert before != now
    assert fingerprint(before, adapter_config(before), {}) == fingerprint(now, adapter_config(now), {})


def test_another_save_every_adds_checkpoints_without_a_restart(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    assert main(training_arguments(out, "--save-every", "3")) == 0
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-2", "step-3", "step-4"]
    changed, before = checkpoint_files(out), checkpoint_files(tiny_training)
    assert all(changed[name] == before[name] for name in before)
    assert [row["step"] for row in metrics_rows(out)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--rank", "3"], "rank: 2 before, 3 now"),
        (["--learning-rate", "0.02"], "learning_rate: 0.01 before, 0.02 now"),
        (["--steps", "8"], "steps: 4 before, 8 now"),
        (["--window-overlap", "2"], "window_overlap: 1 before, 2 now"),
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
    assert "training.on_change: restart (--on-change restart), which moves the old run below previous/" in message
    assert folder_digest(tiny_training) == before


def index_without_a_sequence(results: Path, folder: Path) -> tuple[Path, str]:
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
    index, _ = index_without_a_sequence(tiny_results, tmp_path)
    write_interrupted_run(training_arguments, tiny_training, tmp_path / "run")
    before = checkpoint_files(tmp_path / "run")
    assert main(training_arguments(tmp_path / "run", "--index", str(index))) == 1
    message = capsys.readouterr().err
    assert re.search(r"\(index: \w{10} before, \w{10} now\)", message)
    assert "training.on_change: continue" in message and "training.on_change: restart" in message
    assert {name: content for name, content in before.items() if "partial" not in name} == checkpoint_files(
        tmp_path / "run"
    )


@pytest.mark.parametrize("on_change", ["refuse", "continue", "restart"])
def test_a_finished_training_stays_as_it_is_when_sequences_change_and_warns(
    training_arguments: Arguments,
    tiny_results: Path,
    tmp_path: Path,
    on_change: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "run"
    index, _ = index_without_a_sequence(tiny_results, tmp_path)
    assert main(training_arguments(out, "--index", str(index))) == 0
    summary, before = (out / "training.json").read_bytes(), checkpoint_files(out)
    (out / "training.json").unlink()  # as Snakemake does before it repeats a job
    assert main(training_arguments(out, "--on-change", on_change)) == 0
    assert checkpoint_files(out) == before
    assert (out / "training.json").read_bytes() == summary
    assert "the data has changed since this training (1 sequences are new, 0 are gone)" in caplog.text
    assert f"move {out} away" in caplog.text
    assert not (out / "previous").exists()


def test_a_training_on_sequences_that_are_held_out_now_is_refused(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index, name = index_without_a_sequence(tiny_results, tmp_path)
    split = read_table(tiny_results / "audit" / "split.tsv")
    split.loc[split["id"] == name, "split"] = "test"
    write_table(tmp_path / "split.tsv", split)
    changed = ["--index", str(index), "--split-file", str(tmp_path / "split.tsv")]
    assert main(training_arguments(tiny_training, *changed)) == 1
    assert f"split: {name} for training before, for validation or test now" in capsys.readouterr().err
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    longer = [*changed, "--steps", "6"]
    assert main(training_arguments(out, *longer, "--on-change", "continue")) == 0
    assert main(training_arguments(out, *longer)) == 0, "--on-change continue was given before"


def test_a_sequence_that_was_gone_when_the_training_went_on_is_still_one_that_it_was_trained_on(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    index, name = index_without_a_sequence(tiny_results, tmp_path)
    split = read_table(tiny_results / "audit" / "split.tsv")
    write_table(tmp_path / "without.tsv", split[split["id"] != name])
    longer = ["--steps", "6", "--on-change", "continue", "--index", str(index)]
    assert main(training_arguments(out, *longer, "--split-file", str(tmp_path / "without.tsv"))) == 0
    write_table(tmp_path / "again.tsv", split.assign(split=split["split"].where(split["id"] != name, "test")))
    assert main(training_arguments(out, *longer[:2], *longer[4:], "--split-file", str(tmp_path / "again.tsv"))) == 1
    assert f"split: {name} for training before, for validation or test now" in capsys.readouterr().err


def test_a_changed_setting_of_the_latents_is_named(
    training_arguments: Arguments,
    tiny_results: Path,
    tiny_training: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = remove_sums(Path(shutil.copytree(tiny_training, tmp_path / "run")))
    last = out / "checkpoints" / "step-4"
    state = read_state(last)
    assert state.fingerprint["latents"]["truth"]["latents_dtype"] == "float16"
    state.fingerprint["latents"]["truth"]["latents_dtype"] = "float32"
    state.write(last / STATE_FILE)
    assert main(training_arguments(out)) == 1
    assert "latents_dtype: float32 before, float16 now" in capsys.readouterr().err


def test_a_restart_moves_the_whole_old_run_to_previous(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    assert main(training_arguments(out, "--seed", "1", "--on-change", "restart")) == 0
    (previous,) = (out / "previous").iterdir()
    whole = shutil.copytree(tiny_training, tmp_path / "whole", ignore=shutil.ignore_patterns(LOCK_FILE))
    assert folder_digest(previous) == folder_digest(Path(whole))
    assert checkpoint_files(out) != checkpoint_files(tiny_training)
    assert [row["step"] for row in metrics_rows(out)] == [1, 2, 3, 4]


def test_a_run_of_constant_rates_may_be_made_longer(training_arguments: Arguments, tmp_path: Path) -> None:
    constant = ["--schedule", "constant_with_warmup"]
    assert main(training_arguments(tmp_path / "whole", *constant, "--steps", "6")) == 0
    assert main(training_arguments(tmp_path / "longer", *constant)) == 0
    assert main(training_arguments(tmp_path / "longer", *constant, "--steps", "6")) == 0
    assert checkpoint_files(tmp_path / "longer") == checkpoint_files(tmp_path / "whole")


def test_a_constant_rate_has_no_warm_up_that_could_change(training_arguments: Arguments, tmp_path: Path) -> None:
    constant = ["--schedule", "constant", "--steps"]
    assert main(training_arguments(tmp_path, *constant, "2")) == 0
    assert main(training_arguments(tmp_path, *constant, "4", "--warmup-steps", "3")) == 0


@pytest.mark.parametrize("option", ["--rank", "--optimizer"])
def test_on_change_continue_is_refused_if_the_weights_do_not_fit(
    training_arguments: Arguments, tiny_training: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"--rank": "3", "--optimizer": "prodigy"}[option]
    rates = ["--learning-rate", "1", "--patch-learning-rate", "1"] if value == "prodigy" else []
    assert main(training_arguments(tiny_training, option, value, *rates, "--on-change", "continue")) == 1
    message = capsys.readouterr().err
    assert f"{option[2:]}: " in message
    assert "continue" not in message


def test_on_change_continue_resumes_with_the_new_settings_and_logs_the_differences(
    training_arguments: Arguments, tiny_training: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = Path(shutil.copytree(tiny_training, tmp_path / "run"))
    changed = ["--steps", "6", "--schedule", "constant", "--learning-rate", "0.003", "--weight-decay", "0.5"]
    assert main(training_arguments(out, *changed, "--on-change", "continue")) == 0
    assert "learning_rate: 0.01 before, 0.003 now" in caplog.text
    assert [row["step"] for row in metrics_rows(out)] == [1, 2, 3, 4, 5, 6]
    assert [row["rate_lora"] for row in metrics_rows(out)[4:]] == [0.003, 0.003]
    state = checkpoints.found(out / "checkpoints")[-1].optimizer_state()["optimizer"]
    assert [group["weight_decay"] for group in state["param_groups"]] == [0.5, 0.5]
    assert state["state"][0]["step"] == 6
    assert main(training_arguments(out, *changed)) == 0


def test_more_steps_are_refused_if_the_schedule_depends_on_their_number(
    training_arguments: Arguments, tiny_training: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(training_arguments(tiny_training, "--steps", "8")) == 1
    message = capsys.readouterr().err
    assert "with constant and constant_with_warmup they do not" in message
    assert "--on-change continue" in message
