"""AdaBoost.R2 on fast trees, against scikit-learn and exact cases."""

import time

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.ensemble import AdaBoostRegressor
from sklearn.tree import DecisionTreeRegressor

from analysis.adaboost import AdaBoostR2, weighted_median
from analysis.errors import InputError


@pytest.fixture(scope="module")
def friedman():
    return make_friedman1(4000, 10, noise=1.0, random_state=0)


@pytest.mark.parametrize("depth", [4, 9])
def test_agrees_with_scikit_learn(friedman, depth):
    X, y = friedman
    train, test = slice(0, 2000), slice(2000, None)
    ours = AdaBoostR2(50, depth).fit(X[train], y[train])
    tree = DecisionTreeRegressor(max_depth=depth)
    peer = AdaBoostRegressor(tree, n_estimators=50, random_state=0).fit(X[train], y[train])
    sigmas = [np.std(model.predict(X[test]) - y[test]) for model in (ours, peer)]
    assert sigmas[0] == pytest.approx(sigmas[1], rel=0.04)
    assert np.corrcoef(ours.feature_importances_, peer.feature_importances_)[0, 1] > 0.99
    # the votes follow the same course from round to round
    np.testing.assert_allclose(ours.estimator_weights_.mean(), peer.estimator_weights_.mean(), rtol=0.1)


def test_one_tree_is_cart_on_the_resample(friedman):
    X, y = np.round(friedman[0][:600], 1), friedman[1][:600]  # few values: binning loses nothing
    seed = 5
    ours = AdaBoostR2(1, max_depth=4, seed=seed).fit(X, y)
    drawn = np.random.default_rng(seed).choice(600, 600, p=np.full(600, 1 / 600))
    cart = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X[drawn], y[drawn])
    grid = X[np.unique(drawn)]  # between training values both are free to put the threshold
    np.testing.assert_allclose(ours.predict(grid), cart.predict(grid), atol=1e-5)
    np.testing.assert_allclose(ours.feature_importances_, cart.feature_importances_, atol=1e-4)


def test_leaves_have_at_least_so_many_draws(friedman):
    X, y = friedman[0][:300], friedman[1][:300]
    model = AdaBoostR2(1, max_depth=20, min_samples_leaf=40, seed=0).fit(X, y)
    drawn = np.random.default_rng(0).choice(300, 300, p=np.full(300, 1 / 300))
    _, sizes = np.unique(model.predict(X[drawn]), return_counts=True)
    assert len(sizes) > 2
    assert sizes.min() >= 40


def test_perfect_fit_stops_at_once():
    x = np.arange(60.0)[:, None]
    model = AdaBoostR2(20, max_depth=3).fit(x, np.where(x[:, 0] > 30, 0.7, 0.2))
    assert model.estimator_weights_.tolist() == [1.0]
    np.testing.assert_allclose(model.predict([[3.0], [55.0]]), [0.2, 0.7], atol=1e-6)


def test_nothing_to_split_predicts_the_mean():
    y = np.arange(50.0)
    model = AdaBoostR2(5).fit(np.ones((50, 2)), y)
    np.testing.assert_allclose(model.predict(np.ones((1, 2))), y.mean())
    assert model.feature_importances_.tolist() == [0, 0]


def test_large_offset_of_the_truth_does_not_matter(friedman):
    X, y = friedman
    predictions = [AdaBoostR2(5, 6).fit(X[:1000], y[:1000] + offset).predict(X[1000:]) - offset for offset in (0, 1e5)]
    np.testing.assert_allclose(*predictions, atol=1e-4)


def test_missing_values_carry_information():
    generator = np.random.default_rng(0)
    y = generator.uniform(0, 1, 2000)
    X = generator.normal(size=(2000, 2))
    X[y > 0.5, 0] = np.nan
    predicted = AdaBoostR2(5, 3).fit(X, y).predict([[np.nan, 0], [0, 0]])
    np.testing.assert_allclose(predicted, [0.75, 0.25], atol=0.1)


def test_weighted_median_is_the_smallest_value_that_reaches_half():
    values = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 9.0]])
    assert weighted_median(values, np.array([1.0, 1.0, 1.0])).tolist() == [2, 5]
    assert weighted_median(values, np.array([5.0, 1.0, 1.0])).tolist() == [3, 5]
    assert weighted_median(values, np.array([1.0, 1.0, 0.0])).tolist() == [1, 5]
    generator = np.random.default_rng(1)
    many = generator.normal(size=(20, 7))
    np.testing.assert_array_equal(weighted_median(many, np.ones(7)), np.median(many, axis=1))
    counts = generator.integers(0, 4, 7) * 2 + 1
    odd = counts if counts.sum() % 2 else np.r_[counts[:-1], counts[-1] + 1]
    repeated = np.repeat(many, odd, axis=1)
    np.testing.assert_array_equal(weighted_median(many, odd), np.median(repeated, axis=1))


def test_saved_model_predicts_the_same_bits_and_the_threads_do_not_matter(friedman, tmp_path):
    X, y = friedman
    models = [AdaBoostR2(10, 8, num_threads=threads).fit(X[:2000], y[:2000]) for threads in (1, 2)]
    models[0].save(tmp_path / "adaboost.json")
    models.append(AdaBoostR2.load(tmp_path / "adaboost.json"))
    predictions = [model.predict(X[2000:]) for model in models]
    np.testing.assert_array_equal(predictions[0], predictions[1])
    np.testing.assert_array_equal(predictions[0], predictions[2])
    importances = [model.feature_importances_ for model in (models[0], models[2])]
    np.testing.assert_allclose(*importances, rtol=1e-5)  # the file keeps six digits of a gain
    assert [path.name for path in tmp_path.iterdir()] == ["adaboost.json"]  # trees and votes are written at once


@pytest.mark.slow
def test_faster_than_scikit_learn_on_many_features():
    generator = np.random.default_rng(0)
    latent = generator.normal(size=(6000, 8))
    X = latent @ generator.normal(size=(8, 85)) + 0.3 * generator.normal(size=(6000, 85))
    y = 0.3 + 0.1 * np.tanh(latent[:, 0] + latent[:, 1] * latent[:, 2]) + 0.02 * generator.normal(size=6000)
    tree = DecisionTreeRegressor(max_depth=10, min_samples_leaf=5)
    ours = AdaBoostR2(8, 10, min_samples_leaf=5, max_bins=127)
    seconds = []
    for model in (ours, AdaBoostRegressor(tree, n_estimators=8)):
        started = time.process_time()
        model.fit(X, y)
        seconds.append(time.process_time() - started)
    assert seconds[0] < seconds[1] / 2


def test_trees_that_are_cut_or_missing_are_refused(tmp_path):
    path = tmp_path / "trees.json"
    AdaBoostR2(n_estimators=2).fit(np.arange(100.0)[:, None], np.arange(100.0)).save(path)
    path.write_text(path.read_text()[:-100])
    for file in (path, tmp_path / "none.json"):
        with pytest.raises(InputError, match=r"json: not a whole file of boosted trees") as error:
            AdaBoostR2.load(file)
        assert error.value.kind == "damaged-file"
