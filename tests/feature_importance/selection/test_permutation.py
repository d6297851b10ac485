"""Permutation importance, against the linear case, where it is known."""

import numpy as np
import pytest

from analysis.feature_importance.selection.names import KINDS
from analysis.feature_importance.selection.permutation import sigma_rises
from analysis.features import FEATURES


@pytest.fixture
def linear():
    X = np.random.default_rng(0).normal(size=(20_000, 4))
    X[:, 1] = X[:, 0]  # a copy
    noise = 0.5 * np.random.default_rng(1).normal(size=20_000)
    return X, X[:, 0] + 2 * X[:, 2] + noise


def predict(X):
    """Share the credit between the copies."""
    return 0.5 * X[:, 0] + 0.5 * X[:, 1] + 2 * X[:, 2]


def rise(variance: float) -> float:
    """Rise of sigma in percent where shuffling adds variance to that of the noise."""
    return 100 * (np.sqrt(0.25 + variance) / 0.5 - 1)


def test_linear_case(linear):
    groups = {"copy": [0], "both": [0, 1], "other": [2], "unused": [3]}
    rises = sigma_rises(predict, *linear, groups, repeats=4, seed=0)
    # a shuffled term of weight w adds 2 w^2; copies that are shuffled together count with both their weights
    for name, variance in {"copy": 0.5, "both": 2.0, "other": 8.0}.items():
        assert rises[name].shape == (4,)
        assert rises[name].mean() == pytest.approx(rise(variance), rel=0.03)
    assert np.all(rises["unused"] == 0)


def test_columns_of_a_group_stay_consistent(linear):
    # the model only looks at how the copies differ: nothing changes as long as they move together
    rises = sigma_rises(lambda X: X[:, 2] + 5 * (X[:, 0] - X[:, 1]), *linear, {"both": [0, 1], "one": [0]}, 2, 0)
    assert rises["both"] == pytest.approx(np.zeros(2))
    assert np.all(rises["one"] > 100)


def test_every_feature_is_of_one_kind():
    assert sorted(feature for of_kind in KINDS.values() for feature in of_kind) == sorted(FEATURES)
