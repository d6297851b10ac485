"""PDFs made wider, narrower or shifted, each about its own median; and the stretch and shift that calibrate them.

The CDF of a rescaled PDF is F'(z) = F(m + (z - m - shift w) / stretch) with the PDF's median m and w, half the width
of its central 68%: in units of each PDF's own width, so that a stretch or shift does the same to every object's PIT.
"""

import numpy as np
from scipy.optimize import minimize

from analysis import pdf_metrics
from analysis.photoz_pdf.kernels import cell_edges

Array = np.ndarray

_CENTRAL_68 = np.array([0.16, 0.5, 0.84])


def cdf_at_edges(grid: Array, pdfs: Array) -> Array:
    """Return the CDFs at the borders of the cells around the grid's nodes, shape (n, k + 1), from 0 to 1."""
    steps = np.diff(grid) * (3 * pdfs[:, :-1] + pdfs[:, 1:]) / 8  # from a node to half way, by the trapezoid rule
    inner = pdf_metrics.cumulative(grid, pdfs)[:, :-1] + steps
    ends = np.ones(len(pdfs))
    return np.column_stack([0 * ends, np.clip(inner, 0, 1), ends])


def from_cdf_at_edges(grid: Array, cdf: Array) -> Array:
    """Return the PDFs of unit norm, shape (n, k), that have such CDFs at the borders of the cells."""
    mass = np.maximum(np.diff(cdf, axis=1), 0)  # rounding can make it -1e-17
    return pdf_metrics.normalised(grid, mass / np.diff(cell_edges(grid)))


def centres_and_widths(grid: Array, pdfs: Array) -> tuple[Array, Array]:
    """Return the median of each PDF and half the width of its central 68%, both of shape (n,)."""
    low, centre, high = pdf_metrics.quantiles(grid, pdfs, _CENTRAL_68).T
    return centre, (high - low) / 2


def rescaled(grid: Array, pdfs: Array, stretch: float, shift: float) -> Array:
    """Return PDFs stretched about their medians and shifted.

    Parameters
    ----------
    grid : ndarray, shape (k,)
    pdfs : ndarray, shape (n, k)
        Of unit norm.
    stretch : float
        Above 1 makes them wider, below 1 narrower.
    shift : float
        Towards higher redshift, in units of each PDF's width.

    Returns
    -------
    ndarray, shape (n, k)
        Of unit norm: probability that would leave the grid is spread over the rest.
    """
    centre, width = centres_and_widths(grid, pdfs)
    edges, cdf = cell_edges(grid), cdf_at_edges(grid, pdfs)
    there = centre[:, None] + (edges - centre[:, None] - shift * width[:, None]) / stretch
    # beyond the grid nothing is known: the CDF stays 0 or 1
    moved = np.array([np.interp(z, edges, f, left=0.0, right=1.0) for z, f in zip(there, cdf, strict=True)])
    return from_cdf_at_edges(grid, moved)


def fit_rescaling(grid: Array, pdfs: Array, z_true: Array) -> tuple[float, float]:
    """Return the stretch and shift that make the PIT as flat as can be, by its Cramer-von Mises distance.

    Parameters
    ----------
    grid : ndarray, shape (k,)
    pdfs : ndarray, shape (n, k)
        Of unit norm, of objects that the model has not been trained on.
    z_true : ndarray, shape (n,)

    Returns
    -------
    stretch, shift : float
        As `rescaled` takes them.
    """
    centre, width = centres_and_widths(grid, pdfs)

    def distance(parameters: Array) -> float:
        stretch, shift = np.exp(parameters[0]), parameters[1]
        there = np.clip(centre + (z_true - centre - shift * width) / stretch, grid[0], grid[-1])
        return pdf_metrics.cvm_distance(pdf_metrics.pit(grid, pdfs, there))

    start = [[0.0, 0.0], [0.2, 0.0], [0.0, 0.2]]  # the simplex: steps of a fifth of a width
    best = minimize(distance, start[0], method="Nelder-Mead", options={"initial_simplex": start, "xatol": 1e-3})
    return float(np.exp(best.x[0])), float(best.x[1])
