"""Mutual information from ranks: how much one measurement says about another, whatever its scale."""

import numpy as np


def rank_bins(X: np.ndarray, bins: int) -> np.ndarray:
    """Put the values of each column into bins that hold equally many of them.

    Only the order of values counts, so that the result is the same for any monotone function of them. Equal values
    share a bin; missing ones (NaN) have one of their own, the last.

    Parameters
    ----------
    X : ndarray, shape (objects, columns)
    bins : int

    Returns
    -------
    ndarray of int, shape (objects, columns)
        0 to `bins`.
    """
    numbers = np.empty(X.shape, np.int64)
    for column, values in enumerate(X.T):
        present = np.sort(values[~np.isnan(values)])
        rank = np.searchsorted(present, values)  # of the first among equals; NaN goes to the end
        numbers[:, column] = np.where(np.isnan(values), bins, rank * bins // max(1, len(present)))
    return numbers


def mutual_information(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mutual information of each column of `first` with each of `second`.

    Plug-in estimate from the joint histogram, less its bias where the two are independent (Miller 1955, with the
    cells that hold objects): (cells - rows - columns + 1) / 2 objects.

    Parameters
    ----------
    first : ndarray of int, shape (objects, m)
    second : ndarray of int, shape (objects, n)
        From `rank_bins`.

    Returns
    -------
    ndarray, shape (m, n)
        In nats, not negative; of a column with itself, its entropy.
    """
    width = int(max(first.max(), second.max())) + 1
    n_second = second.shape[1]
    cell = second + width**2 * np.arange(n_second)  # a table of width x width cells for each column of `second`
    return np.stack(
        [
            _information(np.bincount((cell + width * column[:, None]).ravel(), minlength=n_second * width**2), width)
            for column in first.T
        ]
    )


def _information(counts: np.ndarray, width: int) -> np.ndarray:
    """Return the mutual information in each of several tables of counts, given one after the other."""
    joint = counts.reshape(-1, width, width)
    objects = joint[0].sum()
    rows, columns = joint.sum(axis=2, keepdims=True), joint.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint * objects / (rows * columns)), 0.0)
    occupied = [(table > 0).sum(axis=(1, 2)) for table in (joint, rows, columns)]
    bias = (occupied[0] - occupied[1] - occupied[2] + 1) / 2
    return np.maximum(terms.sum(axis=(1, 2)) - bias, 0) / objects
