"""Shares of objects, such as those that an attack flips, with exact intervals: none of a few is not none of many."""

import numpy as np
from scipy.stats import binomtest

Array = np.ndarray

_HALF_WIDTH = 1.96  # standard errors of a Gaussian, of a 95% interval


def exact_interval(percent: float, n: int) -> tuple[float, float]:
    """Return the exact 95% interval (percent) of a share (percent) of n objects (Clopper & Pearson 1934).

    A bootstrap of none, or of all, knows no error: its interval has no width however few the objects are.
    """
    found = binomtest(round(percent / 100 * n), n).proportion_ci(confidence_level=0.95, method="exact")
    return 100 * float(found.low), 100 * float(found.high)


def percent_with_interval(name: str, yes: Array) -> dict[str, float]:
    """Return the percentage of objects that are something, with error and exact 95% interval.

    Parameters
    ----------
    name : str
    yes : ndarray of bool (n,)
        At least one.

    Returns
    -------
    dict
        `<name>`, `<name>_err` (half of the interval over 1.96), `<name>_low`, `<name>_high`; percent.
    """
    percent = float(100 * np.mean(yes))
    low, high = exact_interval(percent, len(yes))
    return {name: percent, f"{name}_err": (high - low) / 2 / _HALF_WIDTH, f"{name}_low": low, f"{name}_high": high}
