"""How much a ranking of features changes when the training galaxies are drawn again."""

from itertools import combinations

import numpy as np
from scipy.stats import kendalltau, spearmanr


def rank_correlations(importances: np.ndarray) -> dict[str, float]:
    """Return the rank correlations of importances between refits: mean and standard deviation over all pairs.

    Parameters
    ----------
    importances : ndarray, shape (refits, features)

    Returns
    -------
    dict
        `spearman`, `kendall`, and each with `_err`, the standard deviation over the pairs of refits.
    """
    result: dict[str, float] = {}
    for name, correlation in {"spearman": spearmanr, "kendall": kendalltau}.items():
        values = [correlation(one, other).statistic for one, other in combinations(importances, 2)]
        result |= {name: float(np.mean(values)), f"{name}_err": float(np.std(values))}
    return result


def share_in_top(importances: np.ndarray, top: int) -> np.ndarray:
    """Return how often each feature is among the `top` most important ones, shape (features,), 0 to 1."""
    ranks = np.argsort(np.argsort(-importances, axis=1, kind="stable"), axis=1, kind="stable")
    return (ranks < top).mean(axis=0)
