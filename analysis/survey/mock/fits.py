"""What SDSS's model fits give for a galaxy of a bulge and a disc: tabulated, without noise.

SDSS fits an exponential and a de Vaucouleurs profile, both convolved with the PSF, and then the best linear
combination of the two (fracDeV). A real galaxy is neither, so fits are biased in flux and radius, and how much depends
on how well it is resolved. The table holds the least-squares solution in white noise, for circular profiles, as a
function of the bulge's share of the flux, its size relative to the disc, and the disc's size in units of the FWHM.
"""

from functools import cache

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from analysis.survey.mock.profiles import FloatArray, overlap, seen_components

BULGE_TO_TOTAL: FloatArray = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
SIZE_RATIO: FloatArray = np.geomspace(0.1, 2.0, 9)  # effective radius of the bulge over that of the disc
DISC_SIZE: FloatArray = np.geomspace(0.03, 30, 18)  # effective radius of the disc, FWHM

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
)


Components = tuple[FloatArray, FloatArray, FloatArray]  # fluxes, variances along the axes: `seen_components`


def _parts(name: str, size: FloatArray) -> Components:
    return seen_components(name, size, np.ones_like(size))


def _pick(models: Components, k: int) -> Components:
    """Take one of many models that differ in size: fluxes are common to all."""
    flux, major, minor = models
    return flux, major[k], minor[k]


def _solve(ratio: float, disc: float) -> FloatArray:
    """Fit the galaxies of one shape, for every share of the bulge: (len(BULGE_TO_TOTAL), len(QUANTITIES))."""
    one = np.ones(())
    parts = [_parts("deV", ratio * disc * one), _parts("exp", disc * one)]
    # radii to try: from well inside the smaller part to well outside the larger one
    trial = disc * np.geomspace(0.2 * min(ratio, 1), 4 * max(ratio, 1), 90)
    models = {name: _parts(name, trial) for name in ("exp", "deV")}
    response = {name: np.array([overlap(part, models[name]) for part in parts]) for name in models}
    norm = {name: overlap(models[name], models[name]) for name in models}
    cross = np.array([[overlap(a, b) for b in parts] for a in parts])

    rows = []
    for bulge in BULGE_TO_TOTAL:
        share = np.array([bulge, 1 - bulge])
        power = share @ cross @ share
        gain = {name: (share @ response[name]) ** 2 / norm[name] for name in models}
        best = {name: int(np.argmax(gain[name])) for name in models}
        # flux that each best fit, as a matched filter, finds in a unit bulge and in a unit disc
        found = {name: response[name][:, k] / norm[name][k] for name, k in best.items()}
        exp, deV = (_pick(models[name], best[name]) for name in ("exp", "deV"))
        frac, noise = _combine(exp, deV, [share @ response[n][:, best[n]] for n in ("exp", "deV")], power)
        rows.append(
            [
                np.log(trial[best["exp"]] / disc),
                np.log(trial[best["deV"]] / disc),
                *found["exp"],
                *found["deV"],
                frac,
                noise,
                (gain["deV"][best["deV"]] - gain["exp"][best["exp"]]) / power,
            ]
        )
    return np.array(rows)


def _combine(exp: Components, deV: Components, seen: list[float], power: float) -> tuple[float, float]:
    """Best linear combination of the two best fits: weight of deV, and its noise times the signal-to-noise ratio."""
    normal = np.array([[overlap(exp, exp), overlap(exp, deV)], [overlap(exp, deV), overlap(deV, deV)]])
    normal += 1e-9 * np.trace(normal) * np.eye(2)  # unresolved: the two are the same profile
    flux = np.linalg.solve(normal, seen)
    slope = np.array([-flux[1], flux[0]]) / flux.sum() ** 2
    return float(flux[1] / flux.sum()), float(np.sqrt(slope @ np.linalg.inv(normal) @ slope * power))


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
