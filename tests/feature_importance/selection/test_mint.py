"""MINT: the greedy search against trying every choice, and what relevance and redundancy mean."""

import numpy as np
import pytest

from analysis.feature_importance.selection import mint


def score(chosen: list[int], relevance: np.ndarray, redundancy: np.ndarray) -> float:
    """RL - RD, as published."""
    return relevance[chosen].mean() - redundancy[np.ix_(chosen, chosen)].sum() / len(chosen) ** 2


@pytest.mark.parametrize("seed", range(5))
def test_each_step_is_the_best_one(seed):
    generator = np.random.default_rng(seed)
    relevance, half = generator.random(9), generator.random((9, 9))
    redundancy = half + half.T
    ranking = mint.greedy(relevance, redundancy)
    assert sorted(ranking.order) == list(range(9))
    for size in range(1, 10):
        chosen = ranking.order[:size].tolist()
        others = [[*chosen[:-1], other] for other in range(9) if other not in chosen]
        best = score(chosen, relevance, redundancy)
        assert all(best >= score(other, relevance, redundancy) for other in others)
        assert ranking.relevance[size - 1] - ranking.redundancy[size - 1] == pytest.approx(best)


def informative(objects: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    """Two features that make up the redshift, a copy of the first, and noise."""
    a, b, noise, error = np.random.default_rng(0).normal(size=(4, objects))
    return np.column_stack([a, a + 0.01 * error, noise, b]), 1.2 * a + b


def test_a_copy_waits_for_what_is_new():
    X, z = informative()
    order = mint.greedy(*mint.information(X, z, X, bins=15)).order
    assert order[0] in (0, 1)
    assert order[1] == 3
    assert np.argsort(order)[[0, 1]].max() >= 2


def test_redundancy_is_that_of_the_science_galaxies():
    X, z = informative()
    science = np.random.default_rng(1).normal(size=X.shape)  # where the copy is no copy
    _, redundancy = mint.information(X, z, science, bins=15)
    assert redundancy[0, 1] < 0.02
    assert set(mint.greedy(*mint.information(X, z, science, bins=15)).order[:2]) == {0, 1}


def test_a_coarse_feature_is_not_favoured_without_the_entropy_of_each():
    a, noise = np.random.default_rng(2).normal(size=(2, 6000))
    X = np.column_stack([a, noise > 1.5])
    information = mint.information(X, a + np.random.default_rng(3).normal(size=6000), X, bins=15)
    assert mint.greedy(*information).order[0] == 1  # as published: it has little entropy
    assert mint.greedy(*mint.without_self(*information)).order[0] == 0
