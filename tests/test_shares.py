"""Shares and their exact intervals: closed forms, published numbers, and what coverage promises."""

import numpy as np
import pytest
from scipy.stats import binom

from analysis.shares import exact_interval, percent_with_interval


@pytest.mark.parametrize("n", [1, 47, 368, 10_000])
def test_none_and_all_have_their_closed_form(n):
    limit = 100 * (1 - 0.025 ** (1 / n))
    assert exact_interval(0.0, n) == pytest.approx((0, limit))
    assert exact_interval(100.0, n) == pytest.approx((100 - limit, 100))


def test_none_of_47_leaves_up_to_seven_percent_and_a_half_and_one_percent_needs_368():
    assert exact_interval(0.0, 47)[1] == pytest.approx(7.55, abs=0.01)
    assert exact_interval(0.0, 367)[1] > 1 >= exact_interval(0.0, 368)[1]


def test_a_published_example():
    """Newcombe (1998, Statist. Med. 17, 857), table I, method 5: 81 of 263 and 15 of 148."""
    assert exact_interval(100 * 81 / 263, 263) == pytest.approx((25.27, 36.76), abs=0.01)
    assert exact_interval(100 * 15 / 148, 148) == pytest.approx((5.78, 16.17), abs=0.01)


@pytest.mark.parametrize("p", [0.004, 0.03, 0.5])
def test_the_interval_covers_the_truth_at_least_as_often_as_it_says(p):
    n = 60
    found = [exact_interval(100 * k / n, n) for k in range(n + 1)]
    covers = np.array([low <= 100 * p <= high for low, high in found])
    assert binom.pmf(np.arange(n + 1), n, p)[covers].sum() >= 0.95


def test_the_error_of_none_is_not_zero_and_that_of_many_is_the_gaussian_one():
    assert percent_with_interval("flipped", np.zeros(47, bool))["flipped_err"] > 1
    many = percent_with_interval("flipped", np.arange(10_000) % 5 == 0)
    assert many["flipped"] == 20
    assert many["flipped_err"] == pytest.approx(100 * np.sqrt(0.2 * 0.8 / 10_000), rel=0.02)
