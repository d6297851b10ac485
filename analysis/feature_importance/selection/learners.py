"""The learners that are compared, AdaBoost the benchmark."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import lightgbm
import numpy as np
import torch
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from torch.utils.data import TensorDataset

from analysis import metrics
from analysis.adaboost import AdaBoostR2
from analysis.feature_importance.network import RedshiftNetwork, squared_error
from analysis.training import Settings, train

_HELD_OUT = 0.1  # of the galaxies given to the network, on which it stops
_TORCH = threading.Lock()  # its random numbers are the process's: one network at a time, so that seeds hold


class Learner(Protocol):
    """What learns redshifts from features."""

    def fit(self, X: np.ndarray, z: np.ndarray, /) -> Any: ...
    def predict(self, X: np.ndarray, /) -> np.ndarray: ...


class NetworkLearner:
    """The network of this result as a learner: stops early on a tenth of the galaxies that it is given."""

    def __init__(self, hidden: list[int], seed: int, **settings: Any):
        self.hidden = hidden
        self.settings = Settings(**settings, seed=seed, device="cpu")

    def fit(self, X: np.ndarray, z: np.ndarray) -> Self:
        """Fit to features (objects, features) and redshifts (objects,)."""
        held_out = np.random.default_rng(self.settings.seed).random(len(z)) < _HELD_OUT
        training, stopping = (
            TensorDataset(*(torch.tensor(values[chosen], dtype=torch.float32) for values in (X, z)))
            for chosen in (~held_out, held_out)
        )
        with _TORCH, tempfile.TemporaryDirectory() as checkpoints:
            self.network = RedshiftNetwork.for_sample(X[~held_out], z[~held_out], self.hidden, self.settings.seed)
            train(self.network, squared_error, training, stopping, self.settings, Path(checkpoints))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return redshifts (objects,) of features (objects, features)."""
        return self.network.predict(X)


# Name: maker, from settings and a seed. Each on one thread, so that CPU times compare.
LEARNERS: dict[str, Callable[..., Learner]] = {
    "adaboost": lambda seed, **settings: AdaBoostR2(**settings, seed=seed),
    "random_forest": lambda seed, **settings: RandomForestRegressor(**settings, random_state=seed),
    "extra_trees": lambda seed, **settings: ExtraTreesRegressor(**settings, random_state=seed),
    "gradient_boosting": lambda seed, **settings: lightgbm.LGBMRegressor(
        **settings, random_state=seed, n_jobs=1, deterministic=True, force_col_wise=True, verbosity=-1
    ),
    "network": lambda seed, **settings: NetworkLearner(**settings, seed=seed),
}


def cross_validated_sigma(learner: Callable[[], Learner], X: np.ndarray, z: np.ndarray, folds: np.ndarray) -> float:
    """Return sigma of redshifts that are each predicted by a learner trained on the other folds.

    Parameters
    ----------
    learner : callable
        Makes a new one.
    X, z : ndarray, shape (objects, features) and (objects,)
    folds : ndarray of int, shape (objects,)
        Number of each galaxy's fold.
    """
    predicted = np.empty(len(z))
    for fold in np.unique(folds):
        held_out = folds == fold
        predicted[held_out] = learner().fit(X[~held_out], z[~held_out]).predict(X[held_out])
    return metrics.sigma(z, predicted)


def timed_fit(learner: Learner, X: np.ndarray, z: np.ndarray) -> float:
    """Fit a learner that has one thread, this one; return the CPU seconds that it took."""
    started = time.thread_time()
    learner.fit(X, z)
    return time.thread_time() - started
