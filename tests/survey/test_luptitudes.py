"""Asinh magnitudes: their limits, and SDSS's own numbers."""

import numpy as np
import pytest

from analysis.survey.luptitudes import SDSS_SOFTENING, asinh_scaled, flux_of_luptitude, luptitude


def _images(value):
    return np.broadcast_to(np.asarray(value, float).reshape(-1, 1, 1), (5, 2, 2))


def test_faint_flux_is_linear_and_bright_flux_is_logarithmic():
    b = np.array(SDSS_SOFTENING)
    faint, bright = _images(1e-3 * b), _images(1e4 * b)
    assert asinh_scaled(faint) == pytest.approx(_images([0.5e-3] * 5), rel=1e-6)
    pogson = 22.5 - 2.5 * np.log10(bright)
    assert luptitude(bright) == pytest.approx(pogson, abs=1e-7)


def test_zero_flux_has_the_magnitudes_that_sdss_lists():
    # table of "asinh magnitudes", SDSS Data Release 7, "Zero-Flux Magnitude"
    assert luptitude(_images(0 * np.ones(5)))[:, 0, 0] == pytest.approx([24.63, 25.11, 24.80, 24.36, 22.83], abs=0.005)


def test_flux_comes_back_of_either_sign():
    flux = np.random.default_rng(1).normal(scale=30, size=(3, 5, 4, 4))
    assert flux_of_luptitude(luptitude(flux)) == pytest.approx(flux, rel=1e-10)


def test_error_of_a_faint_luptitude_is_the_same_at_zero_and_below():
    # Lupton et al. (1999): the variance stays finite at zero flux: 1.0857 sigma / 2b
    slope = np.diff([luptitude(_images([f] * 5))[2, 0, 0] for f in (-1e-4, 1e-4)])[0] / 2e-4
    assert slope == pytest.approx(-2.5 / np.log(10) / (2 * SDSS_SOFTENING[2]), rel=1e-5)
