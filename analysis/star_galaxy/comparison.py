"""Classifiers side by side on the same objects: figures of merit, paired differences, thresholds by need, curves."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from analysis import classification_metrics as merit
from analysis import metrics
from analysis.star_galaxy import inputs, names

Array = np.ndarray
Predictions = Mapping[str, Array]  # classifier: p(galaxy) of each object

PAIRS = ((names.TPC_MORPH, names.CONVNET), (names.CONVNET, names.TPC_PHOT), (names.TPC_MORPH, names.TPC_PHOT))

MERIT_COLUMNS = ["classifier", *(f"{name}{part}" for name in merit.KIM_BRUNNER for part in ("", "_err"))]
ROC_COLUMNS = ["sample", "classifier", "stars_called_galaxies", "galaxies_called_galaxies"]
RELIABILITY_COLUMNS = ["sample", "classifier", "p_galaxy", "share_of_galaxies", "share_of_galaxies_err", "objects"]
BIN_COLUMNS = [
    "sample",
    "classifier",
    "by",
    "centre",
    *(f"{name}{part}" for name in names.SHARES for part in ("", "_err")),
]


def figures_of_merit(is_galaxy: Array, predictions: Predictions, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the seven figures of merit of each classifier, with bootstrap errors over the objects."""
    return {
        name: metrics.with_errors(merit.KIM_BRUNNER, is_galaxy, p, **metrics.resampling(settings))
        for name, p in predictions.items()
    }


def auc_differences(is_galaxy: Array, predictions: Predictions, settings: dict[str, Any]) -> dict[str, Any]:
    """Return by how much the AUC of the first of a pair of classifiers exceeds the other's, by paired bootstrap.

    Beside each difference, as `<name>_wrong`, is the number of objects that either of the two ranks wrongly. All of the
    difference comes from these: with a handful, resampling them says little, and without any of one classifier, the
    difference has the same sign in every resample.
    """
    result: dict[str, Any] = {}
    for first, second in PAIRS:
        if first in predictions and second in predictions:
            result |= metrics.with_interval(
                f"{first}_minus_{second}",
                lambda truth, a, b: merit.auc(truth, a) - merit.auc(truth, b),
                *(is_galaxy, predictions[first], predictions[second]),
                n=settings["n_bootstrap_auc"],
                seed=settings["seed"],
            )
            wrong = [merit.on_wrong_side(is_galaxy, predictions[name]) for name in (first, second)]
            result[f"{first}_minus_{second}_wrong"] = int(np.count_nonzero(wrong[0] | wrong[1]))
    return result


def chosen_thresholds(is_galaxy: Array, p_galaxy: Array) -> dict[str, float]:
    """Return the thresholds that give the wanted completeness of galaxies and purity of stars: on validation."""
    return {
        "galaxy": merit.galaxy_threshold(is_galaxy, p_galaxy),
        "star": merit.star_threshold(is_galaxy, p_galaxy),
    }


def shares(is_galaxy: Array, p_galaxy: Array, thresholds: Mapping[str, float], least: int = 1) -> dict[str, float]:
    """Return completeness and purity of galaxies and of stars at given thresholds, each with its error as `<name>_err`.

    The errors are binomial, those of one more success and one more failure, so that none is zero; NaN where there are
    fewer than `least` objects to take a share of.
    """
    as_galaxy, as_star = p_galaxy >= thresholds["galaxy"], p_galaxy <= thresholds["star"]
    right = (as_galaxy[is_galaxy], is_galaxy[as_galaxy], as_star[~is_galaxy], ~is_galaxy[as_star])
    result: dict[str, float] = {}
    for name, of in zip(names.SHARES, right, strict=True):
        result[name], result[f"{name}_err"] = _share(of) if len(of) >= least else (np.nan, np.nan)
    return result


def _share(right: Array) -> tuple[float, float]:
    smoothed = (np.count_nonzero(right) + 1) / (len(right) + 2)
    return float(np.mean(right)), float(np.sqrt(smoothed * (1 - smoothed) / (len(right) + 2)))


def thresholds_of(is_galaxy: Array, predictions: Predictions) -> dict[str, dict[str, float]]:
    """Return the thresholds of each classifier, chosen on these objects; of a cut, what it says."""
    return {
        name: {"galaxy": 0.5, "star": 0.5} if name in names.CUTS else chosen_thresholds(is_galaxy, p)
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


def curves(
    objects: pd.DataFrame,
    predictions: Predictions,
    thresholds: Mapping[str, Mapping[str, float]],
    settings: dict[str, Any],
) -> dict[str, pd.DataFrame]:
    """Return ROC, reliability, and completeness and purity by magnitude and colour, of objects with `is_galaxy`."""
    is_galaxy = objects["is_galaxy"].to_numpy()
    photometry, band = inputs.magnitudes_and_colours(objects), inputs.REFERENCE_BAND
    graded = {name: p for name, p in predictions.items() if name not in names.CUTS}
    bins = [
        by_bins(photometry[column].to_numpy(), is_galaxy, predictions, thresholds, settings).assign(by=by)
        for by, column in {names.MAGNITUDE: f"dered_{band}", names.COLOUR: f"dered_g-{band}"}.items()
        if column in photometry
    ]
    return {
        names.ROC: roc(is_galaxy, predictions),
        names.RELIABILITY: reliability(is_galaxy, graded, settings),
        names.BINS: pd.concat(bins) if bins else pd.DataFrame(columns=BIN_COLUMNS),
    }


def by_bins(
    values: Array,
    is_galaxy: Array,
    predictions: Predictions,
    thresholds: Mapping[str, Mapping[str, float]],
    settings: dict[str, Any],
) -> pd.DataFrame:
    """Return completeness and purity in bins of a property of the objects, each of as many of them."""
    lines = []
    for low, high in pairwise(equal_numbers(values, settings["n_bins"])):
        here = (values >= low) & (values < high)
        for name, p in predictions.items():
            line = {"classifier": name, "centre": np.median(values[here])}
            lines.append(line | shares(is_galaxy[here], p[here], thresholds[name], settings["min_in_bin"]))
    return pd.DataFrame(lines)


def equal_numbers(values: Array, n_bins: int) -> Array:
    """Return edges of bins with equal numbers of objects, the last one beyond the largest value."""
    edges = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, n_bins + 1)))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    return edges


def reliability(is_galaxy: Array, predictions: Predictions, settings: dict[str, Any]) -> pd.DataFrame:
    """Return the share of galaxies among objects of like probability, where there are enough."""
    lines = []
    for name, p in predictions.items():
        place = np.minimum((p * settings["n_reliability"]).astype(int), settings["n_reliability"] - 1)
        for here in (place == k for k in np.unique(place)):
            if np.count_nonzero(here) >= settings["min_in_bin"]:
                lines.append([name, p[here].mean(), *_share(is_galaxy[here]), np.count_nonzero(here)])
    return pd.DataFrame(lines, columns=RELIABILITY_COLUMNS[1:])


def roc(is_galaxy: Array, predictions: Predictions) -> pd.DataFrame:
    """Return the corners of the ROC curve of each classifier."""
    parts = []
    for name, p in predictions.items():
        wrong, right, _ = roc_curve(is_galaxy, p)
        parts.append(pd.DataFrame(dict(zip(ROC_COLUMNS[1:], (name, wrong, right), strict=True))))
    return pd.concat(parts, ignore_index=True)
