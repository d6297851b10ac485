"""The learners learn, the search stays among its galaxies and finds what is better, components are components."""

import numpy as np
import pytest

from analysis.feature_importance.selection.inputs import made_features, recipes
from analysis.feature_importance.selection.learners import LEARNERS, cross_validated_sigma
from analysis.feature_importance.selection.search import best_settings, draw_settings, fit_best, random_search

FEW = {
    "adaboost": {"n_estimators": 10, "max_depth": 6},
    "random_forest": {"n_estimators": 20},
    "extra_trees": {"n_estimators": 20},
    "gradient_boosting": {"n_estimators": 50},
    "network": {
        "hidden": [16], "epochs": 40, "batch_size": 64, "learning_rate": 0.01, "weight_decay": 0.0, "patience": 10
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    X = np.random.default_rng(0).normal(size=(1200, 5)).astype(np.float32)
    z = 0.3 + 0.1 * X[:, 0] + 0.05 * X[:, 1] ** 2 + 0.02 * np.random.default_rng(1).normal(size=1200)
    X[::50, 4] = np.nan  # every learner takes missing values
    return X, z


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_learn_and_repeat_themselves(sample, name):
    X, z = sample
    first, second = (LEARNERS[name](3, **FEW[name]).fit(X[:1000], z[:1000]).predict(X[1000:]) for _ in range(2))
    assert np.std(z[1000:] - first) < 0.6 * np.std(z[1000:])
    np.testing.assert_array_equal(first, second)


def test_no_galaxy_is_predicted_by_a_learner_that_saw_it(sample):
    class Memory:
        def fit(self, X, z):
            self.seen = set(X[:, 0])
            return self

        def predict(self, X):
            assert not self.seen & set(X[:, 0])
            return np.full(len(X), 0.5)

    X, z = sample
    assert cross_validated_sigma(Memory, X, z, np.arange(len(z)) % 4) == pytest.approx(np.std(z))


def test_search_prefers_the_settings_that_predict_better(sample):
    spaces = {"adaboost": {"n_estimators": [10], "max_depth": [1, 6]}, "random_forest": {"n_estimators": [5]}}
    how = {"n_galaxies": 600, "folds": 2, "n_settings": 2, "spaces": spaces}
    searched = random_search(*sample, how, seed=0, workers=1)
    assert searched["learner"].tolist() == ["adaboost", "adaboost", "random_forest"]
    best = best_settings(searched)
    assert best["adaboost"]["settings"] == {"n_estimators": 10, "max_depth": 6}
    redshifts, seconds = fit_best(best, *sample, sample[0][:7], seed=0, workers=1)
    assert {name: values.shape for name, values in redshifts.items()} == {"adaboost": (7,), "random_forest": (7,)}
    assert all(value > 0 for value in seconds.values())


def test_settings_are_drawn_without_repetition():
    space = {"a": [1, 2, 3], "b": [[64], [64, 64]]}
    drawn = draw_settings(space, 4, seed=0)
    assert len({str(one) for one in drawn}) == 4
    assert len(draw_settings(space, 100, seed=0)) == 6


def test_components_of_a_plane_hold_all_of_it(sample):
    X = sample[0][:, :2] @ np.random.default_rng(2).normal(size=(2, 6))
    train, others = made_features(X[:1000], X[1000:], recipes(6, 2, 50, seed=0)["pca"])
    standard = (X[1000:] - X[:1000].mean(axis=0)) / X[:1000].std(axis=0)  # scaled as in training
    assert np.linalg.lstsq(others, standard)[1].max() < 1e-6
    assert abs(np.corrcoef(train.T)[0, 1]) < 1e-6


def test_made_features_take_missing_values_and_do_not_depend_on_the_other_galaxies(sample):
    X = sample[0]
    for recipe in recipes(5, 3, 40, seed=0).values():
        train, others = made_features(X[:900], X[900:], recipe)
        assert train.shape == (900, 3)
        assert np.isfinite(others).all()
        np.testing.assert_allclose(made_features(X[:900], X[1100:], recipe)[1], others[200:], atol=1e-5)
