"""Figures of merit of star-galaxy separation, plain functions of the truth and of the probability of being a galaxy.

Those of Kim & Brunner (2017, MNRAS 464, 4463, section 5). `is_galaxy` is a bool and `p_galaxy` a float array, both of
shape (objects,); both classes must be there. Errors by `metrics.with_errors`.
"""

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from analysis.metrics import Metric

Array = np.ndarray

GALAXY_COMPLETENESS = 0.96  # at which the purity of galaxies is compared
STAR_PURITY = 0.97  # at which the completeness of stars is compared
CAL_OBJECTS = 1000  # in a bin of the calibration error …
CAL_SHARE = 15  # … of the paper's 15,000 test objects: a smaller test set gets bins of the same share
SMALLEST_PROBABILITY = 1e-15  # that the log loss takes: a forest may be certain, and wrong


def auc(is_galaxy: Array, p_galaxy: Array) -> float:
    """Return the area under the ROC curve: the probability that a galaxy has a higher p than a star, ties half."""
    ranks, galaxies = rankdata(p_galaxy), np.count_nonzero(is_galaxy)
    above = ranks[is_galaxy].sum() - galaxies * (galaxies + 1) / 2
    return float(above / (galaxies * (len(ranks) - galaxies)))


def mse(is_galaxy: Array, p_galaxy: Array) -> float:
    """Return the mean squared error of the probability (Brier score)."""
    return float(np.mean((p_galaxy - is_galaxy) ** 2))


def on_wrong_side(is_galaxy: Array, p_galaxy: Array) -> Array:
    """Return which objects are on the wrong side of the threshold with the fewest mistakes, shape (objects,).

    None if and only if the AUC is 1: without them no star would rank as high as any galaxy.
    """
    thresholds = np.append(np.unique(p_galaxy), np.inf)
    lost = np.searchsorted(np.sort(p_galaxy[is_galaxy]), thresholds)
    let_in = np.count_nonzero(~is_galaxy) - np.searchsorted(np.sort(p_galaxy[~is_galaxy]), thresholds)
    return (p_galaxy >= thresholds[np.argmin(lost + let_in)]) != is_galaxy


def galaxy_threshold(is_galaxy: Array, p_galaxy: Array, completeness: float = GALAXY_COMPLETENESS) -> float:
    """Return the highest threshold at which `p_galaxy >= threshold` holds for a given share of the galaxies."""
    of_galaxies = np.sort(p_galaxy[is_galaxy])[::-1]
    needed = max(1, int(np.ceil(completeness * len(of_galaxies) - 1e-9)))  # 0.96 * 25 is a bit above 24
    return float(of_galaxies[needed - 1])


def star_threshold(is_galaxy: Array, p_galaxy: Array, purity: float = STAR_PURITY) -> float:
    """Return the highest threshold at which objects with `p_galaxy <= threshold` are stars to a given share.

    Minus infinity where no sample is as pure.
    """
    order = np.argsort(p_galaxy, kind="stable")
    p = p_galaxy[order]
    share = np.cumsum(~is_galaxy[order]) / np.arange(1, len(p) + 1)
    possible = np.append(p[1:] > p[:-1], True) & (share >= purity)  # tied objects are taken together
    return float(p[possible][-1]) if possible.any() else -np.inf


def galaxy_purity(is_galaxy: Array, p_galaxy: Array, completeness: float = GALAXY_COMPLETENESS) -> float:
    """Return the share of galaxies among objects called so, p_g, at a given completeness of galaxies, c_g."""
    return float(np.mean(is_galaxy[p_galaxy >= galaxy_threshold(is_galaxy, p_galaxy, completeness)]))


def star_purity(is_galaxy: Array, p_galaxy: Array, completeness: float) -> float:
    """Return the share of stars among objects called so, p_s, at a given completeness of stars, c_s."""
    return galaxy_purity(~is_galaxy, -p_galaxy, completeness)


def star_completeness(is_galaxy: Array, p_galaxy: Array, purity: float = STAR_PURITY) -> float:
    """Return the share of the stars that are called so, c_s, at a given purity of stars, p_s."""
    return float(np.mean(p_galaxy[~is_galaxy] <= star_threshold(is_galaxy, p_galaxy, purity)))


def calibration_error(is_galaxy: Array, p_galaxy: Array) -> float:
    """Return CAL: the mean over bins of abs(share of galaxies - mean p_galaxy).

    The bins are all runs of s objects neighbouring in p: 1 to s, 2 to s + 1, and so on (Caruana & Niculescu-Mizil
    2004); s is 1,000 objects, or a fifteenth of the sample where that is fewer. The paper's words, not its equation,
    which lacks the 1/s. Tied objects share their truth, so that their order does not matter.
    """
    _, tied, numbers = np.unique(p_galaxy, return_inverse=True, return_counts=True)
    share = (np.bincount(tied, weights=is_galaxy) / numbers)[tied]
    order = np.argsort(p_galaxy, kind="stable")
    size = max(1, min(CAL_OBJECTS, len(order) // CAL_SHARE))
    sums = np.cumsum(np.append(0.0, (share - p_galaxy)[order]))
    return float(np.mean(np.abs(sums[size:] - sums[:-size])) / size)


def galaxy_number_error(is_galaxy: Array, p_galaxy: Array) -> float:
    """Return abs(dN_g) / N_g: how far the sum of the probabilities is from the number of galaxies."""
    galaxies = np.count_nonzero(is_galaxy)
    return float(abs(p_galaxy.sum() - galaxies) / galaxies)


def log_loss(is_galaxy: Array, p_galaxy: Array) -> float:
    """Return the mean negative logarithm of the probability of the true class, at least 1e-15."""
    return float(np.mean(-np.log(np.maximum(np.where(is_galaxy, p_galaxy, 1 - p_galaxy), SMALLEST_PROBABILITY))))


KIM_BRUNNER: Mapping[str, Metric] = {  # named as in published.yaml
    "auc": auc,
    "mse": mse,
    "p_g_at_c_g_096": galaxy_purity,
    "c_s_at_p_s_097": star_completeness,
    "cal": calibration_error,
    "dn_g": galaxy_number_error,
    "log_loss": log_loss,
}
