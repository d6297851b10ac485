"""The network and the trees on the same galaxies: the table, the paired difference, parity, and bias by property."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics
from analysis.cnn_redshift.names import ADABOOST, CNN
from analysis.cnn_redshift.sample import SEEING
from analysis.rules import RULES, UNDECIDED, Measurement

Array = np.ndarray

TABLE_METRICS = ("mu", "sigma68", "sigma95", "outliers_percent")  # of the published table
PROPERTIES = {  # column, and how it is called
    "redshift": "redshift",
    "dered_r": "r magnitude",
    "petroRad_r": "size (arcsec)",
    "expAB_r": "axis ratio",
    SEEING: "seeing (arcsec)",
}
PARITY, BETTER, WORSE = "parity", "better", "worse"


def differences(z: Array, network: Array, trees: Array, n: int, seed: int) -> dict[str, float]:
    """Return network less trees in each metric of the table, by paired bootstrap, with errors and 95% intervals."""
    result: dict[str, float] = {}
    for name in TABLE_METRICS:
        metric = metrics.PAPER_ERA[name]

        def difference(z: Array, network: Array, trees: Array, metric: metrics.Metric = metric) -> float:
            return metric(z, network) - metric(z, trees)

        result |= metrics.with_interval(name, difference, z, network, trees, n=n, seed=seed)
    return result


def parity(z: Array, network: Array, trees: Array, n: int, seed: int, tolerance: float) -> dict[str, Any]:
    """Return by how many percent of the trees' sigma68 the network's is larger, and what that means.

    Parameters
    ----------
    z, network, trees : ndarray, shape (objects,)
        True redshifts and two predictions.
    n, seed : int
        Of the paired bootstrap.
    tolerance : float
        Percent. A test of equivalence: parity is a 95% interval that lies within it, not a difference that was not
        seen.

    Returns
    -------
    dict
        `sigma68_percent` with `_err`, `_low`, `_high`; `verdict`.
    """

    def percent(z: Array, network: Array, trees: Array) -> float:
        return 100 * (metrics.sigma68(z, network) / metrics.sigma68(z, trees) - 1)

    found = metrics.with_interval("sigma68_percent", percent, z, network, trees, n=n, seed=seed)
    low, high = found["sigma68_percent_low"], found["sigma68_percent_high"]
    return found | {"tolerance_percent": tolerance, "verdict": verdict(low, high, tolerance)}


def verdict(low: float, high: float, tolerance: float) -> str:
    """Say what a 95% interval of a difference in sigma68 means, by the rule of the claims on parity."""
    holds = RULES["interval_within"].holds(Measurement(math.nan, low=low, high=high), math.nan, tolerance)
    if holds is None:
        return UNDECIDED
    if holds:
        return PARITY
    return BETTER if high < 0 else WORSE  # the smaller sigma68, the better


def bias(galaxies: pd.DataFrame, predictions: Mapping[str, Array], bins: int, n: int, seed: int) -> pd.DataFrame:
    """Return mu and sigma68 of each learner in bins of equal numbers of galaxies.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        `redshift`, and of `PROPERTIES` those that there are: one that no galaxy has is left out.
    predictions : mapping of str to ndarray
        By learner.
    bins : int
    n, seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        `learner`, `property`, `low`, `high`, `median`, `galaxies`, `mu`, `mu_err`, `sigma68`, `sigma68_err`.
    """
    compared = {name: metrics.PAPER_ERA[name] for name in ("mu", "sigma68")}
    z = galaxies["redshift"].to_numpy()
    lines = []
    for column, name in PROPERTIES.items():
        if column not in galaxies or galaxies[column].nunique() < bins:
            continue
        values = galaxies[column].to_numpy(float)
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, bins + 1)))
        for low, high in pairwise(edges):
            inside = (values >= low) & ((values < high) | (high == edges[-1]))
            if inside.sum() < 2:
                continue
            for learner, predicted in predictions.items():
                measured = metrics.with_errors(compared, z[inside], predicted[inside], n, seed)
                about = {"learner": learner, "property": name, "low": low, "high": high}
                about |= {"median": np.median(values[inside]), "galaxies": inside.sum()}
                lines.append(about | measured)
    return pd.DataFrame(lines)


def largest_bias(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return, for each learner, by property the largest mu of a bin in units of its error."""
    result: dict[str, dict[str, float]] = {}
    for learner in (CNN, ADABOOST):
        of_learner = table[table["learner"] == learner]
        significance = (of_learner["mu"] / of_learner["mu_err"]).abs().groupby(of_learner["property"], sort=False)
        result[learner] = {str(key).split(" (")[0].replace(" ", "_"): float(v) for key, v in significance.max().items()}
    return result
