"""Figures of merit, plain functions of the true and the predicted redshift, and their bootstrap errors.

Two families that are never mixed. *Paper-era* ones (Hoyle et al. 2015, arXiv:1410.4696) describe the residual
Delta = z_true - z_predicted. *LSST-era* ones (Schmidt et al. 2020, MNRAS 499, 1587) describe
ez = (z_predicted - z_true) / (1 + z_true) by robust statistics. All redshifts are arrays of shape (n,).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.files import write_json

Array = np.ndarray
Metric = Callable[[Array, Array], float]

OUTLIER_LIMIT = 0.15  # of abs(Delta) / (1 + z)
LSST_OUTLIER_FLOOR = 0.06  # of abs(ez)


def mu(z_true: Array, z_predicted: Array) -> float:
    """Return the mean of Delta."""
    return float(np.mean(z_true - z_predicted))


def sigma(z_true: Array, z_predicted: Array) -> float:
    """Return the standard deviation of Delta."""
    return float(np.std(z_true - z_predicted))


def _half_width(values: Array, percent: float) -> float:
    low, high = np.percentile(values, [50 - percent / 2, 50 + percent / 2])
    return float((high - low) / 2)


def sigma68(z_true: Array, z_predicted: Array) -> float:
    """Return half the width of the central 68% of Delta (0.994 standard deviations of a Gaussian)."""
    return _half_width(z_true - z_predicted, 68)


def sigma95(z_true: Array, z_predicted: Array) -> float:
    """Return half the width of the central 95% of Delta (1.960 standard deviations of a Gaussian)."""
    return _half_width(z_true - z_predicted, 95)


def is_outlier(z_true: Array, z_predicted: Array) -> Array:
    """Tell of each object whether abs(Delta) / (1 + z_true) > 0.15."""
    return np.abs(z_true - z_predicted) / (1 + z_true) > OUTLIER_LIMIT


def outliers_percent(z_true: Array, z_predicted: Array) -> float:
    """Return the percentage of objects with abs(Delta) / (1 + z_true) > 0.15."""
    return float(100 * np.mean(is_outlier(z_true, z_predicted)))


def sigma_scaled(z_true: Array, z_predicted: Array) -> float:
    """Return the standard deviation of Delta / (1 + z_true)."""
    return float(np.std((z_true - z_predicted) / (1 + z_true)))


def _ez(z_true: Array, z_predicted: Array) -> Array:
    return (z_predicted - z_true) / (1 + z_true)


def lsst_bias(z_true: Array, z_predicted: Array) -> float:
    """Return the median of ez."""
    return float(np.median(_ez(z_true, z_predicted)))


def lsst_sigma_iqr(z_true: Array, z_predicted: Array) -> float:
    """Return the interquartile range of ez over 1.349, which is one standard deviation of a Gaussian."""
    return 2 * _half_width(_ez(z_true, z_predicted), 50) / 1.349


def lsst_sigma_mad(z_true: Array, z_predicted: Array) -> float:
    """Return 1.4826 times the median absolute deviation of ez from its median."""
    ez = _ez(z_true, z_predicted)
    return float(1.4826 * np.median(np.abs(ez - np.median(ez))))


def lsst_outliers_percent(z_true: Array, z_predicted: Array) -> float:
    """Return the percentage of objects with abs(ez) > max(0.06, 3 sigma_IQR)."""
    limit = max(LSST_OUTLIER_FLOOR, 3 * lsst_sigma_iqr(z_true, z_predicted))
    return float(100 * np.mean(np.abs(_ez(z_true, z_predicted)) > limit))


PAPER_ERA: Mapping[str, Metric] = {
    "mu": mu,
    "sigma": sigma,
    "sigma68": sigma68,
    "sigma95": sigma95,
    "outliers_percent": outliers_percent,
    "sigma_scaled": sigma_scaled,
}
LSST_ERA: Mapping[str, Metric] = {
    "bias": lsst_bias,
    "sigma_IQR": lsst_sigma_iqr,
    "sigma_MAD": lsst_sigma_mad,
    "outliers_percent": lsst_outliers_percent,
}


def bootstrap(metric: Callable[..., float | Array], *arrays: Array, n: int, seed: int) -> Array:
    """Evaluate a metric on resampled objects.

    Every array is resampled with the same indices, so that predictions of two methods for the same objects stay
    paired; calls with the same seed and number of objects see the same resamples.

    Parameters
    ----------
    metric : callable
        Takes the resampled arrays, returns a number, or a fixed-length array of them.
    *arrays : ndarray
        Each with one row per object.
    n : int
        Number of resamples.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    ndarray
        The metric on each resample: shape (n,), or (n, k) for a metric that returns k numbers.
    """
    generator = np.random.default_rng(seed)
    objects = len(arrays[0])
    values = []
    for _ in range(n):
        chosen = generator.integers(0, objects, objects)
        values.append(metric(*(array[chosen] for array in arrays)))
    return np.asarray(values)


def resampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number of resamples and their seed, `n` and `seed`, of the settings of a stage."""
    return {"n": settings["n_bootstrap"], "seed": settings["seed"]}


def summarised(name: str, value: float, resamples: Array) -> dict[str, float]:
    """Return a value under a name, with the standard deviation of its resamples and the 95% interval.

    Parameters
    ----------
    name : str
    value : float
        Of the sample itself.
    resamples : ndarray, shape (n,)
        Those that are not numbers are left out.

    Returns
    -------
    dict
        `<name>`, `<name>_err`, `<name>_low` and `<name>_high`.
    """
    low, high = np.nanpercentile(resamples, [2.5, 97.5])
    parts = {"": value, "_err": np.nanstd(resamples, ddof=1), "_low": low, "_high": high}
    return {f"{name}{part}": float(number) for part, number in parts.items()}


def with_errors(metrics: Mapping[str, Metric], truth: Array, prediction: Array, n: int, seed: int) -> dict[str, float]:
    """Return metrics of a prediction and the bootstrap error of each.

    Parameters
    ----------
    metrics : mapping of str to callable
        Of (truth, prediction), such as `PAPER_ERA`, or `KIM_BRUNNER` of classifications.
    truth, prediction : ndarray, shape (objects,)
        True and predicted redshifts, or whether each is a galaxy and the probability of it.
    n, seed : int
        Number of resamples, and their seed.

    Returns
    -------
    dict
        For each metric its value as `name` and its standard error as `name_err`.
    """

    def all_of_them(true: Array, predicted: Array) -> Array:
        return np.array([metric(true, predicted) for metric in metrics.values()])

    values = all_of_them(truth, prediction)
    errors = bootstrap(all_of_them, truth, prediction, n=n, seed=seed).std(axis=0, ddof=1)
    result: dict[str, float] = {}
    for name, value, error in zip(metrics, values, errors, strict=True):
        result |= {name: float(value), f"{name}_err": float(error)}
    return result


def with_interval(name: str, statistic: Callable[..., float], *arrays: Array, n: int, seed: int) -> dict[str, float]:
    """Return a statistic of objects under a name, with its bootstrap error and 95% interval.

    Parameters
    ----------
    name : str
    statistic : callable
        Takes the arrays.
    *arrays : ndarray
        Each with one row per object.
    n, seed : int
        Number of resamples, and their seed.

    Returns
    -------
    dict
        `<name>`, `<name>_err`, `<name>_low` and `<name>_high`.
    """
    return summarised(name, statistic(*arrays), bootstrap(statistic, *arrays, n=n, seed=seed))


def gain_percent(
    name: str, metric: Metric, z_true: Array, z_baseline: Array, z_predicted: Array, n: int, seed: int
) -> dict[str, float]:
    """Return by how many percent of the baseline's value a prediction lowers a metric, by paired bootstrap.

    Parameters
    ----------
    name : str
    metric : callable
        The smaller the better, such as `sigma`.
    z_true, z_baseline, z_predicted : ndarray, shape (objects,)
        True redshifts and two predictions for the same objects.
    n, seed : int
        Number of resamples, and their seed.

    Returns
    -------
    dict
        `<name>`, `<name>_err`, `<name>_low` and `<name>_high`; empty where the baseline's value is zero in the sample
        or in more than 5% of the resamples, so that the ratio means nothing.
    """

    def improvement(true: Array, baseline: Array, predicted: Array) -> float:
        before = metric(true, baseline)
        return 100 * (1 - metric(true, predicted) / before) if before > 0 else np.nan

    value = improvement(z_true, z_baseline, z_predicted)
    values = bootstrap(improvement, z_true, z_baseline, z_predicted, n=n, seed=seed)
    if not np.isfinite(value) or np.isnan(values).mean() > 0.05:
        return {}
    return summarised(name, value, values)


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write nested metrics as JSON, floats to six significant digits: their errors are larger than that."""

    def rounded(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: rounded(inner) for name, inner in value.items()}
        return float(f"{value:.6g}") if isinstance(value, float) else value

    write_json(path, rounded(metrics), allow_nan=False)
