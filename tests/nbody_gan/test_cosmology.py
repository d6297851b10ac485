"""Growth against closed forms and CAMB; spectra that do not fit are refused."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy.integrate import quad

from analysis.errors import InputError
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum, halofit_power, linear_power
from analysis.nbody_gan.density_pdf import linear_variance

PERRAUDIN = Cosmology(omega_m=0.276, omega_b=0.045, h=0.7, sigma8=0.811, n_s=0.961)
EINSTEIN_DE_SITTER = Cosmology(omega_m=1.0, omega_b=0.045, h=0.7, sigma8=0.8, n_s=1.0)


@pytest.mark.parametrize("a", [0.1, 0.5, 0.9])
def test_growth_in_an_einstein_de_sitter_universe_is_a_power_law(a: float) -> None:
    assert EINSTEIN_DE_SITTER.growth(a) == pytest.approx(a, rel=1e-5)
    assert EINSTEIN_DE_SITTER.second_growth(a) == pytest.approx(-3 / 7 * a**2, rel=1e-5)
    assert EINSTEIN_DE_SITTER.momentum_growth(a) == pytest.approx(a**1.5, rel=1e-5)
    assert EINSTEIN_DE_SITTER.second_momentum_growth(a) == pytest.approx(-6 / 7 * a**2.5, rel=1e-5)


@pytest.mark.parametrize("a", [0.1, 0.5, 0.9])
def test_growth_is_heaths_integral(a: float) -> None:
    def integral(end: float) -> float:  # Heath (1977): D is proportional to E times this
        return float(PERRAUDIN.expansion(end)) * quad(lambda x: (x * PERRAUDIN.expansion(x)) ** -3, 0, end)[0]

    assert PERRAUDIN.growth(a) == pytest.approx(integral(a) / integral(1.0), rel=1e-5)


def test_second_order_growth_is_close_to_the_fit_of_bouchet() -> None:
    omega = PERRAUDIN.omega_m
    assert PERRAUDIN.second_growth(1.0) == pytest.approx(-3 / 7 * omega ** (-1 / 143), rel=2e-3)


def test_linear_spectrum_has_the_wanted_sigma8() -> None:
    variance = linear_variance(linear_power(PERRAUDIN), np.array(8.0))
    assert math.sqrt(variance) == pytest.approx(PERRAUDIN.sigma8, rel=2e-3)


def test_halofit_is_linear_on_large_scales_and_higher_on_small_ones() -> None:
    ratio = halofit_power(PERRAUDIN, 0.0)(np.array([0.005, 1.0])) / linear_power(PERRAUDIN)(np.array([0.005, 1.0]))
    assert ratio[0] == pytest.approx(1.0, abs=0.01)
    assert ratio[1] > 3


def test_table_is_a_power_law_between_its_points() -> None:
    spectrum = PowerSpectrum(np.array([0.1, 10.0]), np.array([100.0, 1.0]))
    assert spectrum(np.array([1.0])) == pytest.approx(10.0)


@pytest.mark.parametrize("name", ["omega_m", "h", "sigma8"])
@pytest.mark.parametrize("value", [math.nan, 0.0, -1.0, math.inf])
def test_impossible_parameters_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        Cosmology(**{**asdict(PERRAUDIN), name: value})


def test_more_baryons_than_matter_are_refused() -> None:
    with pytest.raises(InputError, match="omega_b < omega_m"):
        Cosmology(**{**asdict(PERRAUDIN), "omega_b": 0.3})


@pytest.mark.parametrize(
    ("k", "power", "message"),
    [
        ([0.1, 1.0], [1.0, math.nan], "P\\(k\\) in row 1"),
        ([0.1, 1.0], [0.0, 1.0], "P\\(k\\) in row 0"),
        ([1.0, 0.1], [1.0, 1.0], "does not rise"),
        ([0.1], [1.0], "two equal columns"),
    ],
)
def test_tables_that_are_no_spectrum_are_refused(k: list, power: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PowerSpectrum(np.array(k), np.array(power))


def test_nothing_is_extrapolated() -> None:
    spectrum = PowerSpectrum(np.array([0.1, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(InputError, match=r"covers k from 0.1 to 1 h/Mpc; the box has modes from 0.05"):
        spectrum(np.array([0.05, 0.5]))
