"""What is out there: galaxies, stars and quasars as they are, before any camera looks.

Each `draw_*` returns a table of truths: class, redshift, magnitudes without extinction or noise, and, for galaxies,
bulge and disc with sizes in arcsec, axis ratios and position angle. Candidates are drawn down to a limiting magnitude.
"""

from functools import cache

import numpy as np
import pandas as pd

from analysis.survey.mock import seds
from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import BANDS

FloatArray = np.ndarray
Generator = np.random.Generator

TYPES = ("early", "late")
MAGNITUDES = [f"true_{band}" for band in BANDS]
BULGE_TO_TOTAL = [f"bulge_to_total_{band}" for band in BANDS]
SHARES = [f"share_{k}" for k in range(5)]

_M_RELATIVE = np.linspace(-4.0, 7.0, 1101)  # M - M* within which galaxies are drawn
_TYPICAL_ROOT_AXIS_RATIO = 0.77  # mean of sqrt(b/a) of randomly inclined discs
_YOUNG = np.array([0, 1, 1, 0, 1])  # templates of young stars …
_TOGETHER = np.array([0, 0, 1, 0, 1])  # … and those whose shares scatter together
_REFERENCE_M = -20.5  # absolute magnitude at which SED and structure parameters hold


def _schechter(kind: str) -> FloatArray:
    """Number density per magnitude relative to phi*, on `_M_RELATIVE`."""
    alpha = parameters()["galaxies"][kind]["schechter"]["alpha"]
    light = 10 ** (-0.4 * _M_RELATIVE)
    return 0.4 * np.log(10) * light ** (alpha + 1) * np.exp(-light)


def _sed(kind: str) -> dict[str, FloatArray]:
    return {name: np.array(value) for name, value in parameters()["galaxies"][kind]["sed"].items()}


def _evolved_sed(kind: str, redshift: FloatArray) -> FloatArray:
    """Mean ln shares (n, 5) of the kcorrect templates: the light of young stars grows as (1 + z)^growth."""
    sed, ratio = _sed(kind), (1 + redshift) / (1 + seds.REFERENCE_REDSHIFT)
    return sed["mean"] + sed["growth"] * _YOUNG * np.log(ratio)[:, None]


def _normalised(ln_shares: FloatArray) -> FloatArray:
    weight = np.exp(ln_shares)
    return weight / weight.sum(axis=1, keepdims=True)


def _evolved(kind: str, redshift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """M* and phi* at a redshift (Lin et al. 1999, as in Blanton et al. 2003)."""
    galaxies = parameters()["galaxies"][kind]
    lag = redshift - seds.REFERENCE_REDSHIFT
    M_star = galaxies["schechter"]["M_star"] - galaxies["evolution"]["Q"] * lag
    return M_star, galaxies["schechter"]["phi_star"] * 10 ** (0.4 * galaxies["evolution"]["P"] * lag)


@cache
def _redshift_distribution(
    kind: str, band: str, limit: float, low: float, high: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tabulate one type's candidates: redshifts, their counts per steradian and step, faintest M - M* at each."""
    redshift = np.linspace(low, high, 600)
    shares = _normalised(_evolved_sed(kind, redshift))
    apparent = seds.galaxy_magnitudes(redshift, np.zeros_like(redshift), shares)[:, BANDS.index(band)]
    M_star, phi = _evolved(kind, redshift)
    faintest = np.clip(limit - apparent - M_star, _M_RELATIVE[0], _M_RELATIVE[-1])
    cumulative = np.cumsum(_schechter(kind)) * (_M_RELATIVE[1] - _M_RELATIVE[0])
    volume = seds.cosmology().differential_comoving_volume(redshift).value
    counts = volume * phi * np.interp(faintest, _M_RELATIVE, cumulative) * (redshift[1] - redshift[0])
    return redshift, counts, faintest


def draw_galaxies(rng: Generator, number: int, limit: tuple[str, float], redshift: tuple[float, float]) -> pd.DataFrame:
    """Draw a flux-limited sample of galaxies.

    Parameters
    ----------
    rng : numpy.random.Generator
    number : int
    limit : (str, float)
        Band and faintest magnitude; single galaxies may lie beyond, since SEDs scatter about their type's.
    redshift : (float, float)
        Range.

    Returns
    -------
    pandas.DataFrame
        One row per galaxy.
    """
    tables = {kind: _redshift_distribution(kind, *limit, *redshift) for kind in TYPES}
    counts = np.array([tables[kind][1].sum() for kind in TYPES])
    numbers = rng.multinomial(number, counts / counts.sum())
    parts = [_draw_type(rng, kind, n, tables[kind]) for kind, n in zip(TYPES, numbers, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _draw_type(rng: Generator, kind: str, number: int, table: tuple[FloatArray, ...]) -> pd.DataFrame:
    grid, counts, faintest = table
    cumulative = np.cumsum(counts)
    redshift = np.interp(rng.random(number) * cumulative[-1], cumulative, grid)
    density = np.cumsum(_schechter(kind))
    depth = np.interp(np.interp(redshift, grid, faintest), _M_RELATIVE, density)
    M = np.interp(rng.random(number) * depth, density, _M_RELATIVE) + _evolved(kind, redshift)[0]
    shares = _draw_shares(rng, kind, M, redshift)
    structure = _draw_structure(rng, kind, M, redshift)
    magnitudes = seds.galaxy_magnitudes(redshift, M, shares)
    bulge = _bulge_by_band(redshift, M, magnitudes, structure["bulge_to_total"])
    magnitudes, bulge = _dim_disc(magnitudes, bulge, structure["disc_axis_ratio"])
    columns = {"class": "GALAXY", "type": kind, "redshift": redshift, "M_r": M, **structure}
    columns |= dict(zip(MAGNITUDES, magnitudes.T, strict=True)) | dict(zip(BULGE_TO_TOTAL, bulge.T, strict=True))
    columns |= dict(zip(SHARES, shares.T, strict=True))
    return pd.DataFrame(columns)


def _draw_shares(rng: Generator, kind: str, M: FloatArray, redshift: FloatArray) -> FloatArray:
    """Shares of the kcorrect templates: logistic-normal, bluer towards faint magnitudes and early times."""
    sed = _sed(kind)
    common, own = rng.normal(size=(len(M), 1)), rng.normal(size=(len(M), 5))
    deviation = np.where(_TOGETHER, sed["shared"] * common + np.sqrt(1 - sed["shared"] ** 2) * own, own)
    mean = _evolved_sed(kind, redshift) + sed["tilt"] * (M - _REFERENCE_M)[:, None]
    return _normalised(mean + sed["scatter"] * deviation)


def _half_light_radius(rng: Generator, kind: str, M: FloatArray, redshift: FloatArray) -> FloatArray:
    """Circularised half-light radius in kpc: Shen et al. (2003, MNRAS 343, 978), eqs. 15 and 16, with evolution."""
    size = parameters()["galaxies"][kind]["size"]
    faded = M + parameters()["galaxies"][kind]["evolution"]["Q"] * (redshift - seds.REFERENCE_REDSHIFT)
    bright = 10 ** (-0.4 * (faded - size["M0"]))
    slope = (size["beta"] - size["alpha"]) * np.log10(1 + bright)
    log_radius = -0.4 * size["alpha"] * faded + slope + size["gamma"]
    faint, luminous = size["scatter"]
    scatter = luminous + (faint - luminous) / (1 + bright**2)
    growth = ((1 + redshift) / (1 + seds.REFERENCE_REDSHIFT)) ** size["evolution"]
    return 10**log_radius * growth * np.exp(scatter * rng.normal(size=len(M)))


def _draw_structure(rng: Generator, kind: str, M: FloatArray, redshift: FloatArray) -> dict[str, FloatArray]:
    """Bulge and disc: share, effective radii along the major axis in arcsec, axis ratios, position angle."""
    galaxies = parameters()["galaxies"]
    number, own = len(M), galaxies[kind]
    share = own["bulge_to_total"]
    mean = np.clip(share["mean"] + share["slope"] * (M - _REFERENCE_M), 0.02, 0.95)
    bulge = rng.beta(mean * share["concentration"], (1 - mean) * share["concentration"])
    ratio = own["bulge_over_disc"]["mean"] * np.exp(own["bulge_over_disc"]["scatter"] * rng.normal(size=number))
    kpc_per_arcsec = np.interp(redshift, *_angular_scale())
    radius = _half_light_radius(rng, kind, M, redshift) / kpc_per_arcsec
    thickness, shape = galaxies["disc_thickness"], galaxies["bulge_axis_ratio"]
    disc_axis_ratio = np.sqrt(thickness**2 + (1 - thickness**2) * rng.random(number) ** 2)
    bulge_axis_ratio = np.clip(shape["mean"] + shape["scatter"] * rng.normal(size=number), shape["lowest"], 1.0)
    # The half-light radius of the sum lies between those of the parts. Circularised radii are those of discs at their
    # typical inclination; along the major axis an ellipse is longer by the root of its axis ratio.
    disc_radius = radius / (bulge * np.sqrt(ratio) + 1 - bulge) / _TYPICAL_ROOT_AXIS_RATIO
    return {
        "bulge_to_total": bulge,
        "bulge_radius": np.clip(ratio * disc_radius, 0.01, 60),
        "disc_radius": np.clip(disc_radius, 0.01, 60),
        "bulge_axis_ratio": bulge_axis_ratio,
        "disc_axis_ratio": disc_axis_ratio,
        "position_angle": np.pi * rng.random(number),
    }


@cache
def _angular_scale() -> tuple[FloatArray, FloatArray]:
    redshift = np.geomspace(1e-3, 1.0, 500)
    return redshift, seds.cosmology().kpc_proper_per_arcmin(redshift).value / 60


def _bulge_by_band(
    redshift: FloatArray, M: FloatArray, magnitudes: FloatArray, bulge_to_total: FloatArray
) -> FloatArray:
    """Share of the bulge in each band: it has the colours of the mean early type, the disc has the rest."""
    red = seds.galaxy_magnitudes(redshift, M, _normalised(_evolved_sed("early", redshift)))
    colour = (red - magnitudes) - (red - magnitudes)[:, [BANDS.index("r")]]
    return np.clip(bulge_to_total[:, None] * 10 ** (-0.4 * colour), 0.0, 0.98) * (bulge_to_total[:, None] > 0)


def _dim_disc(magnitudes: FloatArray, bulge: FloatArray, axis_ratio: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dust in the disc, seen through more of it when inclined: dims and reddens the disc's light."""
    dimming = np.array(parameters()["galaxies"]["disc_dust"]) * np.log10(1 / axis_ratio)[:, None]
    disc = (1 - bulge) * 10 ** (-0.4 * dimming)
    return magnitudes - 2.5 * np.log10(bulge + disc), bulge / (bulge + disc)


def _point_sources(kind: str, redshift: FloatArray, magnitudes: FloatArray) -> pd.DataFrame:
    columns = {"class": kind, "type": kind.lower(), "redshift": redshift}
    return pd.DataFrame(columns | dict(zip(MAGNITUDES, magnitudes.T, strict=True)))


def _from_colours(magnitude: FloatArray, band: str, colours: FloatArray) -> FloatArray:
    """Magnitudes in ugriz from one magnitude and the four adjacent colours."""
    relative = np.concatenate([np.zeros((len(colours), 1)), -np.cumsum(colours, axis=1)], axis=1)
    return relative - relative[:, [BANDS.index(band)]] + magnitude[:, None]


def _power_law_counts(rng: Generator, number: int, slope: float, bright: float, faint: float) -> FloatArray:
    """Magnitudes with counts rising as 10^(slope m)."""
    low, high = 10 ** (slope * bright), 10 ** (slope * faint)
    return np.log10(low + (high - low) * rng.random(number)) / slope


def draw_stars(rng: Generator, number: int, limit: tuple[str, float]) -> pd.DataFrame:
    """Draw main-sequence stars of disc and halo, brighter than a limit in r."""
    stars = parameters()["stars"]
    r = _power_law_counts(rng, number, stars["counts_slope"], 14.0, limit[1])
    in_disc = rng.random(number) < stars["disc"]["share"]
    FeH = np.where(
        in_disc,
        rng.normal(stars["disc"]["FeH"], stars["disc"]["FeH_scatter"], number),
        rng.normal(stars["halo"]["FeH"], stars["halo"]["FeH_scatter"], number),
    )
    near_turnoff = ~in_disc | (rng.random(number) < stars["disc"]["blue"])
    mean, width = np.where(near_turnoff[:, None], stars["turnoff"]["g_i"], stars["dwarfs"]["g_i"]).T
    g_i = mean + width * rng.normal(size=number)
    colours = seds.star_colours(np.clip(g_i, 0.2, 3.2), FeH)
    colours = colours + rng.normal(size=colours.shape) * stars["locus_width"]
    velocity = rng.normal(0, stars["velocity"], number) / 299_792.458
    return _point_sources("STAR", velocity, _from_colours(r, "r", colours))


def draw_quasars(rng: Generator, number: int, limit: tuple[str, float]) -> pd.DataFrame:
    """Draw quasars brighter than a limit in i, with broken power-law counts."""
    quasars = parameters()["quasars"]
    grid = np.linspace(15.5, limit[1], 500)
    steep, flat = quasars["counts_slope"], quasars["counts_slope_faint"]
    depth = grid - quasars["knee"]
    counts = np.cumsum(1 / (10 ** (-steep * depth) + 10 ** (-flat * depth)))
    i = np.interp(rng.random(number) * counts[-1], counts, grid)
    redshift = rng.normal(quasars["redshift_peak"], quasars["redshift_width"], 4 * number + 20)
    low, high = quasars["redshift"]
    redshift = redshift[(redshift > low) & (redshift < high)][:number]
    # a tilt of the continuum changes a colour by 2.5 log10 of the ratio of the bands' wavelengths
    tilt = 2.5 * np.log10(np.array([4686, 6165, 7481, 8931]) / np.array([3551, 4686, 6165, 7481]))
    colours = seds.quasar_colours(redshift) + quasars["alpha_scatter"] * rng.normal(size=(number, 1)) * tilt
    return _point_sources("QSO", redshift, _from_colours(i, "i", colours))
