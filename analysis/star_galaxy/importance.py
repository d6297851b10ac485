"""Which catalogue parameters separate stars from galaxies: entropy gained at splits, and what shuffling them costs."""

from typing import Any

import numpy as np
import pandas as pd

from analysis import classification_metrics as merit
from analysis.star_galaxy import inputs
from analysis.star_galaxy.classifiers import Forest

Array = np.ndarray


def by_kind(columns: list[str]) -> dict[str, list[int]]:
    """Return the places of the columns of each kind: a measurement in all bands, a magnitude's colours together.

    In one band, a parameter has much of its information in common with itself in the others: alone, none is missed.
    """
    kinds: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        what, _, band = column.rpartition("_")
        kinds.setdefault(f"{what} colours" if "-" in band else what, []).append(place)
    return kinds


def importances(
    training: pd.DataFrame, validation: pd.DataFrame, settings: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank all parameters by a random forest.

    Parameters
    ----------
    training, validation : pandas.DataFrame
        Objects with `is_galaxy`.
    settings : dict
        `seed`; `importance`: `n_permutations`, and the settings of the forest.

    Returns
    -------
    features : pandas.DataFrame
        A row per parameter, the most important first: `feature`, `importance` (share of the entropy gained at the
        splits of training, sum 1) and its standard deviation over trees over the root of their number,
        `importance_err`.
    kinds : pandas.DataFrame
        A row per kind of parameter: `kind`, `n_features`, `mse_rise` of the validation objects when its columns are
        shuffled together (Breiman 2001), and `mse_rise_err`, the standard error over shuffles.
    """
    own = dict(settings["importance"])
    repeats = own.pop("n_permutations")
    X, is_galaxy = inputs.all_parameters(training), training["is_galaxy"].to_numpy()
    forest = Forest(seed=settings["seed"], **own).fit(X, is_galaxy)
    of_trees = np.array([tree.feature_importances_ for tree in forest.model.estimators_])
    features = pd.DataFrame(
        {
            "feature": X.columns,
            "importance": of_trees.mean(axis=0),
            "importance_err": of_trees.std(axis=0, ddof=1) / np.sqrt(len(of_trees)),
        }
    )
    rises = _mse_rises(forest, inputs.all_parameters(validation), validation["is_galaxy"].to_numpy(), repeats, settings)
    kinds = by_kind(list(X.columns))
    table = pd.DataFrame(
        {
            "kind": list(kinds),
            "n_features": [len(columns) for columns in kinds.values()],
            "mse_rise": rises.mean(axis=1),
            "mse_rise_err": rises.std(axis=1, ddof=1) / np.sqrt(repeats),
        }
    )
    return features.sort_values("importance", ascending=False), table.sort_values("mse_rise", ascending=False)


def _mse_rises(forest: Forest, X: pd.DataFrame, is_galaxy: Array, repeats: int, settings: dict[str, Any]) -> Array:
    """Return by how much the MSE rises in each shuffle of each kind, shape (kinds, repeats)."""
    generator = np.random.default_rng(settings["seed"])
    orders = [generator.permutation(len(X)) for _ in range(repeats)]
    before, values = merit.mse(is_galaxy, forest.p_galaxy(X)), X.to_numpy()
    rises = []
    for columns in by_kind(list(X.columns)).values():
        for order in orders:
            shuffled = values.copy()
            shuffled[:, columns] = values[order][:, columns]
            after = forest.p_galaxy(pd.DataFrame(shuffled, columns=X.columns))
            rises.append(merit.mse(is_galaxy, after) - before)
    return np.array(rises).reshape(-1, repeats)
