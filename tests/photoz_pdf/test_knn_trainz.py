"""Nearest neighbours, kernels and the control."""

import numpy as np
import pytest
from scipy import stats
from toy_photometry import draw

from analysis.photoz_pdf.kernels import deal_to_grid, silverman_bandwidth, smoothing_matrix
from analysis.photoz_pdf.knn import KNearestNeighbours, _without, gaussians
from analysis.photoz_pdf.trainz import TrainZ

GRID = np.linspace(0, 1, 301)


def test_trainz_is_the_kernel_density_estimate_of_scipy():
    magnitudes, errors, z = draw(500)
    density = TrainZ(GRID, bandwidth=0.03).fit(magnitudes, errors, z).pdf(magnitudes[:1], errors[:1])[0]
    oracle = stats.gaussian_kde(z, bw_method=0.03 / np.std(z, ddof=1))(GRID)
    np.testing.assert_allclose(density, oracle, atol=0.02 * oracle.max())


def test_all_neighbours_are_trainz():
    magnitudes, errors, z = draw(300)
    control = TrainZ(GRID, bandwidth=0.02).fit(magnitudes, errors, z)
    everyone = KNearestNeighbours(GRID, neighbours=300, bandwidth=0.02).fit(magnitudes, errors, z)
    other = draw(20, seed=1)[:2]
    np.testing.assert_allclose(everyone.pdf(*other), control.pdf(*other), atol=1e-9)


def test_one_neighbour_is_the_object_itself():
    magnitudes, errors, z = draw(300)
    pdfs = KNearestNeighbours(GRID, neighbours=1, bandwidth=0.01).fit(magnitudes, errors, z).pdf(magnitudes, errors)
    np.testing.assert_allclose(GRID[np.argmax(pdfs, axis=1)], z, atol=GRID[1] / 2 + 1e-9)


def test_the_gaussian_way_has_mean_and_spread_of_the_neighbours():
    magnitudes, errors, z = draw(300)
    model = KNearestNeighbours(GRID, way="gaussian", neighbours=300).fit(magnitudes, errors, z)
    pdf = model.pdf(magnitudes[:1], errors[:1])[0]
    mean = np.trapezoid(pdf * GRID, GRID)
    assert mean == pytest.approx(z.mean(), abs=1e-3)
    assert np.sqrt(np.trapezoid(pdf * (GRID - mean) ** 2, GRID)) == pytest.approx(z.std(), rel=0.01)


def test_choosing_leaves_the_object_itself_out():
    near = np.array([[0, 5, 6], [7, 1, 8], [3, 4, 9]])
    np.testing.assert_array_equal(_without(near, np.array([0, 1, 2])), [[5, 6], [7, 8], [3, 4]])
    magnitudes, errors, z = draw(2000)
    chosen = KNearestNeighbours(GRID).fit(magnitudes, errors, z).arrays["neighbours"]
    assert chosen > 4  # the noise wants an average; an object among its own neighbours would want few


def test_gaussians_keep_peaks_narrower_than_a_cell():
    density = gaussians(GRID, np.array([0.5012, 0.3]), np.array([1e-6, 0.05]))
    np.testing.assert_allclose(np.trapezoid(density, GRID, axis=1), 1, rtol=1e-3)
    np.testing.assert_allclose(density[1], stats.norm.pdf(GRID, 0.3, 0.05), atol=0.01)


def test_smoothing_keeps_probability_and_widens_by_the_bandwidth():
    matrix = smoothing_matrix(GRID, 0.03)
    np.testing.assert_allclose(np.trapezoid(matrix, GRID, axis=1), 1)
    np.testing.assert_allclose(matrix[150], stats.norm.pdf(GRID, 0.5, 0.03), atol=0.05)


def test_dealing_to_the_grid_keeps_weight_and_mean():
    generator = np.random.default_rng(0)
    samples, weights = generator.random((5, 40)), generator.random((5, 40))
    dealt = deal_to_grid(GRID, samples, weights).toarray()
    np.testing.assert_allclose(dealt.sum(axis=1), weights.sum(axis=1))
    np.testing.assert_allclose(dealt @ GRID, (weights * samples).sum(axis=1))
    ends = deal_to_grid(GRID, np.array([[0.0, 1.0]]), np.ones((1, 2))).toarray()[0]
    assert ends[0] == ends[-1] == 1


def test_silverman_is_not_fooled_by_outliers():
    z = np.random.default_rng(0).normal(0.5, 0.1, 1000)
    assert silverman_bandwidth(z) == pytest.approx(0.9 * 0.1 * 1000**-0.2, rel=0.1)
    assert silverman_bandwidth(np.append(z, 50.0)) == pytest.approx(silverman_bandwidth(z), rel=0.01)
    assert silverman_bandwidth(np.array([0.3] * 9 + [0.4])) > 0  # no interquartile range
