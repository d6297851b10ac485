"""Stability of rankings, in cases that can be counted."""

import numpy as np
import pytest

from analysis.feature_importance.selection.stability import rank_correlations, share_in_top


def test_same_and_opposite_rankings():
    rising = np.arange(6.0)
    same = rank_correlations(np.array([rising, 10 * rising, rising**3]))
    assert (same["spearman"], same["kendall"], same["spearman_err"]) == (pytest.approx(1), pytest.approx(1), 0)
    assert rank_correlations(np.array([rising, -rising]))["spearman"] == pytest.approx(-1)


def test_one_exchange_of_neighbours():
    one, other = np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 3, 4])
    result = rank_correlations(np.array([one, other]))
    assert result["spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert result["kendall"] == pytest.approx(1 - 2 / 6)


def test_share_in_top():
    importances = np.array([[0.5, 0.3, 0.2, 0.0], [0.1, 0.5, 0.4, 0.0]])
    assert share_in_top(importances, 2).tolist() == [0.5, 1, 0.5, 0]
    assert share_in_top(np.zeros((3, 4)), 2).sum() == 2  # ties do not make the top larger
