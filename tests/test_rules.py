"""The rules that decide claims: equivalence, direction, what an interval can and cannot tell."""

import math

import pytest

from analysis import rules
from analysis.rules import Measurement


@pytest.mark.parametrize(
    ("ours", "error", "expected"),
    [
        (0.0820, 0.0, True),  # 9.3% off, tolerance 10%
        (0.0830, 0.0, False),  # 10.7% off
        (0.0830, 0.0041, False),  # noise is no excuse
        (0.0760, 0.0035, True),
        (0.0760, 0.0045, False),  # 1.3% off, but by how much is not known well enough
        (0.0670, 0.0, False),  # too small is off as well
        (0.0750, math.nan, False),  # an unknown error shows nothing
    ],
)
def test_within_is_an_equivalence_test(ours, error, expected):
    assert rules.within(Measurement(ours, error), 0.075, tolerance_percent=10) is expected


@pytest.mark.parametrize(
    ("low", "high", "above_zero", "covers"),
    [
        (13, 21, True, True),
        (10, 17, True, False),
        (19, 25, True, False),
        (-1, 7, False, False),
        (0, 8, False, False),
        (10, 20, True, None),  # wider than half the published value
    ],
)
def test_intervals(low, high, above_zero, covers):
    ours = Measurement((low + high) / 2, 1, low, high)
    assert rules.interval_above_zero(ours, 18.0) is above_zero
    assert rules.interval_covers(ours, 18.0) is covers


def test_below_zero_and_at_most():
    assert rules.interval_below_zero(Measurement(-2, 1, -4, -0.1), math.nan)
    assert not rules.interval_below_zero(Measurement(-2, 1, -4, 0.0), math.nan)
    assert rules.at_most(Measurement(1.0), math.nan, most=1)
    assert not rules.at_most(Measurement(1.01), math.nan, most=1)


@pytest.mark.parametrize(
    ("ours", "error", "expected"),
    [(0.0, 0.01, True), (-0.015, 0.003, True), (0.015, 0.004, False), (0.0, 0.013, False), (0.0, math.nan, False)],
)
def test_near_zero_is_an_equivalence_test(ours, error, expected):
    assert rules.near_zero(Measurement(ours, error), math.nan, tolerance=0.02) is expected


def test_at_least():
    assert rules.at_least(Measurement(100.0), math.nan, least=100)
    assert not rules.at_least(Measurement(99.9), math.nan, least=100)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-4, 9, True),
        (1, 9, True),  # a difference that is seen, and too small to matter
        (-10, 10, True),
        (-3, 12, None),  # neither parity nor a difference
        (-30, -2, False),
        (5, 25, False),
        (12, 25, False),
        (math.nan, math.nan, False),
    ],
)
def test_an_interval_within_a_tolerance_is_parity_one_beyond_it_a_difference_or_nothing(low, high, expected):
    ours = Measurement((low + high) / 2, 1, low, high)
    assert rules.interval_within(ours, math.nan, tolerance=10) is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 0.9, True), (0.2, 1, True), (0, 7.5, None), (1, 3, None), (1.1, 3, False), (math.nan, math.nan, None)],
)
def test_a_share_is_below_a_limit_where_its_whole_interval_is(low, high, expected):
    assert rules.interval_at_most(Measurement(0.0, math.nan, low, high), math.nan, limit=1) is expected
