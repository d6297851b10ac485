"""Does a catalogue of stars, and one of galaxies, lie on the sky as it should?

Stars thicken towards the Galactic plane. Galaxies do not: where their density follows that of the stars, stars are
among them. No labels are needed, so that this judges classifiers where no object has a spectrum.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import SkyCoord
from sklearn.linear_model import PoissonRegressor

from analysis import metrics
from analysis.features import has_position, sky_pixels
from analysis.star_galaxy import inputs, names
from analysis.star_galaxy.comparison import equal_numbers

Array = np.ndarray

LATITUDE_COLUMNS = ["classifier", "sin_b", "per_deg2", "per_deg2_err"]
MIN_PATCHES = 8  # for a correlation


def why_not(objects: pd.DataFrame, settings: dict[str, Any]) -> str:
    """Return why objects without spectra cannot judge classifiers; empty where they can."""
    least = settings["min_objects"]
    if np.count_nonzero(has_position(objects)) < least:
        return f"fewer than {least} objects without spectra, with positions"
    if not len(inputs.reference_concentration(objects).columns):
        return f"no concentration in {inputs.REFERENCE_BAND}"
    patches = len(np.unique(sky_pixels(objects, settings["nside"])))
    return f"they cover {patches} patches of sky; {MIN_PATCHES} are needed" if patches < MIN_PATCHES else ""


def sky_patches(catalogue: pd.DataFrame, settings: dict[str, Any]) -> pd.DataFrame:
    """Return the patches of sky that a catalogue covers.

    A patch's area is that of the small pixels in it that hold any object, as a survey need not say where it has looked,
    and of as many more as are empty by chance: without these, the area would follow the number of objects, and stars
    and galaxies each other. Pixels at the edge of what was looked at count whole.

    Returns
    -------
    pandas.DataFrame
        By number of the patch: `area` in deg^2, `sin_b`, the mean sine of the absolute Galactic latitude.
    """
    placed = catalogue[has_position(catalogue)]
    b = SkyCoord(*placed[["ra", "dec"]].to_numpy(float).T, unit="deg").galactic.b.radian
    objects = pd.DataFrame({"patch": sky_pixels(placed, settings["nside"]), "sin_b": np.abs(np.sin(b))})
    objects["pixel"] = sky_pixels(placed, settings["area_nside"])
    of_patches = objects.groupby("patch")
    pixel = (4 * np.pi * units.sr).to_value(units.deg**2) / (12 * settings["area_nside"] ** 2)
    return pd.DataFrame({"area": pixel * of_patches["pixel"].agg(covered_pixels), "sin_b": of_patches["sin_b"].mean()})


def covered_pixels(pixel: pd.Series) -> float:
    """Return how many pixels objects could lie in, from those that they do, one of each: Chao's (1984) estimator.

    The pixels that are empty by chance are as many as those with one object and those with two let expect (the form of
    it without bias), as for species that a sample has missed.
    """
    objects = pixel.value_counts()
    ones, twos = np.count_nonzero(objects == 1), np.count_nonzero(objects == 2)
    return len(objects) + ones * (ones - 1) / (2 * (twos + 1))


def counts(objects: pd.DataFrame, patches: pd.DataFrame, nside: int) -> Array:
    """Return the number of objects in each patch, shape (patches,)."""
    return pd.Series(sky_pixels(objects, nside)).value_counts().reindex(patches.index, fill_value=0).to_numpy()


def latitude_slope(number: Array, area: Array, sin_b: Array) -> float:
    """Return d ln(density) / d sin|b| of objects counted in patches, by Poisson regression: negative for stars.

    Zero where there is no object.
    """
    if not number.any():
        return 0.0
    fit = PoissonRegressor(alpha=0, max_iter=300).fit(sin_b[:, None], number / area, sample_weight=area)
    return float(fit.coef_[0])


def follows_stars(number: Array, area: Array, stars: Array) -> Array:
    """Return how the density of objects follows that of stars over patches: slope and correlation, shape (2,).

    The slope is that of the relative density of one with that of the other, patches weighted by area: the share of
    stars among "galaxies" that are not correlated with them, but for the noise in the counts of stars, which lowers it.
    Zeros where there are no objects of either kind.
    """
    if not (number.any() and stars.any()):
        return np.zeros(2)
    excess = np.array([n / area * area.sum() / n.sum() - 1 for n in (number, stars)])
    covariance = np.cov(excess, aweights=area)
    scatter = np.maximum(np.sqrt(np.diag(covariance)), np.finfo(float).tiny)  # none in a single patch
    return covariance[0, 1] / scatter[1] / np.array([scatter[1], scatter[0]])


def measure(
    catalogue: pd.DataFrame, objects: pd.DataFrame, predictions: Mapping[str, Array], settings: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Judge classifiers by where on the sky the objects are that they call stars and galaxies.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        All objects: they say where the survey has looked.
    objects : pandas.DataFrame
        Those without spectra.
    predictions : mapping of str to ndarray, shape (objects,)
        p(galaxy) of `objects` by each classifier.
    settings : dict
        `n_bootstrap`, `seed`; `sky`: `nside` of patches, `area_nside` of small pixels, `n_bins`, `bright` and `faint`.

    Returns
    -------
    result : dict
        For each classifier `latitude_slope` of stars, and `slope` and `correlation` of faint "galaxies" with the bright
        unresolved objects, the stars that nobody doubts; each with its bootstrap error over patches.
    latitude : pandas.DataFrame
        Density of stars by latitude, columns as in `LATITUDE_COLUMNS`.
    """
    own = settings["sky"]
    how = metrics.resampling(settings)
    patches = sky_patches(catalogue, own)
    area, sin_b = patches["area"].to_numpy(), patches["sin_b"].to_numpy()
    magnitude = objects[f"dered_{inputs.REFERENCE_BAND}"].to_numpy(float)
    unresolved = inputs.reference_concentration(objects).iloc[:, 0].to_numpy() <= inputs.CUT
    stars = counts(objects[unresolved & (magnitude < own["bright"])], patches, own["nside"])
    faint = magnitude >= own["faint"]
    result: dict[str, Any] = {"area_nside": own["area_nside"]}
    lines = []
    for name, p in {names.WITHOUT: np.ones(len(objects)), **predictions}.items():
        called_galaxies = counts(objects[faint & (p >= 0.5)], patches, own["nside"])
        values = follows_stars(called_galaxies, area, stars)
        errors = metrics.bootstrap(follows_stars, called_galaxies, area, stars, **how).std(axis=0, ddof=1)
        result[name] = dict(zip(("slope", "correlation"), map(float, values), strict=True))
        result[name] |= dict(zip(("slope_err", "correlation_err"), map(float, errors), strict=True))
        if name == names.WITHOUT:
            continue
        called_stars = counts(objects[p < 0.5], patches, own["nside"])
        result[name] |= metrics.with_interval("latitude_slope", latitude_slope, called_stars, area, sin_b, **how)
        lines.append(by_latitude(called_stars, area, sin_b, own["n_bins"]).assign(classifier=name))
    return result, pd.concat(lines)[LATITUDE_COLUMNS]


def by_latitude(number: Array, area: Array, sin_b: Array, n_bins: int) -> pd.DataFrame:
    """Return the density of objects in bins of sin|b|, with its Poisson error."""
    place = np.digitize(sin_b, equal_numbers(sin_b, n_bins)) - 1
    total, covered, weighted = (np.bincount(place, weights) for weights in (number, area, area * sin_b))
    here = covered > 0
    total, covered, weighted = total[here], covered[here], weighted[here]
    columns = {"sin_b": weighted / covered, "per_deg2": total / covered}
    return pd.DataFrame(columns | {"per_deg2_err": np.sqrt(np.maximum(total, 1)) / covered})
