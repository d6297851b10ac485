"""Nearest-neighbour weights make one sample look like another, where they overlap."""

import numpy as np
import pytest

from analysis.spectroscopic_completeness.weights import effective_size, neighbour_weights, weighted_metric


def test_weights_are_the_ratio_of_the_densities():
    """Labelled N(0, 1), science N(1, 0.8): the weighted mean and variance become those of the science sample."""
    generator = np.random.default_rng(1)
    labelled, science = generator.normal(0, 1, (8000, 1)), generator.normal(1, 0.8, (8000, 1))
    weights = neighbour_weights(labelled, science, 40)
    assert weights.mean() == pytest.approx(1)
    mean = np.average(labelled[:, 0], weights=weights)
    assert mean == pytest.approx(1, abs=0.06)
    assert np.average((labelled[:, 0] - mean) ** 2, weights=weights) == pytest.approx(0.64, rel=0.1)
    ratio = 1.25 * np.exp(labelled[:, 0] ** 2 / 2 - (labelled[:, 0] - 1) ** 2 / (2 * 0.64))
    assert np.corrcoef(weights, ratio)[0, 1] > 0.95


def test_equal_samples_have_equal_weights_and_strangers_none():
    generator = np.random.default_rng(2)
    labelled, far = generator.normal(size=(500, 2)), generator.normal(50, 1, (500, 2))
    assert neighbour_weights(labelled, labelled, 10) == pytest.approx(np.ones(500))
    assert neighbour_weights(labelled, far, 10).tolist() == [1] * 500  # none is better than another
    half = neighbour_weights(np.vstack([labelled, far]), far, 10)
    assert half[:500].max() == 0
    assert neighbour_weights(labelled[:3], far, 10).shape == (3,)  # fewer than the neighbours wanted


def test_effective_size():
    assert effective_size(np.ones(7)) == pytest.approx(7)
    assert effective_size(np.array([1.0, 0, 0])) == pytest.approx(1)


def test_a_weighted_metric_is_that_of_the_objects_with_weight():
    values = np.r_[np.zeros(500), np.full(500, 3.0)]
    weights = np.r_[np.full(500, 3.0), np.ones(500)]
    value, error = weighted_metric(np.mean, values, weights=weights, n=400, seed=1)
    assert value == pytest.approx(0.75, abs=0.02)
    assert error == pytest.approx(3 * np.sqrt(0.25 * 0.75 / effective_size(weights)), rel=0.2)
