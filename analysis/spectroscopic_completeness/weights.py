"""Nearest-neighbour weights: Lima et al. (2008, MNRAS 390, 118, section 3.2)."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from analysis.cores import cores

Array = np.ndarray


def neighbour_weights(labelled: Array, science: Array, neighbours: int) -> Array:
    """Return weights with which labelled galaxies are distributed like the science sample.

    In the ball about a labelled galaxy that holds so many labelled ones, the galaxies of either sample are counted: the
    ratio of both densities is the weight.

    Parameters
    ----------
    labelled : ndarray, shape (n, d)
        Standardised magnitudes and colours.
    science : ndarray, shape (m, d)
    neighbours : int
        Few resolve the space, many lower the noise.

    Returns
    -------
    ndarray, shape (n,)
        Of mean 1. Where no labelled galaxy is there is none to weigh: what the science sample holds beyond stays
        unrepresented.
    """
    tree = cKDTree(labelled)
    neighbours = min(neighbours, len(labelled))
    radius = tree.query(labelled, [neighbours], workers=cores())[0][:, 0]
    counts = cKDTree(science).query_ball_point(labelled, radius, return_length=True, workers=cores())
    weights = counts / np.maximum(tree.query_ball_point(labelled, radius, return_length=True, workers=cores()), 1)
    if not weights.any():
        return np.ones(len(labelled))  # the samples do not overlap: no weight is better than another
    return weights / weights.mean()


def effective_size(weights: Array) -> float:
    """Return the number of equally weighted objects that would scatter as much (Kish 1965)."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def weighted_metric(
    metric: Callable[..., float], *arrays: Array, weights: Array, n: int, seed: int
) -> tuple[float, float]:
    """Return a metric of weighted objects, and its bootstrap error.

    Both are over resamples in which an object is drawn in proportion to its weight; as many are drawn as there are
    effective objects.
    """
    values = weighted_resamples(metric, *arrays, weights=weights, n=n, seed=seed)
    return float(np.mean(values)), float(np.std(values, ddof=1))


def weighted_resamples(metric: Callable[..., float], *arrays: Array, weights: Array, n: int, seed: int) -> Array:
    """Return a metric on such resamples, shape (n,)."""
    generator = np.random.default_rng(seed)
    size, share = max(2, round(effective_size(weights))), weights / weights.sum()
    draws = (generator.choice(len(weights), size, p=share) for _ in range(n))
    return np.array([metric(*(array[chosen] for array in arrays)) for chosen in draws])
