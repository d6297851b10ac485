"""The trees of the catalogue under attack, within the errors of its photometry: classes, and redshifts."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics
from analysis.adaboost import AdaBoostR2
from analysis.adversarial.names import RANDOM, WORST
from analysis.adversarial.trees import search
from analysis.features import photometric_features
from analysis.shares import percent_with_interval
from analysis.star_galaxy import classifiers

Array = np.ndarray

COLUMNS = ["trees", "place", "epsilon", "n", "flipped_percent", "flipped_percent_err"]
SHIFT_COLUMNS = ["place", "epsilon", "n", "shift", "shift_err"]


def _attacked(
    harm: Callable[[pd.DataFrame], Array], objects: pd.DataFrame, epsilon: float, settings: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    found = search(harm, objects, epsilon, settings["draws"], settings["rounds"], settings["seed"])
    return dict(zip((WORST, RANDOM), found, strict=True))


def flips(
    objects: pd.DataFrame, trained: Mapping[str, classifiers.Classifier], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the share of objects that change class, of those that trees are right about.

    Parameters
    ----------
    objects : pandas.DataFrame
        The catalogue, and `is_galaxy`.
    trained : mapping
        Classifiers by name.
    settings : mapping
        `epsilons` in units of the photometric errors; `draws`, `rounds` and `seed` of the search; `n_bootstrap`.
    """
    lines = []
    for name, model in trained.items():

        def p_galaxy(table: pd.DataFrame, name: str = name, model: classifiers.Classifier = model) -> Array:
            return classifiers.p_galaxy(name, model, table)

        right = objects[(p_galaxy(objects) > 0.5) == objects["is_galaxy"]]
        is_galaxy = right["is_galaxy"].to_numpy()

        def harm(table: pd.DataFrame, of: Callable = p_galaxy, is_galaxy: Array = is_galaxy) -> Array:
            p = of(table).reshape(-1, len(is_galaxy))
            return np.where(is_galaxy, 1 - p, p).ravel()

        for epsilon in settings["epsilons"]:
            for place, table in _attacked(harm, right, epsilon, settings).items():
                wrong = (p_galaxy(table) > 0.5) != is_galaxy
                line = {"trees": name, "place": place, "epsilon": epsilon, "n": len(right)}
                lines.append(line | percent_with_interval("flipped_percent", wrong))
    return pd.DataFrame(lines, columns=COLUMNS)


def shifts(galaxies: pd.DataFrame, inputs: list[str], trees: AdaBoostR2, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return by how much the redshift of trees changes, the median over galaxies, against epsilon.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        The catalogue of galaxies.
    inputs : list of str
        Features that the trees take.
    trees : AdaBoostR2
    settings : mapping
        As for `flips`.
    """

    def predict(table: pd.DataFrame) -> Array:
        return trees.predict(photometric_features(table).reindex(columns=inputs).to_numpy())

    clean, lines = predict(galaxies), []

    def harm(table: pd.DataFrame) -> Array:
        return np.abs(predict(table).reshape(-1, len(clean)) - clean).ravel()

    for epsilon in settings["epsilons"]:
        for place, table in _attacked(harm, galaxies, epsilon, settings).items():
            line = {"place": place, "epsilon": epsilon, "n": len(clean)}
            resampling = metrics.resampling(settings)
            lines.append(
                line | metrics.with_interval("shift", lambda x: float(np.median(x)), harm(table), **resampling)
            )
    return pd.DataFrame(lines, columns=SHIFT_COLUMNS)
