"""Training redshifts that contradict the photometry: two ways to flag them, and how well it works on planted ones."""

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest, RandomForestRegressor
from sklearn.metrics import average_precision_score, precision_recall_curve

Array = np.ndarray

LEAVES, ISOLATION = "leaf_mates", "isolation_forest"
_FLOOR = 0.005  # least standard deviation of a leaf, per 1 + z: leaves of equal redshifts would condemn any other


def swap_redshifts(z: Array, share: float, seed: int) -> tuple[Array, Array]:
    """Exchange the redshifts of randomly chosen objects among each other, as when spectra are given the wrong owner.

    Returns
    -------
    swapped : ndarray, shape (n,)
    chosen : ndarray of bool, shape (n,)
    """
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(z), max(2, round(share * len(z))), replace=False)
    swapped, chosen = z.copy(), np.zeros(len(z), bool)
    swapped[rows], chosen[rows] = z[np.roll(rows, 1)], True
    return swapped, chosen


def leaf_mate_scores(X: Array, z: Array, n_trees: int, min_samples_leaf: int, seed: int) -> Array:
    """Return by how many standard deviations each redshift differs from those of similar galaxies, shape (n,).

    Galaxies that end in the same leaf of a regression tree are similar in what matters for the redshift: the proximity
    of Breiman (2001), Random forests. Only trees that were not grown on a galaxy judge it, so that it has no part in
    making its leaf. The score is the mean over those trees.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Magnitudes and colours, no NaN.
    z : ndarray, shape (n,)
    n_trees, min_samples_leaf, seed : int
    """
    forest = RandomForestRegressor(
        n_trees, min_samples_leaf=min_samples_leaf, max_features=0.5, n_jobs=-1, random_state=seed
    ).fit(X, z)
    total, judged = np.zeros(len(z)), np.zeros(len(z))
    for leaf, drawn in zip(forest.apply(X).T, forest.estimators_samples_, strict=True):
        counts = np.bincount(leaf[drawn], minlength=leaf.max() + 1)
        mean, square = (
            np.bincount(leaf[drawn], values[drawn], minlength=leaf.max() + 1) / np.maximum(counts, 1)
            for values in (z, z**2)
        )
        deviation = np.sqrt(np.maximum(square - mean**2, 0)) + _FLOOR * (1 + mean)
        others = np.setdiff1d(np.arange(len(z)), drawn)
        total[others] += np.abs(z[others] - mean[leaf[others]]) / deviation[leaf[others]]
        judged[others] += 1
    return total / np.maximum(judged, 1)


def isolation_scores(X: Array, z: Array, n_trees: int, seed: int) -> Array:
    """Return how easily a galaxy is isolated among photometry and redshifts (Liu et al. 2008), shape (n,)."""
    columns = np.column_stack([X, (z - z.mean()) / z.std()])
    return -IsolationForest(n_estimators=n_trees, random_state=seed, n_jobs=-1).fit(columns).score_samples(columns)


def detection(scores: Array, bad: Array, flagged_share: float) -> dict[str, float]:
    """Return precision and recall where a share of the galaxies, those of the highest scores, is flagged."""
    limit = np.quantile(scores, 1 - flagged_share)
    flagged = scores > limit
    right = int(np.sum(flagged & bad))
    return {
        "precision": right / max(1, int(flagged.sum())),
        "recall": right / max(1, int(bad.sum())),
        "average_precision": float(average_precision_score(bad, scores)),
        "n_flagged": int(flagged.sum()),
    }


def trade_off(scores: Array, bad: Array, n_points: int) -> pd.DataFrame:
    """Return recall and precision for thresholds from strict to lenient."""
    precision, recall, _ = precision_recall_curve(bad, scores)
    places = np.linspace(0, 1, n_points)
    ascending = np.argsort(recall, kind="stable")
    return pd.DataFrame({"recall": places, "precision": np.interp(places, recall[ascending], precision[ascending])})
