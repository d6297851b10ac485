"""What SDSS's model fits give for a galaxy of a bulge and a disc: tabulated, without noise.

SDSS fits an exponential and a de Vaucouleurs profile, both convolved with the PSF, and then the best linear
combination of the two (fracDeV). A real galaxy is neither, so fits are biased in flux and radius, and how much depends
on how well it is resolved, and on which of its parts count: photons of the galaxy itself are noise too, so that in a
bright one the fit heeds the outskirts more than the centre. The table holds the weighted least-squares solution for
circular profiles, as a function of the bulge's share of the flux, its size relative to the disc, the disc's size in
units of the FWHM, and the galaxy's flux over that at which its photons make as much noise as the sky.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from analysis.survey.mock.profiles import FloatArray, seen_components

BULGE_TO_TOTAL: FloatArray = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
SIZE_RATIO: FloatArray = np.geomspace(0.1, 2.0, 9)  # effective radius of the bulge over that of the disc
DISC_SIZE: FloatArray = np.geomspace(0.03, 30, 18)  # effective radius of the disc, FWHM
BRIGHTNESS: FloatArray = np.geomspace(0.1, 1e4, 6)  # flux / (gain x sky variance in a square FWHM)

# Where profiles are compared, and the radii of models that are tried, before the best is refined: FWHM
_RADII = np.geomspace(1e-2, 400, 320)
_MODEL_SIZES = np.geomspace(2e-4, 800, 480)

QUANTITIES = (
    "ln_exp_size",  # radius of the best exponential over the disc's
    "ln_deV_size",
    "exp_bulge",  # flux that the best exponential, as a matched filter, finds in a unit bulge …
    "exp_disc",  # … and in a unit disc
    "deV_bulge",
    "deV_disc",
    "fracDeV",  # weight of deV in the best combination, not yet clipped to 0…1
    "fracDeV_noise",  # its standard deviation times the signal-to-noise ratio of the flux
    "preference",  # (chi^2 of exp - chi^2 of deV) / (signal-to-noise)^2: positive prefers deV
    "distance",  # integral of the squared difference of the two best fits, over that of the galaxy squared
)


def _profiles(name: str, size: FloatArray) -> FloatArray:
    """Brightness of profiles of unit flux and sizes (...,) as seen, at `_RADII`: (..., radius)."""
    flux, variance, _ = seen_components(name, size, np.ones_like(size))
    brightness = np.zeros((*size.shape, len(_RADII)))
    for k, part in enumerate(flux):
        v = variance[..., k, None]
        brightness += part * np.exp(-0.5 * _RADII**2 / v) / (2 * np.pi * v)
    return brightness


@cache
def _models(name: str) -> FloatArray:
    return _profiles(name, _MODEL_SIZES)


def _ring_areas() -> FloatArray:
    """Area that each of `_RADII` stands for: the trapezoidal rule in ln r; the innermost has the disc within too."""
    area = 2 * np.pi * _RADII**2 * np.log(_RADII[1] / _RADII[0])
    area[0] = np.pi * _RADII[0] ** 2 + area[0] / 2
    return area


@dataclass(frozen=True)
class _Fit:
    """The best fits of one profile to g galaxies, which share two parts."""

    model: FloatArray  # (g, radius), of unit flux
    ln_size: FloatArray  # (g,)
    response: FloatArray  # (g, 2): overlap with bulge and disc of unit flux
    norm: FloatArray  # (g,): overlap with itself
    seen: FloatArray  # (g,): overlap with the galaxy


def _best_fit(name: str, parts: FloatArray, galaxy: FloatArray, weight: FloatArray) -> _Fit:
    """Find the size whose matched filter sees most signal, which is the least-squares fit: trials, then a parabola."""
    models = _models(name)
    signal = (weight * galaxy) @ models.T
    merit = signal**2 / (weight @ (models**2).T)
    ln_size = _vertex(np.log(_MODEL_SIZES), merit)
    model = _profiles(name, np.exp(ln_size))
    weighted = weight * model
    return _Fit(model, ln_size, weighted @ parts.T, (weighted * model).sum(-1), (weighted * galaxy).sum(-1))


def _vertex(x: FloatArray, y: FloatArray) -> FloatArray:
    """Abscissa of the highest point of each row of y (g, k), by a parabola; x (k,) is evenly spaced."""
    k = np.clip(y.argmax(axis=1), 1, y.shape[1] - 2)
    row = np.arange(len(y))
    left, middle, right = y[row, k - 1], y[row, k], y[row, k + 1]
    bend = left - 2 * middle + right
    offset = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return x[k] + np.clip(offset, -1, 1) * (x[1] - x[0])


def _solve(ratio: float, disc: float) -> FloatArray:
    """Fit the galaxies of one shape, for every share of the bulge and brightness: (share, brightness, quantity)."""
    parts = np.stack([_profiles("deV", np.array(ratio * disc)), _profiles("exp", np.array(disc))])
    share, brightness = (grid.ravel() for grid in np.meshgrid(BULGE_TO_TOTAL, BRIGHTNESS, indexing="ij"))
    galaxy = share[:, None] * parts[0] + (1 - share)[:, None] * parts[1]
    weight = _ring_areas() / (1 + brightness[:, None] * galaxy)

    exp, deV = (_best_fit(name, parts, galaxy, weight) for name in ("exp", "deV"))
    cross = (weight * exp.model * deV.model).sum(-1)
    power = (weight * galaxy**2).sum(-1)
    frac, noise = _combine(exp, deV, cross, power)
    exp_flux, deV_flux = exp.seen / exp.norm, deV.seen / deV.norm
    apart = exp_flux * exp.seen + deV_flux * deV.seen - 2 * exp_flux * deV_flux * cross
    columns = [
        exp.ln_size - np.log(disc),
        deV.ln_size - np.log(disc),
        *(exp.response / exp.norm[:, None]).T,
        *(deV.response / deV.norm[:, None]).T,
        frac,
        noise,
        (deV_flux * deV.seen - exp_flux * exp.seen) / power,
        np.maximum(apart, 0) / power,
    ]
    return np.stack(columns, axis=-1).reshape(len(BULGE_TO_TOTAL), len(BRIGHTNESS), len(QUANTITIES))


def _combine(exp: _Fit, deV: _Fit, cross: FloatArray, power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Best linear combination of the two best fits: weight of deV, and its noise times the signal-to-noise ratio."""
    normal = np.stack([exp.norm, cross, cross, deV.norm], axis=-1).reshape(-1, 2, 2)
    normal += 1e-9 * (exp.norm + deV.norm)[:, None, None] * np.eye(2)  # unresolved: the two are the same profile
    inverse = np.linalg.inv(normal)
    flux = np.einsum("gij,gj->gi", inverse, np.stack([exp.seen, deV.seen], axis=-1))
    total = flux.sum(axis=1)
    slope = np.stack([-flux[:, 1], flux[:, 0]], axis=-1) / total[:, None] ** 2
    return flux[:, 1] / total, np.sqrt(np.einsum("gi,gij,gj->g", slope, inverse, slope) * power)


@cache
def fit_table() -> RegularGridInterpolator:
    """Return the interpolator: points (n, 4) of (B/T, ln size ratio, ln disc size, ln brightness) to quantities."""
    solutions = np.array([[_solve(ratio, disc) for disc in DISC_SIZE] for ratio in SIZE_RATIO])
    grid = (BULGE_TO_TOTAL, np.log(SIZE_RATIO), np.log(DISC_SIZE), np.log(BRIGHTNESS))
    return RegularGridInterpolator(grid, np.moveaxis(solutions, 2, 0))


def fitted(
    bulge_to_total: FloatArray, size_ratio: FloatArray, disc_size: FloatArray, brightness: FloatArray
) -> dict[str, FloatArray]:
    """Look galaxies up; arguments beyond the grid are taken at its edge.

    Parameters
    ----------
    bulge_to_total, size_ratio, disc_size, brightness : ndarray, any one shape
        Disc size in FWHM. The brightness is the flux over the product of gain and variance of the sky in a square
        FWHM: times the profile of unit flux, the ratio of the galaxy's photon noise to the sky's, both squared.

    Returns
    -------
    dict of ndarray
        One array of that shape for each of `QUANTITIES`.
    """
    axes = zip((size_ratio, disc_size, brightness), (SIZE_RATIO, DISC_SIZE, BRIGHTNESS), strict=True)
    logarithms = [np.log(np.clip(values, grid[0], grid[-1])) for values, grid in axes]
    points = np.stack([np.clip(bulge_to_total, 0, 1), *logarithms], axis=-1)
    values = fit_table()(points).reshape(*points.shape[:-1], len(QUANTITIES))
    return {name: values[..., k] for k, name in enumerate(QUANTITIES)}
