"""A training whose newest checkpoint is damaged says so and resumes from the one before it, to the same bits."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import flip_content_bit, remove_sums
from inpainting.cli import main
from inpainting.core.sums import SUMS_FILE
from inpainting.stages.training.damaged_checkpoints import without_damaged
from trainings import checkpoint_files

Arguments = Callable[..., list[str]]

EMA = ("--ema-decay", "0.5")

ADAPTER = ("pytorch_lora_weights.safetensors", "widened.safetensors", "prompt.safetensors", "inpainting.json")
FILES = [
    *("optimizer.pt", "trained.safetensors", "probe.safetensors", "state.json", SUMS_FILE),
    *(f"adapter/{name}" for name in (*ADAPTER, SUMS_FILE)),
]


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture(scope="module")
def whole(training_arguments: Arguments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training with EMA, so that its checkpoints, at 2 and 4, have every file there can be."""
    out = tmp_path_factory.mktemp("with-ema")
    assert main(training_arguments(out, *EMA)) == 0
    return out


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of the training that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def steps(checkpoints: Path) -> list[int]:
    """The steps of the checkpoints that count in a run of 4 steps."""
    return [checkpoint.step for checkpoint in without_damaged(checkpoints, wanted=(2, 4))]


def test_every_file_of_a_checkpoint_is_tried_here(whole: Path) -> None:
    last = whole / "checkpoints" / "step-4"
    assert {str(path.relative_to(last)) for path in last.rglob("*") if path.is_file()} == set(FILES)


@pytest.mark.parametrize("damage", [cut_off, flip_content_bit])
@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_with_a_damaged_file_is_set_aside_and_named(
    run: Path, name: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = run / "checkpoints"
    damage(checkpoints / "step-4" / name)
    assert steps(checkpoints) == [2]
    (sentence,) = caplog.messages
    named = checkpoints / "step-4" / name
    if named.name != SUMS_FILE:  # a digest that was changed is that of another file than is there
        assert sentence.startswith(f"{named} is damaged")
    assert sentence.endswith(f"is now {checkpoints / 'damaged-step-4'}; the training goes on without it")
    assert (checkpoints / "damaged-step-4" / name).exists()
    shutil.copytree(checkpoints / "step-2", checkpoints / "step-4")
    damage(checkpoints / "step-4" / name)
    assert steps(checkpoints) == [2]
    assert (checkpoints / "damaged-step-4-2" / name).exists(), "a second one does not replace the first"


@pytest.mark.parametrize("name", sorted(set(FILES) - {"optimizer.pt", SUMS_FILE, f"adapter/{SUMS_FILE}"}))
def test_a_checkpoint_that_lacks_a_file_is_set_aside(run: Path, name: str) -> None:
    (run / "checkpoints" / "step-4" / name).unlink()
    assert steps(run / "checkpoints") == [2]


def test_checkpoints_of_an_earlier_version_or_without_an_optimizer_are_not_damaged(run: Path) -> None:
    remove_sums(run / "checkpoints" / "step-2")
    for name in ("optimizer.pt", "trained.safetensors"):
        (run / "checkpoints" / "step-4" / name).unlink()
    assert steps(run / "checkpoints") == [2, 4]


def test_a_run_whose_newest_checkpoint_is_damaged_ends_in_the_same_bytes(
    run: Path, whole: Path, training_arguments: Arguments
) -> None:
    flip_content_bit(run / "checkpoints" / "step-4" / "optimizer.pt")
    (run / "training.json").unlink()
    assert main(training_arguments(run, *EMA)) == 0
    shutil.rmtree(run / "checkpoints" / "damaged-step-4")
    assert checkpoint_files(run) == checkpoint_files(whole)


def test_a_run_without_a_whole_checkpoint_says_what_to_do_and_changes_nothing(
    run: Path, whole: Path, training_arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (2, 4):
        flip_content_bit(run / "checkpoints" / f"step-{step}" / "trained.safetensors")
    before = checkpoint_files(run)
    assert main(training_arguments(run, *EMA)) == 1
    message = capsys.readouterr().err
    assert f"inpaint train: {run / 'checkpoints' / 'step-2' / 'trained.safetensors'} is damaged" in message
    assert "no whole checkpoint before it to resume from" in message and "--on-change restart" in message
    assert checkpoint_files(run) == before
    assert main(training_arguments(run, *EMA, "--on-change", "restart")) == 0
    assert checkpoint_files(run) == checkpoint_files(whole)
    assert checkpoint_files(run / "previous" / "damaged") == before


@pytest.mark.parametrize("name", ["optimizer.pt", "trained.safetensors"])
def test_a_state_that_is_cut_off_in_a_checkpoint_of_an_earlier_version_is_named(
    run: Path, training_arguments: Arguments, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "checkpoints" / "step-4")
    checkpoint = remove_sums(run / "checkpoints" / "step-2")
    cut_off(checkpoint / name)
    assert main(training_arguments(run, *EMA)) == 1
    assert f"inpaint train: {checkpoint / name} is damaged or of another kind" in capsys.readouterr().err
