"""The learning rate range test: its rates, its losses, what it suggests, and that it leaves nothing else."""

from collections.abc import Callable
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.cli import main
from inpainting.core.files import folder_digest, read_table
from inpainting.stages.training.find_rate import DIVERGED, steepest_fall

Arguments = Callable[..., list[str]]
FILES = ["learning-rate.png", "learning-rate.svg", "learning-rate.tsv"]


@pytest.fixture(scope="module")
def arguments(tiny_base: Path, tiny_results: Path) -> Arguments:
    """The command line of a test of 20 rates on the tiny latents."""

    def arguments(out: Path, *options: str) -> list[str]:
        rates = ("--lowest-rate", "0.0001", "--highest-rate", "100", "--updates", "20")
        return commands.find_rate(tiny_base, tiny_results, out, *rates, *options)

    return arguments


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, arguments: Arguments) -> Path:
    """What one such test wrote."""
    out = tmp_path_factory.mktemp("find-rate")
    assert main(arguments(out)) == 0
    return out


def test_rates_rise_exponentially_and_the_patch_embeddings_keeps_its_proportion(found: Path) -> None:
    table = read_table(found / "learning-rate.tsv")
    assert list(table["update"]) == list(range(len(table)))
    expected = np.geomspace(1e-4, 100, 20)[: len(table) - 1]
    np.testing.assert_allclose(table["rate_lora"][1:], expected, rtol=1e-9)
    np.testing.assert_allclose(table["rate_patch"][1:], 2 * expected, rtol=1e-9)
    assert table["rate_lora"][0] == table["rate_patch"][0] == 0, "the first row is the untrained model's"


def test_losses_of_low_rates_are_the_untrained_models_and_those_of_higher_ones_fall(found: Path) -> None:
    losses = read_table(found / "learning-rate.tsv")["loss"].to_numpy()
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert losses.min() < 0.8 * losses[0]


def test_a_loss_that_runs_away_ends_the_test_and_is_not_shown_where_it_is_not_finite(
    arguments: Arguments, tmp_path: Path
) -> None:
    main(arguments(tmp_path, "--lowest-rate", "0.01", "--highest-rate", "1e30"))
    losses = read_table(tmp_path / "learning-rate.tsv")["loss"].to_numpy()
    assert 1 < len(losses) < 21
    assert np.isfinite(losses).all()
    assert (losses[:-1] < DIVERGED * losses[0]).all()


def test_only_a_table_and_a_figure_are_written_and_the_same_seed_writes_the_same_bytes(
    found: Path, arguments: Arguments, tiny_results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = folder_digest(tiny_results)
    assert main(arguments(tmp_path)) == 0
    assert folder_digest(tiny_results) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert folder_digest(tmp_path) == folder_digest(found)
    suggested = steepest_fall(read_table(tmp_path / "learning-rate.tsv"))
    assert capsys.readouterr().out == (f"--learning-rate {suggested:.1e}\n--patch-learning-rate {2 * suggested:.1e}\n")


def test_the_rate_of_the_steepest_fall_is_that_of_a_curve_of_which_it_is_known_and_before_its_lowest_point() -> None:
    rates = np.geomspace(1e-6, 1, 61)
    fall, peak = 1 / (1 + (3e-4 / rates) ** 2), 5 * np.exp(-((np.log10(rates) + 1) ** 2) / 0.01)
    table = pd.DataFrame({"rate_lora": rates, "smoothed": 1 - 0.3 * fall + peak + 0.1 * (rates > 0.01)})
    untrained = pd.DataFrame({"rate_lora": [0.0], "smoothed": [1.0]})
    assert steepest_fall(pd.concat([untrained, table])) == pytest.approx(3e-4, rel=0.15)


def test_rates_that_change_nothing_suggest_none_and_show_it(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--lowest-rate", "1e-12", "--highest-rate", "1e-11"]
    assert main(arguments(tmp_path, *options)) == 1
    captured = capsys.readouterr()
    assert "no rate from 1e-12 to 1e-11 made the loss fall by 1%" in captured.err
    assert "--learning-rate" not in captured.out
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--optimizer", "prodigy", "--learning-rate", "1", "--patch-learning-rate", "1"], "--optimizer: prodigy was"),
        (["--lowest-rate", "0.1", "--highest-rate", "0.1"], "--highest-rate: 0.1 must be above lowest_rate, 0.1"),
        (["--fill", "telea"], "holds conditions of 'grey'"),
    ],
)
def test_what_cannot_be_tested_is_refused(
    arguments: Arguments, tmp_path: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path, *options)) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
