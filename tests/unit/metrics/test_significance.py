"""Tests of differences agree with their definitions."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from inpainting.metrics.significance import holm, signed_rank


def test_the_p_value_is_the_share_of_signs_that_are_as_extreme() -> None:
    differences = np.array([0.4, -0.1, 0.9, 1.3, 0.2, -0.3, 2.0, 0.7])
    ranks = np.abs(differences).argsort().argsort() + 1
    observed = ranks[differences > 0].sum()
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))])
    extreme = min((sums >= observed).mean(), (sums <= observed).mean())
    reference = pd.Series(np.arange(8.0), index=list("abcdefgh"))
    p_value = signed_rank((reference + differences).sample(frac=1, random_state=0), reference)
    assert p_value == pytest.approx(2 * extreme)


def test_sequences_without_a_value_are_left_out_of_the_test() -> None:
    values = pd.Series([1.0, 2.5, 3.0, 4.2, 5.0, 7.0], index=list("abcdef"))
    with_gap = pd.concat([values, pd.Series({"g": math.nan})])
    reference = pd.Series(3.1, index=list("abcdefg"))
    assert signed_rank(with_gap, reference) == signed_rank(values, reference)


def test_few_sequences_have_no_p_value_and_equal_ones_a_p_value_of_one() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0], index=list("abcde"))
    assert math.isnan(signed_rank(values[:4], values[:4] + 1))
    assert signed_rank(values, values) == 1.0


def test_holm_multiplies_the_smallest_p_value_by_the_number_of_tests_and_is_monotonic() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_ignores_nan_and_never_exceeds_one() -> None:
    corrected = holm([math.nan, 0.4, 0.9])
    assert math.isnan(corrected[0])
    assert corrected[1:].tolist() == pytest.approx([0.8, 0.9])
    assert holm([]).tolist() == []
