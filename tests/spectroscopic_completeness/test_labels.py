"""Planted bad redshifts: the planting, two detectors, and how well they do is counted."""

import numpy as np
import pytest

from analysis.spectroscopic_completeness import labels


@pytest.fixture(scope="module")
def galaxies():
    """Colours that tell the redshift to 0.01."""
    generator = np.random.default_rng(1)
    z = generator.uniform(0.05, 0.8, 1500)
    X = np.column_stack([z, np.sin(5 * z), z**2]) + generator.normal(0, 0.01, (1500, 3))
    return X, z


def test_swapping_exchanges_and_loses_nothing(galaxies):
    _, z = galaxies
    swapped, chosen = labels.swap_redshifts(z, 0.02, seed=1)
    assert chosen.sum() == 30
    assert np.sort(swapped).tolist() == np.sort(z).tolist()
    assert (swapped != z)[chosen].all()
    assert (swapped == z)[~chosen].all()


def test_leaf_mates_find_redshifts_that_contradict_colours(galaxies):
    X, z = galaxies
    swapped, chosen = labels.swap_redshifts(z, 0.02, seed=1)
    bad = chosen & (np.abs(swapped - z) > 0.05 * (1 + z))
    scores = labels.leaf_mate_scores(X, swapped, 40, 10, seed=1)
    found = labels.detection(scores, bad, 0.02)
    assert found["recall"] > 0.9
    assert found["average_precision"] > 0.85
    assert found["n_flagged"] == 30
    blind = labels.detection(np.random.default_rng(2).random(len(z)), bad, 0.02)
    assert blind["average_precision"] < 0.1


def test_an_isolation_forest_finds_what_is_far_from_everything(galaxies):
    X, z = galaxies
    far = z.copy()
    far[:5] = 5.0
    scores = labels.isolation_scores(X, far, 50, seed=1)
    assert (scores[:5] > np.quantile(scores, 0.98)).all()


def test_detection_and_trade_off_of_known_scores():
    scores, bad = np.array([4.0, 3, 2, 1]), np.array([True, False, True, False])
    found = labels.detection(scores, bad, 0.5)
    assert (found["precision"], found["recall"], found["n_flagged"]) == (0.5, 0.5, 2)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    curve = labels.trade_off(scores, bad, 3)
    assert curve["recall"].tolist() == [0, 0.5, 1]
    assert curve["precision"].iloc[-1] == pytest.approx(2 / 3)
