"""Magnitudes and errors -> inputs of learners."""

import numpy as np
import pytest
from toy_photometry import draw

from analysis.photoz_pdf.photometry import PhotometricInputs, _asinh_magnitudes, _softening, fill_missing


def test_asinh_magnitudes_are_the_usual_ones_for_bright_objects_and_finite_for_none():
    bright = np.array([[14.0], [15.5]])
    assert np.diff(_asinh_magnitudes(bright, np.array([22.0])), axis=0) == pytest.approx(1.5, abs=1e-4)
    faint = _asinh_magnitudes(np.array([[30.0], [33.0]]), np.array([22.0]))
    assert np.abs(np.diff(faint, axis=0)) < 1e-3


def test_softening_is_the_noise():
    """An object with a magnitude error of 1.0857 has the flux of its noise."""
    assert _softening(np.array([[23.0]]), np.array([[2.5 / np.log(10)]])) == pytest.approx(23.0)
    assert _softening(np.array([[23.0]]), np.array([[0.025 / np.log(10)]])) == pytest.approx(28.0)


def test_what_is_missing_is_the_conditional_mean_of_a_gaussian():
    covariance = np.array([[1.0, 0.8, 0.3], [0.8, 2.0, 0.5], [0.3, 0.5, 1.5]])
    mean = np.array([1.0, 2.0, 3.0])
    filled = fill_missing(np.array([[2.0, np.nan, 3.0], [np.nan] * 3, [1.0, 5.0, 9.0]]), mean, covariance)
    precision = np.linalg.inv(covariance)
    expected = mean[1] - (precision[1, 0] * (2.0 - 1.0) + precision[1, 2] * 0.0) / precision[1, 1]
    assert filled[0, 1] == pytest.approx(expected)
    np.testing.assert_allclose(filled[1:], [mean, [1.0, 5.0, 9.0]])


def test_missing_bands_are_guessed_from_the_others():
    magnitudes, errors, _ = draw(3000)
    inputs = PhotometricInputs.for_sample(magnitudes, errors)
    lacking = magnitudes.copy()
    lacking[:, 1] = np.nan
    guessed, known = inputs(lacking, errors)[:, 1], inputs(magnitudes, errors)[:, 1]
    assert np.corrcoef(guessed, known)[0, 1] > 0.7  # the first band knows the redshift well


def test_inputs_are_of_order_one_whatever_the_survey():
    generator = np.random.default_rng(0)
    magnitudes, errors = generator.normal(22, 2, (500, 4)), 10 ** generator.normal(-1, 1, (500, 4))
    magnitudes[::50], errors[::50] = 33, 14_749
    x = PhotometricInputs.for_sample(magnitudes, errors)(magnitudes, errors)
    assert np.all(np.isfinite(x)) and np.abs(x).max() <= 6
    np.testing.assert_allclose(np.median(x, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(np.percentile(x, [25, 75], axis=0), axis=0), 1.349, rtol=0.01)


def test_inputs_that_say_nothing_are_left_out():
    magnitudes, errors, _ = draw(200)
    complete = PhotometricInputs.for_sample(magnitudes, np.full_like(errors, np.nan))
    assert complete(magnitudes, errors).shape == (200, 3 + 2) and complete.n_magnitudes == 5
    magnitudes[::2, 0] = np.nan
    with_gaps = PhotometricInputs.for_sample(magnitudes, np.full_like(errors, np.nan))
    assert with_gaps(magnitudes, errors).shape[1] > 5  # which band is missing is told
