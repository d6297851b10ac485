"""Covariance and correlation matrices, and how far those of two sets of boxes lie apart.

The yardstick is the distance between two independent halves of N-body boxes: a set whose matrices are those of N-body
lies as far from each half as the halves lie from each other.
"""

from collections.abc import Callable

import numpy as np

from analysis.errors import InputError

Array = np.ndarray
Distance = Callable[[Array, Array], float]

GROUPS = 20  # of boxes, of the jackknife


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


def split_half_ratio(nbody: Array, drawn: Array, distance: Distance, splits: int, seed: int) -> tuple[float, float]:
    """Return by how much farther drawn boxes are from N-body boxes than N-body boxes from each other, and its error.

    Parameters
    ----------
    nbody : ndarray, shape (boxes, bins)
        Data vectors; split at random into two halves, again and again.
    drawn : ndarray, shape (at least boxes // 2, bins)
        Data vectors; each time, as many are taken as a half has.
    distance : callable
        Of two sets of data vectors, such as `correlation_distance`.
    splits : int
        Splits that the distances are averaged over.
    seed : int

    Returns
    -------
    ratio : float
        Mean distance of drawn boxes from the halves over mean distance between the halves: near 1 where the drawn boxes
        have the covariance of N-body boxes, near sqrt(1 + b^2) where theirs differs by b times what chance makes of
        two halves.
    error : float
        Standard error by the jackknife: groups of N-body boxes and of drawn ones are left out of all splits in turn.
        (A bootstrap would put copies of boxes into the sets, which brings all distances nearer to each other.)

    Raises
    ------
    InputError
        If there are fewer drawn boxes than in a half, or too few boxes for the bins.
    """
    half = len(nbody) // 2
    if len(drawn) < half:
        raise InputError(f"drawn boxes: {len(drawn)}; expected at least as many as half of the N-body boxes, {half}")
    generator = np.random.default_rng(seed)
    drawings = [(generator.permutation(len(nbody)), generator.permutation(len(drawn))[:half]) for _ in range(splits)]

    def ratio(left_out: int | None = None) -> float:
        between, across = 0.0, 0.0
        for order, chosen in drawings:
            one, other = (nbody[_others(part, left_out)] for part in (order[:half], order[half : 2 * half]))
            taken = drawn[_others(chosen, left_out)]
            between += distance(one, other)
            across += (distance(taken, one) + distance(taken, other)) / 2
        return across / between

    without = np.array([ratio(group) for group in range(GROUPS)])
    return ratio(), float(np.sqrt((GROUPS - 1) * without.var()))


def _others(boxes: Array, left_out: int | None) -> Array:
    """Return numbers of boxes, without those of a group."""
    return boxes if left_out is None else boxes[boxes % GROUPS != left_out]
