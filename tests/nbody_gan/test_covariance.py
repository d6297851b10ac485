"""The yardstick: one for what has the same covariance, more for what has not, and errors for too few boxes."""

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.nbody_gan.covariance import (
    correlation,
    correlation_distance,
    forecast_distance,
    hartlap_factor,
    parameter_error,
    precision,
    split_half_ratio,
)
from analysis.nbody_gan.forecast import error_ratio

COVARIANCE = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, -0.3], [0.5, -0.3, 1.0]])


def draw(boxes: int, covariance: np.ndarray = COVARIANCE, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(covariance)), covariance, boxes)


def test_correlations_are_those_that_were_drawn_whatever_the_units() -> None:
    vectors = draw(200_000)
    expected = COVARIANCE / np.sqrt(np.outer(np.diag(COVARIANCE), np.diag(COVARIANCE)))
    assert correlation(vectors) == pytest.approx(expected, abs=0.01)
    assert correlation(vectors * [1e-6, 1, 1e6]) == pytest.approx(correlation(vectors))


def test_the_precision_is_unbiased_where_boxes_are_few() -> None:
    means = np.mean([precision(draw(12, seed=seed)) for seed in range(4000)], axis=0)
    assert means == pytest.approx(np.linalg.inv(COVARIANCE), abs=0.03)
    assert hartlap_factor(12, 3) == pytest.approx(7 / 11)


def test_forecasts_of_a_known_covariance() -> None:
    derivative = np.array([1.0, 0.0, 2.0])
    expected = (derivative @ np.linalg.inv(COVARIANCE) @ derivative) ** -0.5
    vectors = draw(200_000)
    assert parameter_error(vectors, derivative) == pytest.approx(expected, rel=0.01)
    assert error_ratio(vectors, 1.5 * vectors, derivative) == pytest.approx(1.5)
    assert forecast_distance(vectors, 1.5 * vectors) == pytest.approx(np.log(1.5))


@pytest.mark.parametrize("distance", [correlation_distance, forecast_distance])
def test_the_ratio_is_one_for_the_same_covariance_and_more_for_another(distance) -> None:
    nbody = draw(4000)
    how = {"distance": distance, "splits": 20, "seed": 1}
    same, error = split_half_ratio(nbody, draw(2000, seed=2), **how)
    assert 0.4 < same < 1.6
    assert 0 < error < 1
    other, _ = split_half_ratio(nbody, draw(2000, COVARIANCE * [[1, 0, 1], [0, 1, 1], [1, 1, 1]], seed=2), **how)
    assert other > 3


def test_the_error_is_the_scatter_between_samples_of_boxes() -> None:
    """The jackknife errs to the side of caution where all sets are alike: distances are then all chance."""
    unit = np.eye(8)
    sets = ((draw(300, unit, seed), draw(150, unit, 1000 + seed), seed) for seed in range(40))
    found = np.array([split_half_ratio(nbody, drawn, correlation_distance, 10, seed) for nbody, drawn, seed in sets])
    assert 0.9 < found[:, 1].mean() / found[:, 0].std() < 1.8


def test_a_difference_as_large_as_chance_makes_it_the_root_of_two() -> None:
    generator = np.random.default_rng(3)
    ratios = []
    for _ in range(20):
        # chance moves a correlation coefficient of zero by 1 / sqrt(n), twice that variance between two halves
        shift = np.sqrt(2 / 500)
        sets = generator.normal(size=(3, 500, 2))
        sets[2, :, 1] = shift * sets[2, :, 0] + np.sqrt(1 - shift**2) * sets[2, :, 1]
        ratios.append([correlation_distance(sets[2], sets[0]) ** 2, correlation_distance(sets[0], sets[1]) ** 2])
    across, between = np.mean(ratios, axis=0)
    assert np.sqrt(across / between) == pytest.approx(np.sqrt(2), abs=0.5)


def test_too_few_boxes_and_bins_that_do_not_vary_are_refused() -> None:
    with pytest.raises(InputError, match="5 boxes for 3 bins; expected more than 5"):
        correlation(draw(5))
    with pytest.raises(InputError, match="bin 1 is the same in all 10"):
        correlation(draw(10) * [1, 0, 1])
    with pytest.raises(InputError, match="at least as many as half"):
        split_half_ratio(draw(40), draw(19), correlation_distance, 1, 2)
