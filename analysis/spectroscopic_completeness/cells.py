"""Spectroscopic completeness over cells of colour-magnitude space: Bonnett et al. (2016, arXiv:1507.05909)."""

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

Array = np.ndarray


def within_cell_squares(points: Array, numbers: list[int], seed: int) -> Array:
    """Return the sum of squared distances of points (n, d) from the centre of their cell, by number of cells."""
    return np.array([KMeans(k, n_init=2, random_state=seed).fit(points).inertia_ for k in numbers])


def elbow(numbers: list[int], squares: Array) -> int:
    """Return the number of cells beyond which more of them gain little.

    It is the one that lies farthest below the straight line from the first to the last, each axis scaled from 0 to 1
    (Satopaa et al. 2011, "Finding a kneedle in a haystack").

    Parameters
    ----------
    numbers : list of int
        Ascending, two or more.
    squares : ndarray, shape (len(numbers),)
        From `within_cell_squares`.
    """
    x = (np.array(numbers) - numbers[0]) / (numbers[-1] - numbers[0])
    y = (squares - squares[-1]) / (squares[0] - squares[-1])
    return numbers[int(np.argmax(1 - x - y))]


def make_cells(points: Array, number: int, seed: int) -> Array:
    """Return the centres of so many k-means cells of points (n, d), shape (number, d)."""
    return KMeans(number, n_init=4, random_state=seed).fit(points).cluster_centers_


def cell_of(points: Array, centres: Array) -> Array:
    """Return the number of the nearest centre of each point, shape (n,)."""
    from scipy.spatial import cKDTree

    return cKDTree(centres).query(points)[1]


def completeness(cell: Array, labelled: Array, n_cells: int) -> pd.DataFrame:
    """Return the share of objects with a good redshift in each cell.

    Parameters
    ----------
    cell : ndarray of int, shape (n,)
    labelled : ndarray of bool, shape (n,)
    n_cells : int

    Returns
    -------
    pandas.DataFrame
        A row per cell: `objects`, `labelled`, `completeness` with its binomial error (that of one more success and one
        more failure, so that it is never zero; NaN in an empty cell).
    """
    objects = np.bincount(cell, minlength=n_cells)
    with_label = np.bincount(cell[labelled], minlength=n_cells)
    share = np.divide(with_label, objects, out=np.full(n_cells, np.nan), where=objects > 0)
    smoothed = (with_label + 1) / (objects + 2)
    error = np.where(objects > 0, np.sqrt(smoothed * (1 - smoothed) / (objects + 2)), np.nan)
    columns = {"objects": objects, "labelled": with_label, "completeness": share, "completeness_err": error}
    return pd.DataFrame(columns)


def spread(cell: Array, labelled: Array, n_cells: int) -> float:
    """Return the standard deviation of completeness over objects' cells, in excess of its binomial noise.

    Zero where targets are drawn at random from the sky, whatever their share.
    """
    table = completeness(cell, labelled, n_cells)
    table = table[table["objects"] > 1]
    share, objects = table["completeness"].to_numpy(), table["objects"].to_numpy()
    mean = np.average(share, weights=objects)
    noise = np.average(share * (1 - share) / (objects - 1), weights=objects)
    return float(np.sqrt(max(0.0, np.average((share - mean) ** 2, weights=objects) - noise)))
