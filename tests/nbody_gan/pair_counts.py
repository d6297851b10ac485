"""Correlation functions of particles by counting pairs: what the grid versions in statistics.py are held against."""

import numpy as np
from scipy.spatial import cKDTree

from analysis.errors import InputError

Array = np.ndarray


def pair_counts(positions: Array, weights: Array, edges: Array, box_size: float) -> Array:
    """Return the sum, over the ordered pairs of a periodic box, of the product of both weights, by separation.

    Parameters
    ----------
    positions : ndarray, shape (particles, 3)
        Within [0, box_size) (Mpc/h).
    weights : ndarray, shape (particles,)
    edges : ndarray, shape (bins + 1,)
        Of the separations, above zero and up to half the box (Mpc/h).
    box_size : float
        Side of the box (Mpc/h).

    Returns
    -------
    ndarray, shape (bins,)

    Raises
    ------
    InputError
        If a particle is outside the box, or an edge beyond half of it.
    """
    if edges[0] <= 0 or edges[-1] > box_size / 2:
        raise InputError(f"separations: {edges[0]:g} to {edges[-1]:g}; expected above 0 and up to {box_size / 2:g}")
    outside = np.flatnonzero(((positions < 0) | (positions >= box_size)).any(axis=1))
    if len(outside):
        raise InputError(f"positions: particle {outside[0]} is outside the box; expected 0 <= x < {box_size:g}")
    tree = cKDTree(positions, boxsize=box_size)
    return np.diff(tree.count_neighbors(tree, edges, weights=(weights, weights)))


def two_point(positions: Array, edges: Array, box_size: float) -> Array:
    """Return the two-point correlation function of particles in a periodic box, shape (bins,); see `pair_counts`."""
    particles = len(positions)
    shells = 4 / 3 * np.pi * np.diff(edges**3) / box_size**3
    return pair_counts(positions, np.ones(particles), edges, box_size) / (particles * (particles - 1) * shells) - 1


def marked(positions: Array, marks: Array, edges: Array, box_size: float) -> Array:
    """Return the marked correlation function WW / DD, in units of the mean mark squared (White 2016, eq. 1)."""
    plain = pair_counts(positions, np.ones(len(positions)), edges, box_size)
    return pair_counts(positions, marks / marks.mean(), edges, box_size) / plain
