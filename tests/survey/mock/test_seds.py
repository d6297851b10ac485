"""Magnitudes of galaxies against kcorrect itself; the loci of stars and quasars."""

import numpy as np
import pytest
from kcorrect.kcorrect import Kcorrect

from analysis.survey.mock import seds
from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import BANDS

TO_AB = np.array(parameters()["camera"]["ab_minus_sdss"])


def test_galaxy_magnitudes_are_those_of_kcorrect() -> None:
    """Fit our magnitudes with kcorrect: it must find them again, and our M in r as seen from z = 0.1."""
    redshift = np.array([0.05, 0.12, 0.3, 0.5])
    M = np.array([-19.0, -20.5, -21.5, -22.5])
    shares = np.array([[0.1, 0, 0.2, 0.5, 0.2], [0, 0, 0, 1, 0], [0.2, 0, 0.1, 0.7, 0], [0.1, 0.01, 0.1, 0.69, 0.1]])
    magnitudes = seds.galaxy_magnitudes(redshift, M, shares) + TO_AB
    model = Kcorrect(responses=[f"sdss_{b}0" for b in BANDS], cosmo=seds.cosmology(), redshift_range=[0, 0.8])
    maggies = 10 ** (-0.4 * magnitudes)
    arguments = {"redshift": redshift.astype(np.float32), "maggies": maggies, "ivar": (100 / maggies) ** 2}
    coefficients = model.fit_coeffs(**arguments)
    absolute = model.absmag(**arguments, coeffs=coefficients, band_shift=0.1)
    assert absolute[:, BANDS.index("r")] == pytest.approx(M, abs=0.02)


def test_distance_modulus_is_astropys() -> None:
    redshift = np.array([0.004, 0.03, 0.25, 0.79])
    assert seds.distance_modulus(redshift) == pytest.approx(seds.cosmology().distmod(redshift).value, abs=2e-3)


def test_old_galaxies_are_red_and_redden_with_redshift() -> None:
    old = np.tile(np.eye(5)[3], (4, 1))
    # the template of old stars alone
    magnitudes = seds.galaxy_magnitudes(np.array([0.05, 0.15, 0.25, 0.35]), np.full(4, -22.0), old)
    g_r = magnitudes[:, 1] - magnitudes[:, 2]
    assert np.all(np.diff(g_r) > 0.1)  # the 4000 Angstrom break moves through g
    assert 0.8 < g_r[0] < 1.0  # the red sequence of the main sample


def test_star_colours_are_consistent() -> None:
    g_i = np.linspace(0.3, 2.8, 200)
    _, g_r, r_i, _ = seds.star_colours(g_i, np.full(200, -0.5)).T
    assert g_r + r_i == pytest.approx(g_i, abs=1e-9)
    assert np.all(np.diff(r_i) > 0)


@pytest.mark.parametrize("FeH", [0.0, -0.5, -1.0, -1.5, -2.0])
def test_the_two_loci_of_stars_meet(FeH: float) -> None:
    blue, red = seds.star_colours(1.6 + np.array([-1e-6, 1e-6]), np.full(2, FeH))
    assert np.all(np.abs(red - blue) < 0.03)


def test_metal_poor_stars_are_bluer_in_u() -> None:
    colours = seds.star_colours(np.array([0.6, 0.6]), np.array([-0.2, -1.8]))
    assert colours[1, 0] < colours[0, 0] - 0.1


def test_quasars_have_ultraviolet_excess_until_the_forest_covers_u() -> None:
    u_g = seds.quasar_colours(np.array([0.5, 1.0, 1.5, 2.0, 3.2]))[:, 0]
    assert np.all(u_g[:4] < 0.6)  # Richards et al. (2002): UV excess below z = 2.2
    assert u_g[4] > 1.0


def test_quasars_are_in_the_sdss_system_like_galaxies(monkeypatch) -> None:
    """SDSS's u is 0.036 mag fainter than AB, its g 0.012 brighter (u_AB = u_SDSS - 0.036): u-g grows by 0.048."""
    redshift = np.array([0.7, 1.5, 2.5])
    sdss = seds.quasar_colours(redshift)
    camera = parameters()["camera"] | {"ab_minus_sdss": [0.0] * 5}
    monkeypatch.setattr(seds, "parameters", lambda: parameters() | {"camera": camera})
    seds._quasar_table.cache_clear()
    ab = seds.quasar_colours(redshift)
    seds._quasar_table.cache_clear()
    assert sdss - ab == pytest.approx(np.tile([0.048, -0.002, 0.018, 0.012], (3, 1)))
