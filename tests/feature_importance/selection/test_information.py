"""Mutual information, against the Gaussian case, an exact discrete case, and scikit-learn."""

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_regression
from sklearn.metrics import mutual_info_score

from analysis.feature_importance.selection.information import mutual_information, rank_bins


def gaussian(rho: float, objects: int = 20_000) -> np.ndarray:
    x, noise = np.random.default_rng(0).normal(size=(2, objects))
    return np.column_stack([x, rho * x + np.sqrt(1 - rho**2) * noise])


def of_pair(X: np.ndarray, bins: int = 24) -> float:
    numbers = rank_bins(X, bins)
    return mutual_information(numbers[:, :1], numbers[:, 1:]).item()


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_gaussian_pair(rho):
    X = gaussian(rho)
    # bins lose some of a strong correlation: at 0.9, about 4%
    assert of_pair(X) == pytest.approx(-0.5 * np.log(1 - rho**2), rel=0.06, abs=0.006)
    neighbours = mutual_info_regression(X[:5000, :1], X[:5000, 1], random_state=0).item()
    assert of_pair(X) == pytest.approx(neighbours, rel=0.06, abs=0.03)


def test_only_the_order_of_values_counts():
    X = gaussian(0.7, 3000)
    assert of_pair(np.column_stack([np.exp(3 * X[:, 0]), np.arctan(X[:, 1])])) == pytest.approx(of_pair(X), abs=1e-12)
    assert of_pair(X * [1, -1]) == pytest.approx(of_pair(X), rel=0.02)


def test_independent_columns_say_nothing_even_with_few_objects():
    values = [of_pair(np.random.default_rng(seed).normal(size=(1000, 2)), bins=16) for seed in range(40)]
    assert np.mean(values) < 0.02  # without the correction it is 225 / 2000


def test_discrete_columns_are_exact_but_for_the_correction():
    a = np.random.default_rng(1).integers(0, 3, 4000)
    b = (a + (np.random.default_rng(2).random(4000) < 0.2)) % 3
    numbers = rank_bins(np.column_stack([a, b]).astype(float), 30)
    cells = len(np.unique(numbers, axis=0))
    expected = mutual_info_score(a, b) - (cells - 3 - 3 + 1) / 8000
    assert mutual_information(numbers[:, :1], numbers[:, 1:]).item() == pytest.approx(expected)


def test_a_column_knows_its_own_entropy_and_all_pairs_are_symmetric():
    numbers = rank_bins(np.random.default_rng(3).normal(size=(8000, 4)) @ np.ones((4, 4)) + 0.0, 10)
    table = mutual_information(numbers, numbers)
    np.testing.assert_allclose(np.diag(table), np.log(10), rtol=0.01)
    np.testing.assert_allclose(table, table.T, atol=1e-12)


def test_bins_hold_equally_many_and_missing_values_have_their_own():
    values = np.random.default_rng(4).permutation(1000).astype(float)
    values[values >= 900] = np.nan
    counts = np.bincount(rank_bins(values[:, None], 9)[:, 0])
    assert counts.tolist() == [100] * 10
    assert np.all(rank_bins(values[:, None], 9)[np.isnan(values), 0] == 9)


def test_that_a_value_is_missing_can_be_informative():
    x = np.random.default_rng(5).normal(size=4000)
    seen = np.where(x > np.median(x), 1.0, np.nan)
    assert of_pair(np.column_stack([seen, x]), bins=20) == pytest.approx(np.log(2), rel=0.01)
