"""What SDSS's model fits give for a galaxy of a bulge and a disc: tabulated, without noise.

SDSS fits an exponential and a de Vaucouleurs profile, both convolved with the PSF, and then the best linear
combination of the two (fracDeV). A real galaxy is neither, so fits are biased in flux and radius, and how much depends
on how well it is resolved. The table holds the least-squares solution in white noise, for circular profiles, as a
function of the bulge's share of the flux, its size relative to the disc, and the disc's size in units of the FWHM.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from analysis.survey.mock.profiles import FloatArray, overlap, seen_components

BULGE_TO_TOTAL: FloatArray = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
SIZE_RATIO: FloatArray = np.geomspace(0.1, 2.0, 9)  # effective radius of the bulge over that of the disc
DISC_SIZE: FloatArray = np.geomspace(0.03, 30, 18)  # effective radius of the disc, FWHM
_TRIALS = 40  # radii tried in each fit, before the best is refined

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

Components = tuple[FloatArray, FloatArray, FloatArray]  # fluxes, variances along the axes: `seen_components`


def _parts(name: str, size: FloatArray) -> Components:
    return seen_components(name, size, np.ones_like(size))


@dataclass(frozen=True)
class _Fit:
    """The best fits of one profile to g galaxies, which share two parts and differ in the parts' shares."""

    model: Components  # of unit flux
    ln_size: FloatArray  # (g,)
    response: FloatArray  # (g, 2): overlap with bulge and disc of unit flux
    norm: FloatArray  # (g,): overlap with itself
    seen: FloatArray  # (g,): overlap with the galaxy


def _evaluate(name: str, ln_size: FloatArray, parts: list[Components], shares: FloatArray) -> _Fit:
    """Compare profiles of sizes (g, ...) with galaxies; the first axis may also be 1: the same sizes for all."""
    model = _parts(name, np.exp(ln_size))
    response = np.stack([overlap(part, model) for part in parts], axis=-1)
    share = shares.reshape(len(shares), *(1,) * (ln_size.ndim - 1), 2)
    return _Fit(model, ln_size, response, overlap(model, model), np.sum(share * response, axis=-1))


def _best_fit(name: str, parts: list[Components], shares: FloatArray, low: float, high: float) -> _Fit:
    """Find the size whose matched filter sees most signal, which is the least-squares fit, between two limits.

    Radii on a grid, then a parabola through the three around the best; twice more with radii closer together, since
    the maximum is not symmetric.
    """

    def highest(trial: FloatArray) -> FloatArray:
        tried = _evaluate(name, trial, parts, shares)
        return _vertex(trial, tried.seen**2 / tried.norm)

    grid, step = np.linspace(np.log(low), np.log(high), _TRIALS, retstep=True)
    best = highest(grid[None, :])
    for closer in (step / 4, step / 16):
        best = highest(best[:, None] + closer * np.array([-1, 0, 1]))
    return _evaluate(name, best, parts, shares)


def _vertex(x: FloatArray, y: FloatArray) -> FloatArray:
    """Abscissa of the highest point of each row of y (g, k), by a parabola; x (g or 1, k) is evenly spaced."""
    k = np.clip(y.argmax(axis=1), 1, y.shape[1] - 2)
    row = np.arange(len(y))
    left, middle, right = y[row, k - 1], y[row, k], y[row, k + 1]
    bend = left - 2 * middle + right
    offset = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return np.broadcast_to(x, y.shape)[row, k] + np.clip(offset, -2, 2) * (x[:, 1] - x[:, 0])


def _solve(ratio: float, disc: float) -> FloatArray:
    """Fit the galaxies of one shape, for every share of the bulge: (len(BULGE_TO_TOTAL), len(QUANTITIES))."""
    parts = [_parts("deV", np.array(ratio * disc)), _parts("exp", np.array(disc))]
    shares = np.stack([BULGE_TO_TOTAL, 1 - BULGE_TO_TOTAL], axis=-1)
    cross = np.array([[overlap(a, b) for b in parts] for a in parts])
    power = np.einsum("gi,ij,gj->g", shares, cross, shares)

    # from well inside the smaller part to well outside the larger one: a deV fit to a disc is several times larger
    limits = 0.1 * disc * min(ratio, 1), 10 * disc * max(ratio, 1)
    exp, deV = (_best_fit(name, parts, shares, *limits) for name in ("exp", "deV"))
    frac, noise = _combine(exp, deV, power)
    exp_flux, deV_flux = exp.seen / exp.norm, deV.seen / deV.norm
    apart = exp_flux * exp.seen + deV_flux * deV.seen - 2 * exp_flux * deV_flux * overlap(exp.model, deV.model)
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
    return np.stack(columns, axis=-1)


def _combine(exp: _Fit, deV: _Fit, power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Best linear combination of the two best fits: weight of deV, and its noise times the signal-to-noise ratio."""
    cross = overlap(exp.model, deV.model)
    normal = np.stack([exp.norm, cross, cross, deV.norm], axis=-1).reshape(-1, 2, 2)
    normal += 1e-9 * (exp.norm + deV.norm)[:, None, None] * np.eye(2)  # unresolved: the two are the same profile
    inverse = np.linalg.inv(normal)
    flux = np.einsum("gij,gj->gi", inverse, np.stack([exp.seen, deV.seen], axis=-1))
    total = flux.sum(axis=1)
    slope = np.stack([-flux[:, 1], flux[:, 0]], axis=-1) / total[:, None] ** 2
    return flux[:, 1] / total, np.sqrt(np.einsum("gi,gij,gj->g", slope, inverse, slope) * power)


@cache
def fit_table() -> RegularGridInterpolator:
    """Return the interpolator: points (n, 3) of (B/T, ln size ratio, ln disc size) to (n, len(QUANTITIES))."""
    solutions = np.array([[_solve(ratio, disc) for disc in DISC_SIZE] for ratio in SIZE_RATIO])
    values = np.moveaxis(solutions, 2, 0)
    grid = (BULGE_TO_TOTAL, np.log(SIZE_RATIO), np.log(DISC_SIZE))
    return RegularGridInterpolator(grid, values)


def fitted(bulge_to_total: FloatArray, size_ratio: FloatArray, disc_size: FloatArray) -> dict[str, FloatArray]:
    """Look galaxies up; arguments beyond the grid are taken at its edge.

    Parameters
    ----------
    bulge_to_total, size_ratio, disc_size : ndarray, any one shape
        Disc size in FWHM.

    Returns
    -------
    dict of ndarray
        One array of that shape for each of `QUANTITIES`.
    """
    points = np.stack(
        [
            np.clip(bulge_to_total, 0, 1),
            np.log(np.clip(size_ratio, SIZE_RATIO[0], SIZE_RATIO[-1])),
            np.log(np.clip(disc_size, DISC_SIZE[0], DISC_SIZE[-1])),
        ],
        axis=-1,
    )
    values = fit_table()(points).reshape(*points.shape[:-1], len(QUANTITIES))
    return {name: values[..., k] for k, name in enumerate(QUANTITIES)}
