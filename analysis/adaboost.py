"""AdaBoost over decision trees, the learner of Hoyle et al. (2015), who call it RDF."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Self

import lightgbm
import numpy as np
import pandas as pd

from analysis.errors import InputError
from analysis.files import write_json

# A tree that errs by less than this, relative to the range of the truth, is perfect: LightGBM's gradients are in
# single precision.
_PERFECT = 1e-6


class AdaBoostR2:
    """AdaBoost.R2 (Drucker 1997) with linear loss: `sklearn.ensemble.AdaBoostRegressor` on fast trees.

    Each round draws a bootstrap sample by weight, fits a least-squares regression tree, and lowers the weights of
    the objects that the tree predicts well. The prediction is the weighted median over the trees. The trees are
    LightGBM's, which look for splits in a histogram of each feature instead of sorting it; all share one
    `lightgbm.Dataset`, binned once, in which a round's sample is a weight for each object: how many times it was
    drawn. Shrinkage and regularisation are off, so that each leaf predicts the mean of its sample. A missing value
    (NaN) goes to whichever side of a split is better.

    Parameters
    ----------
    n_estimators : int
        Largest number of trees.
    max_depth : int
        Largest depth of a tree.
    min_samples_leaf : int
        Least number of draws in a leaf.
    max_bins : int
        Histogram bins for each feature.
    seed : int
        Seed of the bootstrap.
    num_threads : int
        Threads of LightGBM. The result does not depend on it; more than one gains little on small leaves, and
        loses much on a busy machine, so that fits are better run beside each other.
    """

    def __init__(
        self,
        n_estimators: int = 50,
        max_depth: int = 10,
        min_samples_leaf: int = 1,
        max_bins: int = 255,
        seed: int = 0,
        num_threads: int = 1,
    ):
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_bins = max_bins
        self.seed = seed
        self.num_threads = num_threads

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit to features `X` (objects, features) and truth `y` (objects,)."""
        X, y = np.ascontiguousarray(X), np.asarray(y, float)
        weights = np.full(len(y), 1 / len(y))
        generator = np.random.default_rng(self.seed)
        self.offset_ = float(np.mean(y))  # trees fit the rest, so that single-precision sums lose nothing
        self._booster = self._empty_booster(X, y)
        kept: list[float] = []
        for _ in range(self.n_estimators):
            drawn = np.bincount(generator.choice(len(y), len(y), p=weights), minlength=len(y))
            if not self._add_tree(y, drawn):
                break
            error = np.abs(self._predict_tree(X, len(kept)) - y)
            error[weights == 0] = 0  # as in scikit-learn: weights may underflow
            if error.max() <= _PERFECT * np.ptp(y):
                kept.append(1.0)
                break
            error /= error.max()
            mean_error = float(np.sum(weights * error))
            if mean_error >= 0.5:  # worse than guessing
                if kept:
                    self._booster.rollback_one_iter()
                break
            beta = mean_error / (1 - mean_error)
            kept.append(np.log(1 / beta))
            weights = weights * beta ** (1 - error)
            weights /= weights.sum()
        self.estimator_weights_ = np.array(kept or [1.0])  # a first tree, however bad, is better than none
        self._booster.free_dataset()
        return self

    def _empty_booster(self, X: np.ndarray, y: np.ndarray) -> lightgbm.Booster:
        settings = {
            "objective": "none",
            "learning_rate": 1.0,
            "max_depth": self.max_depth,
            "num_leaves": max(2, min(2**self.max_depth, len(y) // self.min_samples_leaf)),
            "min_data_in_leaf": 1,
            "min_sum_hessian_in_leaf": self.min_samples_leaf,  # an object's hessian: how often it was drawn
            "max_bin": self.max_bins,
            "min_data_in_bin": 1,
            "feature_pre_filter": False,
            "histogram_pool_size": 128,  # MB; unlimited would be gigabytes for deep trees, and slower
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": self.num_threads,
            "verbosity": -1,
        }
        return lightgbm.Booster(settings, lightgbm.Dataset(X, y - self.offset_, params=settings))

    def _add_tree(self, y: np.ndarray, drawn: np.ndarray) -> bool:
        """Fit a tree to a bootstrap sample; return whether there was anything to split.

        The gradient is that of a start from zero, so that the tree knows nothing of those before it.
        """
        return not self._booster.update(fobj=lambda *_: (-drawn * (y - self.offset_), drawn))

    def _predict_tree(self, X: np.ndarray, number: int) -> np.ndarray:
        predict = partial(self._booster.predict, num_threads=self.num_threads)
        return self.offset_ + np.asarray(predict(X, start_iteration=number, num_iteration=1))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the prediction, shape (objects,), for features, shape (objects, features)."""
        X = np.ascontiguousarray(X)
        trees = np.column_stack([self._predict_tree(X, number) for number in range(len(self.estimator_weights_))])
        return weighted_median(trees, self.estimator_weights_)

    def leaves(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each object's leaf in each tree, shape (objects, trees)."""
        X, kept = np.ascontiguousarray(X), len(self.estimator_weights_)
        leaves = self._booster.predict(X, pred_leaf=True, num_iteration=kept, num_threads=self.num_threads)
        return np.asarray(leaves, np.int64).reshape(len(X), kept)

    @property
    def feature_importances_(self) -> np.ndarray:
        """Importance of each feature, shape (features,), sum 1.

        The gain in squared error at the splits on a feature, normalised in each tree and averaged over the trees
        with their weights in the vote, as in scikit-learn.
        """
        trees = range(1, len(self.estimator_weights_) + 1)
        total = [self._booster.feature_importance("gain", iteration=number) for number in trees]
        gains = np.diff(total, axis=0, prepend=np.zeros((1, self._booster.num_feature())))
        shares = gains / np.maximum(gains.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        importances = self.estimator_weights_ @ shares
        return importances / max(importances.sum(), np.finfo(float).tiny)

    def save(self, path: Path) -> None:
        """Write one JSON file, so that trees (in LightGBM's text format) and their votes never part."""
        content = {
            "offset": self.offset_,
            "estimator_weights": self.estimator_weights_.tolist(),
            "trees": self._booster.model_to_string(),
        }
        write_json(path, content)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; the model predicts, bit for bit, what it did.

        Raises
        ------
        InputError
            If the file is missing, cut, or of another format.
        """
        model = cls()
        try:
            content = json.loads(path.read_text())
            model._booster = lightgbm.Booster(model_str=content["trees"])
            model.offset_, model.estimator_weights_ = content["offset"], np.array(content["estimator_weights"])
        except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
            raise InputError(f"{path}: not a whole file of boosted trees ({error})", "damaged-file") from None
        return model


def fit_adaboost(galaxies: pd.DataFrame, inputs: list[str], depth: int, settings: dict[str, Any]) -> AdaBoostR2:
    """Fit AdaBoost to the redshifts of galaxies with the settings of a stage: `adaboost` and `seed`."""
    model = AdaBoostR2(max_depth=depth, **settings["adaboost"], seed=settings["seed"])
    return model.fit(galaxies[inputs].to_numpy(), galaxies["redshift"].to_numpy())


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return, for each row, the smallest value at which the weights of the values up to it reach half of all.

    Parameters
    ----------
    values : ndarray, shape (n, k)
    weights : ndarray, shape (k,)
        Not negative.

    Returns
    -------
    ndarray, shape (n,)
    """
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(weights[order], axis=1)
    median = np.argmax(reached >= 0.5 * reached[:, -1:], axis=1)
    rows = np.arange(len(values))
    return values[rows, order[rows, median]]
