"""Figures of merit of redshift PDFs, plain functions of the grid, the densities and the true redshifts.

A PDF is its density on a grid and linear in between; its CDF is the trapezoid sum up to a node and the trapezoid from
there to the redshift asked for, which is exact for such a density. The functions take

- grid: ndarray, shape (k,), redshifts in ascending order, equally spaced or not,
- pdfs: ndarray, shape (n, k), densities per unit of redshift, each of unit norm (`normalised` makes them so),
- z_true: ndarray, shape (n,), within the grid.

`check_pdfs` stands at every door where they come in; the metrics rely on it. Scores are returned for each object, so
that means, bootstrap errors and bins are the caller's: the score of a sample is the mean.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from analysis import metrics
from analysis.errors import InputError

Array = np.ndarray

PIT_OUTLIER = 1e-4  # of the PIT, from either end
COVERAGE_LEVELS = (0.68, 0.95)
DENSITY_FLOOR = 1e-6  # per unit of redshift, in the log score: one impossible object would make it infinite


def check_pdfs(grid: Array, pdfs: Array, z_true: Array | None = None, source: str = "PDFs") -> None:
    """Check that densities on a grid are PDFs, and that the grid covers the redshifts that they are to be judged by.

    Parameters
    ----------
    grid : ndarray, shape (k,)
    pdfs : ndarray, shape (n, k)
        Any positive norm.
    z_true : ndarray, shape (n,), optional
    source : str
        What the message calls them: a file's name, say.

    Raises
    ------
    InputError
        If a shape is wrong, the grid not ascending, a density negative or not finite, a norm zero, or a redshift
        missing or outside the grid. The message names the first such row, counted from 1.
    """
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.isfinite(grid)) or not np.all(np.diff(grid) > 0):
        raise InputError(
            f"{source}: grid of shape {grid.shape}; expected two or more finite redshifts, ascending", "not-a-pdf"
        )
    if pdfs.ndim != 2 or pdfs.shape[1] != len(grid) or len(pdfs) == 0:
        raise InputError(
            f"{source}: densities of shape {pdfs.shape}; expected (objects, {len(grid)}), as the grid", "not-a-pdf"
        )
    faults = {
        "a density that is NaN or infinite": ~np.isfinite(pdfs).all(axis=1),
        "a negative density": (pdfs < 0).any(axis=1),
        "a norm of zero": ~(np.trapezoid(pdfs, grid, axis=1) > 0),
    }
    for what, rows in faults.items():
        if rows.any():
            first, others = int(np.argmax(rows)), int(rows.sum()) - 1
            raise InputError(
                f"{source}: row {first + 1} has {what} ({others} other rows too); expected a PDF", "not-a-pdf"
            )
    if z_true is not None:
        _check_redshifts(grid, len(pdfs), z_true, source)


def _check_redshifts(grid: Array, n: int, z_true: Array, source: str) -> None:
    if z_true.shape != (n,):
        raise InputError(
            f"{source}: redshifts of shape {z_true.shape}; expected one for each of the {n} PDFs", "lengths-differ"
        )
    outside = ~((z_true >= grid[0]) & (z_true <= grid[-1]))  # true of NaN, too
    if outside.any():
        row = int(np.argmax(outside))
        covered = f"{grid[0]:g} to {grid[-1]:g}"
        raise InputError(
            f"{source}: row {row + 1} has the redshift {z_true[row]:g} and the grid covers {covered} "
            f"({int(outside.sum()) - 1} other rows too); expected a grid that covers all redshifts",
            "out-of-range",
        )


def normalised(grid: Array, pdfs: Array) -> Array:
    """Return PDFs of unit norm (by the trapezoid rule), shape (n, k)."""
    return pdfs / np.trapezoid(pdfs, grid, axis=1)[:, None]


def cumulative(grid: Array, values: Array) -> Array:
    """Return the integral of each row up to each node of the grid, by the trapezoid rule, shape (n, k)."""
    steps = 0.5 * (values[:, 1:] + values[:, :-1]) * np.diff(grid)
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(steps, axis=1)], axis=1)


def _cells(grid: Array, z: Array) -> tuple[Array, Array]:
    """Return the cell of the grid that holds each redshift, and how far into the cell it lies (0 to 1)."""
    cell = np.clip(np.searchsorted(grid, z, side="right") - 1, 0, len(grid) - 2)
    return cell, (z - grid[cell]) / (grid[cell + 1] - grid[cell])


def density_at(grid: Array, pdfs: Array, z: Array) -> Array:
    """Return the density of each object's PDF at its own redshift, shape (n,)."""
    cell, fraction = _cells(grid, z)
    rows = np.arange(len(z))
    return (1 - fraction) * pdfs[rows, cell] + fraction * pdfs[rows, cell + 1]


def pit(grid: Array, pdfs: Array, z_true: Array) -> Array:
    """Return the probability integral transform of each object, its CDF at its true redshift, shape (n,).

    Uniform from 0 to 1 where the PDFs are calibrated (Dawid 1984; Polsterer et al. 2016, arXiv:1608.08016).
    """
    cell, _ = _cells(grid, z_true)
    rows = np.arange(len(z_true))
    below = cumulative(grid, pdfs)[rows, cell]
    partial = 0.5 * (pdfs[rows, cell] + density_at(grid, pdfs, z_true)) * (z_true - grid[cell])
    return np.clip(below + partial, 0, 1)


def ks_distance(pits: Array) -> float:
    """Return the Kolmogorov-Smirnov distance of PITs from uniform: the largest gap between the two CDFs."""
    n, ordered = len(pits), np.sort(pits)
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def cvm_distance(pits: Array) -> float:
    """Return the Cramer-von Mises statistic of PITs against uniform: n times the mean squared gap of the CDFs."""
    n = len(pits)
    return float(1 / (12 * n) + np.sum(((np.arange(n) + 0.5) / n - np.sort(pits)) ** 2))


def ad_distance(pits: Array) -> float:
    """Return the Anderson-Darling statistic of PITs against uniform, which weighs the tails.

    A single PIT of 0 or 1 would make it infinite. So PIT outliers are left out and the rest is stretched from 0 to 1,
    in the manner of Schmidt et al. (2020), section 4.1: the outlier rate reports those left out. NaN if none is left.
    """
    kept = pits[~is_pit_outlier(pits)]
    n = len(kept)
    if n == 0:
        return float("nan")
    ordered = np.sort((kept - PIT_OUTLIER) / (1 - 2 * PIT_OUTLIER))
    ordered = np.clip(ordered, np.finfo(float).tiny, 1 - np.finfo(float).eps)
    weights = 2 * np.arange(n) + 1
    return float(-n - np.mean(weights * (np.log(ordered) + np.log1p(-ordered[::-1]))))


def is_pit_outlier(pits: Array) -> Array:
    """Tell of each PIT whether it is below 1e-4 or above 1 - 1e-4: the truth was all but excluded."""
    return (pits < PIT_OUTLIER) | (pits > 1 - PIT_OUTLIER)


def pit_outlier_rate(pits: Array) -> float:
    """Return the fraction of PIT outliers; 2e-4 where the PDFs are calibrated."""
    return float(np.mean(is_pit_outlier(pits)))


def coverage(pits: Array, level: float) -> float:
    """Return the fraction of true redshifts in the central credible interval of a level, such as 0.68."""
    return float(np.mean(np.abs(pits - 0.5) <= level / 2))


def highest_density_level(grid: Array, pdfs: Array, z_true: Array) -> Array:
    """Return the probability of redshifts that are more likely than the true one, shape (n,).

    Uniform where the PDFs are calibrated (Wittman, Bhaskar & Tobin 2016, MNRAS 457, 4005); unlike the PIT it is
    sensitive to a second peak that is always wrong.
    """
    weights = np.gradient(grid)
    weights[[0, -1]] /= 2
    higher = pdfs > density_at(grid, pdfs, z_true)[:, None]
    return np.clip(np.sum(pdfs * higher * weights, axis=1), 0, 1)


def crps(grid: Array, pdfs: Array, z_true: Array) -> Array:
    """Return the continuous ranked probability score, the integral of (CDF - step at the truth)^2, shape (n,).

    In units of redshift, the smaller the better (Gneiting & Raftery 2007, JASA 102, 359, eq. 20). The cell that holds
    the truth is split there: a step smeared over a cell would cost as much as a cell is wide.
    """
    cdf = cumulative(grid, pdfs)
    cell, _ = _cells(grid, z_true)
    rows, at_truth = np.arange(len(z_true)), pit(grid, pdfs, z_true)
    below, above = cumulative(grid, cdf**2), cumulative(grid, (1 - cdf) ** 2)
    left = below[rows, cell] + 0.5 * (cdf[rows, cell] ** 2 + at_truth**2) * (z_true - grid[cell])
    right = above[:, -1] - above[rows, cell + 1]
    right += 0.5 * ((1 - at_truth) ** 2 + (1 - cdf[rows, cell + 1]) ** 2) * (grid[cell + 1] - z_true)
    return left + right


def cde_loss(grid: Array, pdfs: Array, z_true: Array) -> Array:
    """Return the conditional density estimation loss, the integral of p^2 less 2 p(z_true), shape (n,).

    The smaller the better (Izbicki & Lee 2017, arXiv:1704.08095, eq. 7).
    """
    return np.trapezoid(pdfs**2, grid, axis=1) - 2 * density_at(grid, pdfs, z_true)


def log_score(grid: Array, pdfs: Array, z_true: Array) -> Array:
    """Return -ln p(z_true), shape (n,): the smaller the better. Densities below 1e-6 count as 1e-6."""
    return -np.log(np.maximum(density_at(grid, pdfs, z_true), DENSITY_FLOOR))


def mean(grid: Array, pdfs: Array) -> Array:
    """Return the mean of each PDF, shape (n,)."""
    return np.trapezoid(pdfs * grid, grid, axis=1)


def quantiles(grid: Array, pdfs: Array, levels: Array) -> Array:
    """Return redshifts below which each PDF has so much probability.

    Parameters
    ----------
    grid, pdfs : ndarray
    levels : ndarray, shape (m,)
        From 0 to 1.

    Returns
    -------
    ndarray, shape (n, m)
        The CDF is inverted exactly for a density that is linear between the nodes.
    """
    cdf = cumulative(grid, pdfs)
    found = np.empty((len(pdfs), len(levels)))
    rows = np.arange(len(pdfs))
    for column, level in enumerate(levels):
        cell = np.clip(np.sum(cdf[:, 1:] < level, axis=1), 0, len(grid) - 2)
        width = grid[cell + 1] - grid[cell]
        start, slope = pdfs[rows, cell], (pdfs[rows, cell + 1] - pdfs[rows, cell]) / width
        lacking = np.maximum(level - cdf[rows, cell], 0)
        # solves slope/2 x^2 + start x = lacking in the form that does not cancel for a small slope
        root = np.sqrt(np.maximum(start**2 + 2 * slope * lacking, 0))
        denominator = np.maximum(start + root, np.finfo(float).tiny)
        found[:, column] = grid[cell] + np.clip(2 * lacking / denominator, 0, width)
    return found


def median(grid: Array, pdfs: Array) -> Array:
    """Return the median of each PDF, shape (n,)."""
    return quantiles(grid, pdfs, np.array([0.5]))[:, 0]


def mode(grid: Array, pdfs: Array) -> Array:
    """Return the node of the grid with the highest density of each PDF, shape (n,)."""
    return grid[np.argmax(pdfs, axis=1)]


POINTS: Mapping[str, Callable[[Array, Array], Array]] = {"mean": mean, "median": median, "mode": mode}


def stacked(pdfs: Array) -> Array:
    """Return the stacked redshift distribution, the mean of PDFs of unit norm, shape (k,)."""
    return np.mean(pdfs, axis=0)


def stacked_error(grid: Array, pdfs: Array, z_true: Array) -> float:
    """Return the area between the CDF of the stacked n(z) and that of the true redshifts, in units of redshift.

    It is the distance over which probability must be moved (Wasserstein's of order one).
    """
    ordered = np.sort(z_true)
    nodes = np.union1d(grid, ordered)
    cdf = np.interp(nodes, grid, cumulative(grid, stacked(pdfs)[None])[0])
    steps = np.searchsorted(ordered, nodes, side="right") / len(ordered)
    # between two nodes the truth is flat, the stack (nearly) linear: the gap at the middle is the mean one
    return float(np.sum(np.abs(0.5 * (cdf[1:] + cdf[:-1]) - steps[:-1]) * np.diff(nodes)))


_OF_PITS: Mapping[str, Callable[[Array], float]] = {
    "ks": ks_distance,
    "cvm": cvm_distance,
    "ad": ad_distance,
    "pit_outlier_rate": pit_outlier_rate,
    **{f"coverage_{100 * level:.0f}": partial(coverage, level=level) for level in COVERAGE_LEVELS},
}
_SCORES = {"crps": crps, "cde_loss": cde_loss, "log_score": log_score}


def figures_of_merit(grid: Array, pdfs: Array, z_true: Array, n: int, seed: int) -> dict[str, Any]:
    """Return every figure of merit of PDFs with its bootstrap error.

    Parameters
    ----------
    grid, pdfs, z_true : ndarray
        Any positive norm.
    n, seed : int
        Number of bootstrap resamples over objects, and their seed.

    Returns
    -------
    dict
        `crps`, `cde_loss`, `log_score`, `ks`, `cvm`, `ad`, `pit_outlier_rate`, `coverage_68`, `coverage_95`,
        `hpd_coverage_68`, `hpd_coverage_95`, and of the stacked n(z) its `stacked_shift`, each with `_err`; and its
        `stacked_error`.

    Raises
    ------
    InputError
        From `check_pdfs`, or if there is a single object, which has no bootstrap error.
    """
    check_pdfs(grid, pdfs, z_true)
    if len(pdfs) < 2:
        raise InputError("figures of merit of one PDF; expected two or more objects")
    pdfs = normalised(grid, pdfs)
    pits, levels = pit(grid, pdfs, z_true), highest_density_level(grid, pdfs, z_true)
    scores = np.column_stack([score(grid, pdfs, z_true) for score in _SCORES.values()])
    means = mean(grid, pdfs)
    names = [*_SCORES, *_OF_PITS, *(f"hpd_coverage_{100 * level:.0f}" for level in COVERAGE_LEVELS), "stacked_shift"]

    def all_of_them(scores: Array, pits: Array, levels: Array, z: Array, means: Array) -> Array:
        inside = [np.mean(levels <= level) for level in COVERAGE_LEVELS]
        of_pits = [metric(pits) for metric in _OF_PITS.values()]
        return np.array([*scores.mean(axis=0), *of_pits, *inside, np.mean(z) - np.mean(means)])

    columns = (scores, pits, levels, z_true, means)
    result = _with_errors(names, all_of_them(*columns), metrics.bootstrap(all_of_them, *columns, n=n, seed=seed))
    return result | {"stacked_error": stacked_error(grid, pdfs, z_true)}


def point_figures_of_merit(grid: Array, pdfs: Array, z_true: Array, n: int, seed: int) -> dict[str, Any]:
    """Return both families of point metrics of the mean, median and mode of PDFs, with bootstrap errors.

    Parameters
    ----------
    grid, pdfs, z_true : ndarray
        As for `figures_of_merit`, and checked by the same.
    n, seed : int

    Returns
    -------
    dict
        By point (`mean`, `median`, `mode`), then by family (`paper`, `lsst`).
    """
    check_pdfs(grid, pdfs, z_true)
    pdfs = normalised(grid, pdfs)
    families = {"paper": metrics.PAPER_ERA, "lsst": metrics.LSST_ERA}
    return {
        name: {key: metrics.with_errors(of, z_true, point(grid, pdfs), n, seed) for key, of in families.items()}
        for name, point in POINTS.items()
    }


def _with_errors(names: list[str], values: Array, resampled: Array) -> dict[str, Any]:
    """Pair values and errors; one that is not finite is left out, as the AD distance of a PIT of 0 is, by resamples."""
    result: dict[str, Any] = {}
    for name, value, error in zip(names, values, resampled.std(axis=0, ddof=1), strict=True):
        if np.isfinite(value):
            result[name] = float(value)
            if np.isfinite(error):
                result[f"{name}_err"] = float(error)
    return result
