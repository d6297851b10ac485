"""PIT-remapping: Bordoloi, Lilly & Amara (2010, MNRAS 406, 881, section 3.2).

Where a fraction G(p) of the true redshifts lies below the p quantile of their PDFs, the CDF F becomes G(F): the PIT is
then uniform by construction on the objects that G was measured on. That is one correction for all objects, and it
cannot give probability to redshifts that had none.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from analysis.photoz_pdf.rescale import cdf_at_edges, from_cdf_at_edges

Array = np.ndarray

_TAILS = 4.0  # standard deviations of a Gaussian: PITs of 3e-5 and 1 - 3e-5


def nodes(n: int) -> Array:
    """Return PITs from 0 to 1, shape (n,), dense at both ends, where the PIT of too narrow PDFs is steep."""
    return np.concatenate([[0.0], ndtr(np.linspace(-_TAILS, _TAILS, n - 2)), [1.0]])


def fit_remapping(pits: Array, n_nodes: int) -> Array:
    """Return the CDF of PITs at the nodes of `nodes`.

    Parameters
    ----------
    pits : ndarray, shape (n,)
        Of objects that the model has not been trained on.
    n_nodes : int
        The fewer, the smoother.

    Returns
    -------
    ndarray, shape (n_nodes,)
        From 0 to 1, strictly increasing: one pseudo-object is spread evenly, so that no redshift becomes impossible.
    """
    levels = nodes(n_nodes)
    below = np.searchsorted(np.sort(pits), levels, side="right") + levels
    remapping = below / (len(pits) + 1)
    remapping[[0, -1]] = 0, 1
    return remapping


def remapped(grid: Array, pdfs: Array, remapping: Array) -> Array:
    """Return PDFs of unit norm with the CDF G(F).

    Parameters
    ----------
    grid : ndarray, shape (k,)
    pdfs : ndarray, shape (n, k)
        Of unit norm.
    remapping : ndarray, shape (n_nodes,)
        From `fit_remapping`; monotone cubics join the nodes (Fritsch & Carlson 1980), so that the density is smooth.
    """
    curve = PchipInterpolator(nodes(len(remapping)), remapping)
    return from_cdf_at_edges(grid, curve(cdf_at_edges(grid, pdfs)))
