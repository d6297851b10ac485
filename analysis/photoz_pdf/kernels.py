"""Kernel density estimates on a grid: samples are dealt to grid points, which a matrix then smooths."""

import numpy as np
from scipy import sparse
from scipy.special import ndtr

Array = np.ndarray


def cell_edges(grid: Array) -> Array:
    """Return the borders of the cells around grid points, shape (n_grid + 1,); the grid's ends are the outer ones."""
    return np.concatenate([grid[:1], (grid[1:] + grid[:-1]) / 2, grid[-1:]])


def smoothing_matrix(grid: Array, bandwidth: float) -> Array:
    """Return the density at each grid point (columns) of a Gaussian kernel at each grid point (rows).

    The kernel is integrated over cells, and what would leave the grid is kept by renormalising: each row integrates
    to one.
    """
    edges = cell_edges(grid)
    mass = np.diff(ndtr((edges[None, :] - grid[:, None]) / bandwidth), axis=1)
    mass /= mass.sum(axis=1, keepdims=True)
    return mass / np.diff(edges)


def deal_to_grid(grid: Array, samples: Array, weights: Array) -> sparse.csr_array:
    """Deal samples to the two grid points beside each, in proportion to nearness (cloud in cell).

    Parameters
    ----------
    grid : ndarray, shape (n_grid,)
        Evenly spaced.
    samples, weights : ndarray, shape (n, n_samples)
        For each object; samples lie inside the grid.

    Returns
    -------
    scipy.sparse.csr_array, shape (n, n_grid)
        Rows sum to the sum of the weights.
    """
    n, k = samples.shape
    place = np.clip((samples - grid[0]) / (grid[1] - grid[0]), 0, len(grid) - 1)
    left = np.minimum(place.astype(int), len(grid) - 2)
    right_share = place - left
    rows = np.repeat(np.arange(n), k)
    values = np.concatenate([(weights * (1 - right_share)).ravel(), (weights * right_share).ravel()])
    columns = np.concatenate([left.ravel(), left.ravel() + 1])
    return sparse.csr_array((values, (np.concatenate([rows, rows]), columns)), shape=(n, len(grid)))


def silverman_bandwidth(z: Array) -> float:
    """Return Silverman's (1986, eq. 3.31) bandwidth for a Gaussian kernel: 0.9 min(sigma, IQR/1.349) n^(-1/5)."""
    low, high = np.percentile(z, [25, 75])
    spreads = [s for s in (np.std(z), (high - low) / 1.349) if s > 0]
    return 0.9 * min(spreads) * len(z) ** -0.2
