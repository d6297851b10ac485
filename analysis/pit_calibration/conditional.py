"""Is the PIT flat everywhere? In bins, and by a local test: a flat PIT of all objects can hide slopes that cancel."""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial import cKDTree

from analysis import pdf_metrics

Array = np.ndarray

KS_5_PERCENT = 1.358  # over the square root of the number of objects: exceeded once in twenty by calibrated PDFs
_LEVELS = np.arange(0.1, 0.95, 0.1)  # of the PIT, at which the local test compares the CDFs


def histogram(pits: Array, n_bins: int) -> pd.DataFrame:
    """Count PITs in bins of equal width, as a density, beside the central 95% of what calibrated PDFs give.

    Parameters
    ----------
    pits : ndarray, shape (n,)
    n_bins : int

    Returns
    -------
    pandas.DataFrame
        `low`, `high`, `density`, and `band_low`, `band_high` from the binomial distribution.
    """
    edges = np.linspace(0, 1, n_bins + 1)
    band = np.array(stats.binom.interval(0.95, len(pits), 1 / n_bins)) * n_bins / len(pits)
    density = np.histogram(pits, edges)[0] * n_bins / len(pits)
    columns = {"low": edges[:-1], "high": edges[1:], "density": density}
    return pd.DataFrame(columns | {"band_low": band[0], "band_high": band[1]})


def in_bins(pits: Array, values: Array, n_bins: int) -> pd.DataFrame:
    """Describe the PIT in bins of a property, of equal numbers of objects; objects without it are left out.

    Parameters
    ----------
    pits, values : ndarray, shape (n,)
    n_bins : int

    Returns
    -------
    pandas.DataFrame
        Per bin: `low`, `high`, `objects`, `mean_pit` with the error that calibrated PDFs give it (a slope), `ks` and
        `ks_limit`, which those exceed once in twenty.
    """
    known = np.isfinite(values)
    pits, values = pits[known], values[known]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1))) if len(values) else np.empty(0)
    lines = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = pits[(values >= low) & ((values < high) | (number == len(edges) - 2))]
        n = len(inside)
        line = {"low": low, "high": high, "objects": n, "mean_pit": inside.mean(), "mean_pit_err": np.sqrt(1 / 12 / n)}
        lines.append(line | {"ks": pdf_metrics.ks_distance(inside), "ks_limit": KS_5_PERCENT / np.sqrt(n)})
    return pd.DataFrame(lines, columns=["low", "high", "objects", "mean_pit", "mean_pit_err", "ks", "ks_limit"])


def local_test(points: Array, pits: Array, neighbours: int, n_null: int, seed: int) -> dict[str, float]:
    """Test whether the PIT is uniform around each object: the local coverage test of Zhao et al. (2021, UAI, PMLR 161).

    Around each object, the fraction of its neighbours with a PIT below 0.1, 0.2 … 0.9 is compared with 0.1, 0.2 …
    0.9. What remains of the mean squared difference after that of calibrated PDFs (uniform PITs at the same points) is
    the squared size of a local miscalibration.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Where the objects are: standardised magnitudes and colours.
    pits : ndarray, shape (n,)
    neighbours : int
        So many objects are averaged.
    n_null : int
        Draws of uniform PITs.
    seed : int

    Returns
    -------
    dict
        `rms`, the local deviation of the PIT's CDF from uniform, in excess of noise; `p_value`, the share of draws
        with a larger statistic (at least 1 / (n_null + 1)).
    """
    near = cKDTree(points).query(points, min(neighbours, len(points)))[1].reshape(len(points), -1)
    generator = np.random.default_rng(seed)

    def statistic(values: Array) -> float:
        deviations = [(values <= level)[near].mean(axis=1) - level for level in _LEVELS]
        return float(np.mean(np.square(deviations)))

    found = statistic(pits)
    null = np.array([statistic(generator.uniform(size=len(pits))) for _ in range(n_null)])
    excess = max(0.0, found - float(null.mean()))
    return {"rms": float(np.sqrt(excess)), "p_value": float((1 + np.sum(null >= found)) / (1 + n_null))}


def design_effect(pits: Array, patch: Array) -> float:
    """Return the variance of a mean PIT over that of as many independent objects (Kish 1965); at least 1.

    Galaxies of one patch of sky share the errors of its photometric calibration, and with them the direction in which
    their redshifts are missed: they say less than as many galaxies from all over the sky.

    Parameters
    ----------
    pits : ndarray, shape (n,)
    patch : ndarray of int, shape (n,)
    """
    _, number = np.unique(patch, return_inverse=True)
    sizes = np.bincount(number)
    if len(sizes) < 2:
        return 1.0
    squares = sizes * (np.bincount(number, pits) / sizes - pits.mean()) ** 2
    return max(1.0, float(squares.sum() / (len(sizes) - 1) / pits.var()))


def curvature(pits: Array) -> float:
    """Return the variance of PITs over a uniform one, less 1: above 0 for a U (PDFs too narrow), below for a peak."""
    return float(12 * np.var(pits) - 1)


def slope(pits: Array) -> float:
    """Return twice the mean of PITs, less 1: below 0 where redshifts are predicted too high."""
    return float(2 * np.mean(pits) - 1)
