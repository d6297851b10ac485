"""Permutation importance (Breiman 2001), of features alone and of all of a kind together."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from analysis import metrics
from analysis.feature_importance.selection.names import KINDS


def columns_by_kind(features: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of the features of each kind; kinds without any are left out."""
    kinds = {kind: [features.index(f) for f in of_kind if f in features] for kind, of_kind in KINDS.items()}
    return {kind: columns for kind, columns in kinds.items() if columns}


def sigma_rises(
    predict: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    z: np.ndarray,
    groups: Mapping[str, Sequence[int]],
    repeats: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Measure by how much sigma rises when features no longer belong to their galaxies.

    A model that has the same information in another feature loses little with one of them: hence groups, whose
    columns are shuffled together, so that they stay consistent among themselves.

    Parameters
    ----------
    predict : callable
        Features, shape (objects, features), to redshifts, shape (objects,).
    X, z : ndarray, shape (objects, features) and (objects,)
        Galaxies that the model was not trained on.
    groups : mapping of str to sequence of int
        The columns of each group.
    repeats : int
        Shuffles; the same ones for every group.
    seed : int
        Of the shuffles.

    Returns
    -------
    dict
        For each group the rises in percent of sigma, shape (repeats,).
    """
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(len(z)) for _ in range(repeats)]
    before = metrics.sigma(z, predict(X))
    rises = {}
    for name, columns in groups.items():
        after = []
        for order in orders:
            shuffled = X.copy()
            shuffled[:, columns] = X[order][:, columns]
            after.append(metrics.sigma(z, predict(shuffled)))
        rises[name] = 100 * (np.array(after) / before - 1)
    return rises
