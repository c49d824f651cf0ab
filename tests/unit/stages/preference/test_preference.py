"""Scores follow from the choices, with intervals over sequences."""

import json
from pathlib import Path

import commands
import numpy as np
import pandas as pd
import pytest
from inpainting.artifacts.preference import Pair, PairsKey
from inpainting.cli import main
from inpainting.stages.preference.preference import scores, strengths


def test_two_methods_strengths_are_the_log_odds_of_their_wins() -> None:
    found = strengths(np.array([[0.0, 29.5], [9.5, 0.0]]))  # half a win is added to both
    assert found[0] - found[1] == pytest.approx(np.log(30 / 10))
    assert found.sum() == pytest.approx(0)


def test_strengths_are_those_that_made_the_choices() -> None:
    truth = np.array([1.0, 0.2, -0.4, -0.8])
    odds = np.exp(truth)
    wins = 4000 * odds[:, None] / (odds[:, None] + odds[None])
    np.fill_diagonal(wins, 0)
    assert strengths(wins) == pytest.approx(truth, abs=0.01)


def test_who_always_wins_has_a_finite_score_and_who_never_met_anybody_the_average() -> None:
    wins = np.zeros((3, 3))
    wins[0, 1] = 20
    found = strengths(wins)
    assert np.isfinite(found).all()
    assert found[0] > 1 and found[1] < -1
    assert found[2] == pytest.approx(0, abs=1e-6)


def test_sides_ties_and_intervals() -> None:
    pairs = [(Pair(sequence=str(n), left="a", right="b"), "left") for n in range(8)]
    pairs += [(Pair(sequence=str(n), left="b", right="a"), "right") for n in range(4)]
    pairs += [(Pair(sequence="9", left="b", right="a"), "tie"), (Pair(sequence="8", left="a", right="b"), "right")]
    table = scores(["b", "a"], pairs, seed=0)
    assert table["method"].tolist() == ["a", "b"]
    assert table[["votes", "wins", "ties"]].to_numpy().tolist() == [[14, 12, 1], [14, 1, 1]]
    assert (table["score_low"] <= table["score"]).all() and (table["score"] <= table["score_high"]).all()
    pd.testing.assert_frame_equal(table, scores(["b", "a"], pairs, seed=0))


def test_a_method_of_which_no_pair_was_judged_has_no_score(tmp_path: Path) -> None:
    pairs = [Pair(sequence="0", left="a", right="b"), Pair(sequence="0", left="c", right="a")]
    PairsKey(page="x", methods=["a", "b", "c"], pairs=pairs).write(tmp_path / "pairs.key.json")
    (tmp_path / "votes.json").write_text(json.dumps({"page": "x", "votes": {"0": "left"}}))
    out = tmp_path / "preference.tsv"
    assert main(commands.preference(tmp_path / "pairs.key.json", [tmp_path / "votes.json"], out)) == 0
    table = pd.read_csv(out, sep="\t")
    assert table["method"].tolist() == ["a", "b"]
    assert table["score"].sum() == pytest.approx(0)


def test_votes_of_several_people_are_counted_and_those_of_another_page_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [Pair(sequence=str(number), left="a", right="b") for number in range(3)]
    PairsKey(page="x", methods=["a", "b"], pairs=pairs).write(tmp_path / "pairs.key.json")
    votes = [tmp_path / f"{number}.json" for number in range(2)]
    votes[0].write_text(json.dumps({"page": "x", "votes": {"0": "left", "2": "tie"}}))
    votes[1].write_text(json.dumps({"page": "x", "votes": {"1": "right"}}))
    out = tmp_path / "preference.tsv"
    assert main(commands.preference(tmp_path / "pairs.key.json", votes, out)) == 0
    table = pd.read_csv(out, sep="\t").set_index("method")
    assert table["wins"].to_dict() == {"a": 1, "b": 1}
    assert table["votes"].tolist() == [3, 3]
    assert main(commands.preference(tmp_path / "pairs.key.json", [*votes, votes[0]], out)) == 2
    assert "0.json was given twice" in capsys.readouterr().err
    for content, told in (
        ({"page": "y", "votes": {"0": "left"}}, "saved by another page"),
        ({"page": "x", "votes": {"3": "left"}}, "saved by another page"),
        ({"page": "x", "votes": {}}, "hold no choice"),
        ({"page": "x", "votes": {"0": "both"}}, "0.json"),
    ):
        votes[0].write_text(json.dumps(content))
        assert main(commands.preference(tmp_path / "pairs.key.json", votes[:1], out)) == 1
        assert told in capsys.readouterr().err
