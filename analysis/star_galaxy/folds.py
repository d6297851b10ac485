"""Cross-validation by patch of sky: an object is judged by a classifier that saw no object of its patch."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.features import sky_pixels
from analysis.star_galaxy import classifiers

Array = np.ndarray


def sky_folds(objects: pd.DataFrame, nside: int, n_folds: int, seed: int) -> Array:
    """Return the fold of each object, shape (objects,): patches of sky in random order, dealt in turn."""
    _, patch = np.unique(sky_pixels(objects, nside), return_inverse=True)
    return (np.random.default_rng(seed).permutation(patch.max() + 1) % n_folds)[patch]


def cross_validated(name: str, objects: pd.DataFrame, settings: dict[str, Any], training: dict[str, Any]) -> Array:
    """Return p(galaxy) of each object by a classifier that was trained on the other folds, shape (objects,).

    Parameters
    ----------
    name : str
        Of the classifier.
    objects : pandas.DataFrame
        With `is_galaxy`, columns as in the catalogue contract.
    settings : dict
        `n_folds`, `nside` of the patches, `seed`. What stops early does so on the fold after the one that is judged.
    training : dict
        Settings of the classifiers.
    """
    n_folds = settings["n_folds"]
    fold = sky_folds(objects, settings["nside"], n_folds, settings["seed"])
    p = np.empty(len(objects))
    for k in range(n_folds):
        others, stopping = fold != k, fold == (k + 1) % n_folds
        if classifiers.KINDS[name].make.stops_early:
            others &= ~stopping
        model = classifiers.fit(name, objects[others], objects[stopping], training)
        p[fold == k] = classifiers.p_galaxy(name, model, objects[fold == k])
    return p
