from pathlib import Path

import pytest
from inpainting.core.errors import UsageError
from inpainting.experiments import read_experiments
from inpainting.stages.training.settings import TrainSettings


def write_experiments(folder: Path, *rows: str, columns: str = "") -> Path:
    path = folder / "experiments.tsv"
    path.write_text(f"experiment\toverrides\tdescription{columns}\n" + "".join(row + "\n" for row in rows))
    return path


def test_an_experiment_overrides_the_training_section(tmp_path: Path) -> None:
    path = write_experiments(
        tmp_path, "plain\t\tas it stands", "small\trank=4 targets=to_q,to_v learning_rate=3e-5\tless"
    )
    experiments = read_experiments(path, TrainSettings(rank=16), seed=0)
    plain, small = (experiment.training for experiment in experiments.values())
    assert (plain.rank, small.rank, small.targets, small.learning_rate) == (16, 4, ("to_q", "to_v"), 3e-5)


def test_the_default_warm_up_follows_an_experiments_steps(tmp_path: Path) -> None:
    path = write_experiments(tmp_path, "plain\t\t", "short\tsteps=50\t", "given\tsteps=50 warmup_steps=7\t")
    warmups = [experiment.training.warmup_steps for experiment in read_experiments(path, TrainSettings(), 0).values()]
    assert warmups == [100, 5, 7]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["a\trnak=4\t"], "experiment a: rnak: there is no such setting; did you mean rank?"),
        (["a\trank=0\t"], 'experiment a: rank: "0" was given, but it should be greater than or equal to 1'),
        (["a\t\t", "a\t\t"], "the experiment a occurs twice"),
        ([], "names no experiment; add a row, or set experiments to null"),
        (["a\trank=4 steps=9 rank=8\t"], "experiment a: a setting is overridden twice"),
        (["telea\t\t"], "telea is another method's name"),
        (["..\t\t"], "the name .. should be made of letters"),
        (["--help\t\t"], "the name --help should be made of letters"),
        (["a b\t\t"], "the name a b should be made of letters"),
        (["../x\t\t"], "the name ../x should be made of letters"),
        (["$(touch x); rm -rf .\t\t"], "the name $(touch x); rm -rf . should be made of letters"),
        (["a\tseed=-1\t"], "experiment a: seed: -1 was given, but it should be a number"),
    ],
)
def test_a_wrong_experiment_is_named(rows: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_experiments(write_experiments(tmp_path, *rows), TrainSettings(), seed=0)
    assert sentence in str(caught.value)


def test_an_experiment_may_have_a_seed_of_its_own_and_a_group(tmp_path: Path) -> None:
    rows = ["plain\t\tonce", "flow-0\trank=4 seed=0\t\tflow", "flow-1\trank=4 seed=7\t\tflow"]
    experiments = read_experiments(write_experiments(tmp_path, *rows, columns="\tgroup"), TrainSettings(), seed=3)
    assert {name: experiment.seed for name, experiment in experiments.items()} == {"plain": 3, "flow-0": 0, "flow-1": 7}
    assert [experiment.group for experiment in experiments.values()] == ["plain", "flow", "flow"]
    assert experiments["flow-0"].training == experiments["flow-1"].training


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["a\tseed=1\t\tg", "b\tseed=1\t\tg"], "two experiments of the group g have the same seed"),
        (["a\tseed=1\t\tg", "b\trank=4\t\tg"], "the experiments of the group g should differ only in their seed"),
        (["a\tseed=1\t\tb", "b\tseed=2\t\tc"], "the group b has the name of an experiment outside it"),
    ],
)
def test_a_group_of_trainings_that_are_no_repetitions_is_refused(
    rows: list[str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        read_experiments(write_experiments(tmp_path, *rows, columns="\tgroup"), TrainSettings(), seed=0)
    assert sentence in str(caught.value)
