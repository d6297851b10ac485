"""Random search for the settings of each learner, by cross-validation among training galaxies alone."""

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterSampler

from analysis.feature_importance.selection.learners import LEARNERS, cross_validated_sigma, timed_fit
from analysis.feature_importance.train import in_parallel


def draw_settings(space: dict[str, list[Any]], number: int, seed: int) -> list[dict[str, Any]]:
    """Draw settings from lists of values, none twice; all there are, where they are fewer than `number`."""
    there_are = int(np.prod([len(values) for values in space.values()]))
    return list(ParameterSampler(space, min(number, there_are), random_state=seed))


def random_search(X: np.ndarray, z: np.ndarray, how: dict[str, Any], seed: int, workers: int) -> pd.DataFrame:
    """Draw settings of each learner, as many for each, and cross-validate them, all on the same folds.

    Parameters
    ----------
    X, z : ndarray, shape (objects, features) and (objects,)
        Training galaxies.
    how : dict
        The budget: `n_galaxies` (used of them, at random), `folds`, `n_settings` (for each learner); and `spaces`,
        the values that may be drawn: learner, setting, list.
    seed : int
    workers : int
        Trials side by side; 0 = one for each core.

    Returns
    -------
    pandas.DataFrame
        A line for each trial: learner, settings (JSON), sigma_cross_validated.
    """
    chosen = np.random.default_rng(seed).permutation(len(z))[: how["n_galaxies"]]
    folds = np.arange(len(chosen)) % how["folds"]
    trials = [
        (learner, settings)
        for learner, space in how["spaces"].items()
        for settings in draw_settings(space, how["n_settings"], seed)
    ]

    def sigma(trial: tuple[str, dict[str, Any]]) -> float:
        learner, settings = trial
        return cross_validated_sigma(lambda: LEARNERS[learner](seed, **settings), X[chosen], z[chosen], folds)

    sigmas = in_parallel(sigma, trials, workers, "random search")
    lines = [(learner, json.dumps(settings)) for learner, settings in trials]
    return pd.DataFrame(lines, columns=["learner", "settings"]).assign(sigma_cross_validated=sigmas)


def best_settings(searched: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return, for each learner, the settings with the lowest cross-validated sigma, and that sigma."""
    best = searched.loc[searched.groupby("learner", sort=False)["sigma_cross_validated"].idxmin()]
    return {
        line["learner"]: {
            "settings": json.loads(line["settings"]),
            "sigma_cross_validated": line["sigma_cross_validated"],
        }
        for line in best.to_dict("records")
    }


def fit_best(
    best: dict[str, dict[str, Any]], X: np.ndarray, z: np.ndarray, others: np.ndarray, seed: int, workers: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Fit each learner, with its best settings, to all training galaxies.

    Parameters
    ----------
    best : dict
        From `best_settings`.
    X, z : ndarray, shape (objects, features) and (objects,)
        Training galaxies.
    others : ndarray, shape (others, features)
        Galaxies whose redshifts are wanted.
    seed, workers : int

    Returns
    -------
    redshifts : dict
        For each learner, shape (others,).
    seconds : dict
        For each learner, the CPU time of the fit.
    """

    def fit(learner: str) -> tuple[np.ndarray, float]:
        model = LEARNERS[learner](seed, **best[learner]["settings"])
        seconds = timed_fit(model, X, z)
        return model.predict(others), seconds

    fits = dict(zip(best, in_parallel(fit, best, workers, "learners with their best settings"), strict=True))
    return {name: redshifts for name, (redshifts, _) in fits.items()}, {name: took for name, (_, took) in fits.items()}
