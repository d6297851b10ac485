"""Covariance and correlation matrices, and how far those of two sets of boxes lie apart.

The yardstick is the distance between two independent halves of N-body boxes: a set whose matrices are those of N-body
lies as far from each half as the halves lie from each other.
"""

from collections.abc import Callable

import numpy as np

from analysis.errors import InputError

Array = np.ndarray
Distance = Callable[[Array, Array], float]


def covariance(vectors: Array) -> Array:
    """Return the covariance matrix of data vectors (boxes, bins).

    Raises
    ------
    InputError
        If there are not more boxes than bins plus two (the matrix could not be inverted without bias, Hartlap et al.
        2007), or a bin does not vary.
    """
    boxes, bins = vectors.shape
    if boxes <= bins + 2:
        raise InputError(f"data vectors: {boxes} boxes for {bins} bins; expected more than {bins + 2} boxes")
    flat = np.flatnonzero(np.ptp(vectors, axis=0) == 0)
    if len(flat):
        raise InputError(f"data vectors: bin {flat[0]} is the same in all {boxes} boxes; expected one that varies")
    return np.cov(vectors, rowvar=False)


def correlation(vectors: Array) -> Array:
    """Return the correlation matrix of data vectors (boxes, bins); raises as `covariance`."""
    matrix = covariance(vectors)
    deviation = np.sqrt(np.diag(matrix))
    return matrix / np.outer(deviation, deviation)


def hartlap_factor(boxes: int, bins: int) -> float:
    """Return (n - p - 2) / (n - 1), which unbiases an inverted covariance matrix (Hartlap et al. 2007, eq. 17)."""
    return (boxes - bins - 2) / (boxes - 1)


def precision(vectors: Array) -> Array:
    """Return the unbiased inverse of the covariance matrix of data vectors (boxes, bins); raises as `covariance`."""
    return hartlap_factor(*vectors.shape) * np.linalg.inv(covariance(vectors))


def correlation_distance(one: Array, other: Array) -> float:
    """Return the root mean square of the differences of the correlation matrices' elements off the diagonal."""
    difference = correlation(one) - correlation(other)
    return float(np.sqrt(np.mean(difference[np.triu_indices(len(difference), 1)] ** 2)))


def forecast_distance(one: Array, other: Array) -> float:
    """Return by how much Fisher forecasts from two covariance matrices differ, as a root mean square.

    A parameter that moves bin i alone by its unit is known to 1 / sqrt(precision_ii). The distance is the root mean
    square, over the bins, of the logarithm of the ratio of these errors.
    """
    errors = [-0.5 * np.log(np.diag(precision(vectors))) for vectors in (one, other)]
    return float(np.sqrt(np.mean((errors[0] - errors[1]) ** 2)))


def parameter_error(vectors: Array, derivative: Array) -> float:
    """Return the Fisher forecast of the error on one parameter: (d^T C^-1 d)^(-1/2).

    Parameters
    ----------
    vectors : ndarray, shape (boxes, bins)
        Of which the covariance is taken.
    derivative : ndarray, shape (bins,)
        Of the mean data vector with respect to the parameter.
    """
    return float((derivative @ precision(vectors) @ derivative) ** -0.5)


def split_half_ratio(
    nbody: Array, drawn: Array, distance: Distance, generator: np.random.Generator, splits: int
) -> float:
    """Return the distance of drawn boxes to halves of the N-body boxes, in units of that between both halves.

    Parameters
    ----------
    nbody : ndarray, shape (boxes, bins)
        Data vectors; split at random into two halves, again and again, and averaged over.
    drawn : ndarray, shape (at least boxes // 2, bins)
        Data vectors; as many are taken as a half has.
    distance : callable
        Of two sets of data vectors, such as `correlation_distance`.
    generator : numpy.random.Generator
    splits : int

    Returns
    -------
    float
        Near one where the drawn boxes have the covariance of N-body boxes; expected sqrt(1 + b^2) where the two
        differ by b times what chance makes of two halves.
    """
    half = len(nbody) // 2
    if len(drawn) < half:
        raise InputError(f"drawn boxes: {len(drawn)}; expected at least as many as half of the N-body boxes, {half}")
    between, across = 0.0, 0.0
    for _ in range(splits):
        order = generator.permutation(len(nbody))
        one, other = nbody[order[:half]], nbody[order[half : 2 * half]]
        taken = drawn[generator.permutation(len(drawn))[:half]]
        between += distance(one, other)
        across += (distance(taken, one) + distance(taken, other)) / 2
    return across / between


def split_half_ratio_error(
    nbody: Array, drawn: Array, distance: Distance, generator: np.random.Generator, resamples: int
) -> float:
    """Return the bootstrap error of `split_half_ratio`: boxes of either half and drawn ones resampled on their own."""
    half = len(nbody) // 2
    ratios = []
    for _ in range(resamples):
        order = generator.permutation(len(nbody))
        halves = (nbody[order[:half]], nbody[order[half : 2 * half]], drawn[generator.permutation(len(drawn))[:half]])
        one, other, taken = (boxes[generator.integers(0, half, half)] for boxes in halves)
        ratios.append((distance(taken, one) + distance(taken, other)) / 2 / distance(one, other))
    return float(np.std(ratios, ddof=1))
