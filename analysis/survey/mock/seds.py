"""Spectral energy distributions through the SDSS responses: galaxies from kcorrect's templates, quasars, stars.

Galaxies: the five non-negative templates of Blanton & Roweis (2007, AJ 133, 734). Their light is counted in the r band
as seen from z = 0.1, where the luminosity functions of the main sample are measured too.
"""

from functools import cache

import numpy as np
from astropy.cosmology import FlatLambdaCDM

from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import BANDS

FloatArray = np.ndarray

REFERENCE_REDSHIFT = 0.1
_RESPONSES = [f"sdss_{band}0" for band in BANDS]
_QUASAR_REDSHIFTS = np.linspace(0.05, 4.3, 171)


@cache
def cosmology() -> FlatLambdaCDM:
    """Return the mock's cosmology."""
    return FlatLambdaCDM(**parameters()["cosmology"])


@cache
def template_grid() -> tuple[FloatArray, FloatArray]:
    """Return redshifts (z,) and maggies (z, band, template) of templates normalised to unit share of light.

    A share of 1 gives M = 0 in r as seen from z = 0.1, at a distance of 10 pc.
    """
    from kcorrect.kcorrect import Kcorrect  # slow to import, and needed for drawing a mock alone

    highest = parameters()["galaxies"]["redshift"][1] + 0.01
    redshift = np.linspace(0, highest, 325)
    model = Kcorrect(responses=_RESPONSES, redshift_range=[0, highest], nredshift=len(redshift))
    maggies = model.Amatrix(redshift)
    reference = model.Amatrix(np.array([REFERENCE_REDSHIFT]))[0, BANDS.index("r")]
    # m = M + DM + K, and for the band as seen from there K = -2.5 log10(1 + z) (Hogg et al. 2002, eq. 8)
    return redshift, maggies / reference * (1 + REFERENCE_REDSHIFT)


def distance_modulus(redshift: FloatArray) -> FloatArray:
    """Return m - M for redshifts, from a fine table (luminosity distances are slow one by one)."""
    return np.interp(redshift, *_distance_modulus_table())


@cache
def _distance_modulus_table() -> tuple[FloatArray, FloatArray]:
    redshift = np.concatenate([np.geomspace(1e-4, 0.1, 400), np.linspace(0.1005, 1.0, 600)])
    return redshift, cosmology().distmod(redshift).value


def galaxy_magnitudes(redshift: FloatArray, M: FloatArray, shares: FloatArray) -> FloatArray:
    """Return apparent magnitudes without extinction, in the SDSS system (not quite AB).

    Parameters
    ----------
    redshift, M : ndarray (n,)
        Absolute magnitude in r as seen from z = 0.1.
    shares : ndarray (n, 5)
        Each template's share of the light in that band; rows sum to 1.

    Returns
    -------
    ndarray (n, 5)
        Bands ugriz.
    """
    grid, maggies = template_grid()
    x = redshift / grid[1]
    i = np.clip(x.astype(int), 0, len(grid) - 2)
    weight = (x - i)[:, None, None]
    response = maggies[i] * (1 - weight) + maggies[i + 1] * weight
    flux = np.einsum("nbt,nt->nb", response, shares)
    return (M + distance_modulus(redshift))[:, None] - 2.5 * np.log10(flux) - _ab_minus_sdss()


def _ab_minus_sdss() -> FloatArray:
    """What to subtract from AB magnitudes (5,) to have them in the SDSS system."""
    return np.array(parameters()["camera"]["ab_minus_sdss"])


def star_colours(g_i: FloatArray, FeH: FloatArray) -> FloatArray:
    """Return u-g, g-r, r-i, i-z of main-sequence stars, without scatter.

    Yuan et al. (2015, ApJ 799, 134, table 1) for 0.3 < g-i < 1.6 and -2 < [Fe/H] < 0; redder, the relation between g-r
    and r-i of Juric et al. (2008, ApJ 673, 864, eq. 1) and straight lines in the other two colours.

    Parameters
    ----------
    g_i, FeH : ndarray (n,)

    Returns
    -------
    ndarray (n, 4)
    """
    x, y = np.clip(g_i, 0.3, 1.6), np.clip(FeH, -2.0, 0.0)
    u_g = (
        1.5003 + 0.0011 * y + 0.1741 * y**2 + 0.0910 * y**3 + 0.0181 * y**4
        + (-3.2190 + 1.1675 * y + 0.0875 * y**2 + 0.0031 * y**3) * x
        + (7.9725 - 0.8190 * y - 0.0439 * y**2) * x**2
        + (-5.2923 + 0.1339 * y) * x**3 + 1.1459 * x**4
    )  # fmt: skip
    g_r = (
        0.0596 + 0.0348 * y + 0.0239 * y**2 + 0.0044 * y**3
        + (0.6070 + 0.0261 * y - 0.0044 * y**2) * x + (0.1532 - 0.0136 * y) * x**2 - 0.0613 * x**3
    )  # fmt: skip
    i_z = (
        -0.1060 - 0.0357 * y - 0.0123 * y**2 - 0.0017 * y**3
        + (0.2543 - 0.0010 * y - 0.0050 * y**2) * x + (-0.0381 - 0.0071 * y) * x**2 + 0.0030 * x**3
    )  # fmt: skip
    red_r_i, red_g_i = _juric_locus()
    r_i = np.where(g_i > 1.6, np.interp(g_i, red_g_i, red_r_i), x - g_r)
    step = r_i - np.interp(1.6, red_g_i, red_r_i)  # how far along the M dwarfs
    i_z = np.where(g_i > 1.6, i_z + 0.56 * step, i_z)
    return np.stack([u_g, np.where(g_i > 1.6, g_i - r_i, g_r), r_i, i_z], axis=1)


@cache
def _juric_locus() -> tuple[FloatArray, FloatArray]:
    r_i = np.linspace(0.2, 2.0, 400)
    g_r = 1.39 * (1 - np.exp(-4.9 * r_i**3 - 2.45 * r_i**2 - 1.68 * r_i - 0.050))
    return r_i, g_r + r_i


def quasar_colours(redshift: FloatArray) -> FloatArray:
    """Return u-g, g-r, r-i, i-z of the mean quasar at each redshift in the SDSS system: (n, 4)."""
    table = _quasar_table()
    return np.stack([np.interp(redshift, _QUASAR_REDSHIFTS, column) for column in table.T], axis=1)


@cache
def _quasar_table() -> FloatArray:
    from kcorrect.response import ResponseDict

    settings, responses = parameters()["quasars"], ResponseDict()
    for response in _RESPONSES:
        responses.load_response(response)
    rest = np.geomspace(500, 12000, 6000)
    blue, red = settings["alpha_nu"]
    continuum = np.where(rest < 5000, (rest / 5000) ** (-2 - blue), (rest / 5000) ** (-2 - red))
    lines = sum(
        width * np.exp(-0.5 * ((rest - centre) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
        for centre, width, sigma in settings["lines"]
    )
    spectrum = continuum * (1 + lines)
    colours = []
    for redshift in _QUASAR_REDSHIFTS:
        observed = rest * (1 + redshift)
        forest = np.where(rest < 1216, np.exp(-0.0036 * (observed / 1216) ** 3.46), 1.0)  # Madau (1995), eq. 15
        flux = spectrum * np.where(rest < 912, 0.0, forest)
        maggies = np.array([responses[r].project(wave=observed, flux=flux) for r in _RESPONSES], float).ravel()
        magnitudes = -2.5 * np.log10(np.maximum(maggies, 1e-3 * maggies.max())) - _ab_minus_sdss()
        colours.append(magnitudes[:-1] - magnitudes[1:])
    return np.array(colours)
