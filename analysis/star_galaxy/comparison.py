"""Classifiers side by side on the same objects: figures of merit, paired differences, thresholds by need, curves."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from analysis import classification_metrics as merit
from analysis import metrics
from analysis.star_galaxy import names

Array = np.ndarray
Predictions = Mapping[str, Array]  # classifier: p(galaxy) of each object

PAIRS = ((names.TPC_MORPH, names.CONVNET), (names.CONVNET, names.TPC_PHOT), (names.TPC_MORPH, names.TPC_PHOT))
CUTS = (names.CUT, names.SDSS_TYPE)  # they say yes or no: no threshold to choose

MERIT_COLUMNS = ["classifier", *(f"{name}{part}" for name in merit.KIM_BRUNNER for part in ("", "_err"))]
ROC_COLUMNS = ["classifier", "stars_called_galaxies", "galaxies_called_galaxies"]
RELIABILITY_COLUMNS = ["classifier", "p_galaxy", "share_of_galaxies", "share_of_galaxies_err", "objects"]
SHARES = ("galaxy_completeness", "galaxy_purity", "star_completeness", "star_purity")
BIN_COLUMNS = ["classifier", "by", "low", "high", *(f"{name}{part}" for name in SHARES for part in ("", "_err"))]


def figures_of_merit(is_galaxy: Array, predictions: Predictions, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the seven figures of merit of each classifier, with bootstrap errors over the objects."""
    return {
        name: metrics.with_errors(merit.KIM_BRUNNER, is_galaxy, p, n=settings["n_bootstrap"], seed=settings["seed"])
        for name, p in predictions.items()
    }


def auc_differences(is_galaxy: Array, predictions: Predictions, settings: dict[str, Any]) -> dict[str, Any]:
    """Return by how much the AUC of the first of a pair of classifiers exceeds the other's, by paired bootstrap."""
    result: dict[str, Any] = {}
    for first, second in PAIRS:
        if first in predictions and second in predictions:
            result |= metrics.with_interval(
                f"{first}_minus_{second}",
                lambda truth, a, b: merit.auc(truth, a) - merit.auc(truth, b),
                *(is_galaxy, predictions[first], predictions[second]),
                n=settings["n_bootstrap"],
                seed=settings["seed"],
            )
    return result


def chosen_thresholds(is_galaxy: Array, p_galaxy: Array) -> dict[str, float]:
    """Return the thresholds that give the wanted completeness of galaxies and purity of stars: on validation."""
    return {
        "galaxy": merit.galaxy_threshold(is_galaxy, p_galaxy),
        "star": merit.star_threshold(is_galaxy, p_galaxy),
    }


def shares(is_galaxy: Array, p_galaxy: Array, thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return completeness and purity of galaxies and of stars at given thresholds, each with its error as `<name>_err`.

    The errors are binomial, those of one more success and one more failure, so that none is zero; NaN where there is
    nothing to take a share of.
    """
    as_galaxy, as_star = p_galaxy >= thresholds["galaxy"], p_galaxy <= thresholds["star"]
    right = (as_galaxy[is_galaxy], is_galaxy[as_galaxy], as_star[~is_galaxy], ~is_galaxy[as_star])
    result: dict[str, float] = {}
    for name, of in zip(SHARES, right, strict=True):
        result[name], result[f"{name}_err"] = _share(of)
    return result


def _share(right: Array) -> tuple[float, float]:
    n = len(right)
    if n == 0:
        return np.nan, np.nan
    smoothed = (np.count_nonzero(right) + 1) / (n + 2)
    return float(np.mean(right)), float(np.sqrt(smoothed * (1 - smoothed) / (n + 2)))


def thresholds_of(is_galaxy: Array, predictions: Predictions) -> dict[str, dict[str, float]]:
    """Return the thresholds of each classifier, chosen on these objects; of a cut, what it says."""
    return {
        name: {"galaxy": 0.5, "star": 0.5} if name in CUTS else chosen_thresholds(is_galaxy, p)
        for name, p in predictions.items()
    }


def thresholds_on_test(
    is_galaxy: Array, predictions: Predictions, thresholds: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Return the thresholds of each classifier, and the completeness and purity that they have on other objects."""
    result: dict[str, dict[str, float]] = {}
    for name, p in predictions.items():
        values = {f"{sample}_threshold": t for sample, t in thresholds[name].items() if np.isfinite(t)}
        values |= {share: v for share, v in shares(is_galaxy, p, thresholds[name]).items() if np.isfinite(v)}
        result[name] = values
    return result


def by_bins(
    values: Array,
    by: str,
    edges: Array,
    is_galaxy: Array,
    predictions: Predictions,
    thresholds: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """Return completeness and purity in bins of a property of the objects, columns as in `BIN_COLUMNS`."""
    lines = []
    for name, p in predictions.items():
        for low, high in pairwise(edges):
            here = (values >= low) & (values < high)
            line = {"classifier": name, "by": by, "low": low, "high": high}
            lines.append(line | shares(is_galaxy[here], p[here], thresholds[name]))
    return pd.DataFrame(lines, columns=BIN_COLUMNS)


def equal_numbers(values: Array, n_bins: int) -> Array:
    """Return edges of bins with equal numbers of objects, the last one beyond the largest value."""
    edges = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, n_bins + 1)))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    return edges


def reliability(is_galaxy: Array, predictions: Predictions, n_bins: int) -> pd.DataFrame:
    """Return the share of galaxies among objects of like probability, columns as in `RELIABILITY_COLUMNS`."""
    lines = []
    for name, p in predictions.items():
        place = np.minimum((p * n_bins).astype(int), n_bins - 1)
        for k in np.unique(place):
            value, error = _share(is_galaxy[place == k])
            lines.append([name, p[place == k].mean(), value, error, np.count_nonzero(place == k)])
    return pd.DataFrame(lines, columns=RELIABILITY_COLUMNS)


def roc(is_galaxy: Array, predictions: Predictions) -> pd.DataFrame:
    """Return the corners of the ROC curve of each classifier, columns as in `ROC_COLUMNS`."""
    parts = []
    for name, p in predictions.items():
        wrong, right, _ = roc_curve(is_galaxy, p)
        parts.append(pd.DataFrame(dict(zip(ROC_COLUMNS, (name, wrong, right), strict=True))))
    return pd.concat(parts, ignore_index=True)
