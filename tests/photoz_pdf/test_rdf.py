"""Boosted trees whose leaves held-out objects fill."""

import numpy as np
import pytest
from scipy import sparse
from toy_photometry import draw

from analysis import pdf_metrics
from analysis.adaboost import AdaBoostR2
from analysis.photoz_pdf.rdf import BoostedTrees, _membership

GRID = np.linspace(0, 1, 301)


@pytest.fixture(scope="module")
def model():
    return BoostedTrees(GRID, n_estimators=10, max_depth=6).fit(*draw(1500))


def test_every_training_object_fills_one_leaf_of_each_tree_that_has_not_seen_it(model):
    trees = sum(len(ensemble.estimator_weights_) for ensemble in model._ensembles)
    assert model.arrays["counts"].sum() == pytest.approx(1500 / 5 * trees)
    np.testing.assert_allclose(model._sums.sum(axis=1), model.arrays["counts"])  # original weights: each counts once


def test_leaves_of_adaboost_determine_its_prediction():
    magnitudes, _, z = draw(300)
    trees = AdaBoostR2(4, 5).fit(magnitudes, z)
    leaves = trees.leaves(magnitudes)
    assert leaves.shape == (300, 4)
    for number in range(4):
        predicted = trees._predict_tree(magnitudes, number)
        assert all(np.ptp(predicted[leaves[:, number] == leaf]) == 0 for leaf in np.unique(leaves[:, number]))


def test_membership_numbers_leaves_through_all_trees():
    matrix = _membership(np.array([[0, 1], [2, 0]]), np.array([3, 2])).toarray()
    np.testing.assert_array_equal(matrix, [[1, 0, 0, 0, 1], [0, 0, 1, 1, 0]])


def test_features_that_say_nothing_give_the_training_distribution():
    """Trees overfit noise; leaves filled with what they were grown on would give narrow PDFs, and a U-shaped PIT."""
    generator = np.random.default_rng(0)
    z = generator.normal(0.5, 0.1, 1200)
    noise = generator.normal(20, 1, (1200, 3))
    model = BoostedTrees(GRID, n_estimators=10, max_depth=8).fit(noise[:600], None, z[:600])
    pits = pdf_metrics.pit(GRID, model.pdf(noise[600:], None), z[600:])
    assert pdf_metrics.ks_distance(pits) < 0.08
    assert pdf_metrics.coverage(pits, 0.68) == pytest.approx(0.68, abs=0.06)


def test_an_object_whose_leaves_are_all_empty_gets_the_training_distribution():
    magnitudes, errors, z = draw(400)
    model = BoostedTrees(GRID, n_estimators=3, max_depth=8, folds=2).fit(magnitudes, errors, z)
    leaves = np.hstack([trees.leaves(model._inputs(magnitudes[:1], errors[:1])) for trees in model._ensembles])
    held = model._sums.toarray()
    held[_membership(leaves, model.arrays["sizes"]).indices] = 0
    model._sums = sparse.csr_array(held)
    pdf = model.pdf(magnitudes[:1], errors[:1])[0]
    assert np.trapezoid(pdf * GRID, GRID) == pytest.approx(z.mean(), abs=0.02)
    assert np.trapezoid(pdf * (GRID - z.mean()) ** 2, GRID) > 0.8 * z.var()
