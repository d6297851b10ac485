"""Images of mock objects: drawn with GalSim from the truth that the catalogue is measured from.

A stamp shows one object of the catalogue, and neighbours, as SDSS's camera would have: sky subtracted, in nanomaggies,
with the field's seeing, extinction, calibration error and sky noise, and photon noise. Only the truth is shared with
the catalogue: its noise and that of the stamp are independent draws, as in a second exposure of the same night.

Rows of an image are to the north, columns to the west (right ascension grows to the left). The position angle of the
truth, and so the Stokes parameters of the catalogue, are measured from the column axis towards the row axis, as SDSS
measures them in its frames: q = e cos 2 phi, u = e sin 2 phi.

Profiles and PSF of the mock are mixtures of Gaussians (`profiles`), so an object under the sky is one as well, and
GalSim draws it in real space: exactly, for any size, with no Fourier transform whose period a large galaxy would
exceed. The PSF is that of the pixel grid (as SDSS's is): it includes the pixel, and images are sampled, not integrated.
"""

from functools import cache

import galsim
import numpy as np
import pandas as pd

from analysis.survey.mock import fields as sky
from analysis.survey.mock import populations, profiles
from analysis.survey.mock.parameters import parameters
from analysis.survey.mock.photometry import Scene
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, Stamps

FloatArray = np.ndarray

KINDS = {"GALAXY": "galaxies", "STAR": "stars", "QSO": "quasars"}  # class of the catalogue: name in the mix
POINT = 2e-3  # arcsec: no profile, only PSF, below this radius
_SQUARE_DEGREE = 3600.0**2  # arcsec^2


def choose(kind: np.ndarray, number: int) -> np.ndarray:
    """Choose the objects that get stamps: the first ones of each kind, in the proportions of the mix.

    More stamps include those of fewer, and as many as there are objects include all. Within a kind the order is the
    catalogue's, which is random, so the galaxies are spread over samples as the catalogue's are.

    Parameters
    ----------
    kind : ndarray of int (n,)
        Of each object, as a position in the mix.
    number : int
        At most n.

    Returns
    -------
    ndarray of int (number,)
        Rows, in the catalogue's order.
    """
    turn = np.empty(len(kind))
    for k, share in enumerate(parameters()["stamps"]["mix"].values()):
        members = np.flatnonzero(kind == k)
        turn[members] = (np.arange(len(members)) + 0.5) / share
    return np.sort(np.argsort(turn, kind="stable")[:number])


def kinds_of(labels: pd.DataFrame) -> np.ndarray:
    """Say what kind each object of a catalogue is, from its spectroscopic label: galaxies have a redshift."""
    names = labels["class"].astype(object).map(KINDS).where(labels["redshift"].notna())
    order = {name: k for k, name in enumerate(parameters()["stamps"]["mix"])}
    return names.fillna("unlabelled").map(order).to_numpy(np.int8)


@cache
def _population(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the galaxies and the stars that neighbours are taken from."""
    settings = parameters()["stamps"]["neighbours"]
    rng, limit, number = np.random.default_rng([seed, 3]), tuple(settings["limit"]), settings["different"]
    galaxies = populations.draw_galaxies(rng, number, limit, tuple(settings["redshift"]))
    return galaxies, populations.draw_stars(rng, number, limit)


def _densities(sin_b: float) -> tuple[float, float]:
    """Galaxies and stars per square arcsecond at a Galactic latitude."""
    settings = parameters()["stamps"]["neighbours"]
    crowding = np.exp((1 - sin_b) / parameters()["stars"]["latitude_scale"])
    return settings["galaxies_per_deg2"] / _SQUARE_DEGREE, settings["stars_per_deg2"] * crowding / _SQUARE_DEGREE


def draw_neighbours(rng: np.random.Generator, seed: int, sin_b: float) -> tuple[pd.DataFrame, FloatArray]:
    """Draw what else is on a stamp.

    Returns
    -------
    truth : pandas.DataFrame (n rows)
    position : ndarray (n, 2)
        x, y from the stamp's centre, arcsec.
    """
    width = SIDE * PIXEL_SCALE + 2 * parameters()["stamps"]["neighbours"]["margin"]
    parts = []
    for table, density in zip(_population(seed), _densities(sin_b), strict=True):
        number = rng.poisson(density * width**2)
        parts.append(table.iloc[rng.integers(len(table), size=number)])
    return pd.concat(parts, ignore_index=True), (rng.random((sum(map(len, parts)), 2)) - 0.5) * width


def seen(scene: Scene, row: int, band: int) -> list[galsim.GSObject]:
    """Return one object of a scene in one band, under its PSF, as GalSim Gaussians (lengths in arcsec)."""
    fwhm, total = scene.fwhm[row, band], scene.flux[row, band]
    parts = {
        "deV": (scene.bulge, scene.bulge_radius, scene.bulge_axis_ratio),
        "exp": (1 - scene.bulge, scene.disc_radius, scene.disc_axis_ratio),
    }
    angle = scene.position_angle[row] * galsim.radians
    gaussians = []
    for name, arrays in parts.items():
        share, radius, axis_ratio = (array[row, band] for array in arrays)
        if share == 0:
            continue
        point = radius < POINT
        mixture = profiles.point_components() if point else profiles.seen_components(name, radius / fwhm, axis_ratio)
        for flux, major, minor in zip(*mixture, strict=True):
            round_one = galsim.Gaussian(sigma=fwhm * (major * minor) ** 0.25, flux=total * share * flux)
            gaussians.append(round_one.shear(q=np.sqrt(minor / major), beta=angle))
    return gaussians


def draw_image(scene: Scene, rows: range, band: int, position: FloatArray, side: int = SIDE) -> FloatArray:
    """Draw objects of a scene on one image, without noise.

    Parameters
    ----------
    scene : Scene
    rows : range
        Which objects of the scene.
    band : int
    position : ndarray (objects, 2)
        x, y of each from the image's centre, arcsec.
    side : int
        Pixels.

    Returns
    -------
    ndarray (side, side)
        Nanomaggies, [y, x].
    """
    gaussians = [
        gaussian.shift(*place) for row, place in zip(rows, position, strict=True) for gaussian in seen(scene, row, band)
    ]
    image = galsim.ImageD(side, side, scale=PIXEL_SCALE)
    return galsim.Sum(gaussians).drawImage(image, method="no_pixel").array


def _expose(rng: np.random.Generator, image: FloatArray, sky_noise: FloatArray, gain: FloatArray) -> FloatArray:
    """Add noise to an image of some bands (5, y, x): photons of the objects, and the sky's noise (5,)."""
    electrons = rng.poisson(image * gain[:, None, None]) / gain[:, None, None]
    return electrons + sky_noise[:, None, None] * rng.normal(size=image.shape)


def draw_stamps(seed: int, truth: pd.DataFrame, fields: pd.DataFrame) -> Stamps:
    """Draw the stamps of some objects.

    Each has random numbers of its own, from the seed and its id: which others are drawn with it does not matter.

    Parameters
    ----------
    seed : int
        Of the survey.
    truth : pandas.DataFrame
        Rows of the truth table.
    fields : pandas.DataFrame
        All fields of the survey (`fields.draw_fields`).

    Returns
    -------
    Stamps
    """
    here = fields.iloc[truth["field"]].reset_index(drop=True)
    object_id = truth["object_id"].to_numpy()
    rngs = [np.random.default_rng([seed, 2, number]) for number in object_id]
    tables, positions, bounds = [], [], [0]
    for row, rng in enumerate(rngs):
        others, position = draw_neighbours(rng, seed, here["sin_b"][row])
        centre = (rng.random((1, 2)) - 0.5) * PIXEL_SCALE  # anywhere in a pixel, as the sky's grid is
        tables += [truth.iloc[[row]], others]
        positions.append(np.concatenate([centre, position]))
        bounds.append(bounds[-1] + len(positions[-1]))
    of_stamp = np.repeat(np.arange(len(truth)), np.diff(bounds))
    sources = pd.concat(tables, ignore_index=True).drop(columns="field")
    scene = Scene.of(pd.concat([sources, here.iloc[of_stamp].reset_index(drop=True)], axis=1))
    noise = (here[sky.SKY_NOISE].to_numpy() * PIXEL_SCALE).astype(np.float32)  # white: per pixel, from one arcsec^2
    pixels = np.empty((len(truth), len(BANDS), SIDE, SIDE), np.float32)
    for row, rng in enumerate(rngs):
        rows = range(bounds[row], bounds[row + 1])
        image = np.stack([draw_image(scene, rows, band, positions[row]) for band in range(len(BANDS))])
        pixels[row] = _expose(rng, image, noise[row], scene.gain[bounds[row]])
    return Stamps(pixels, object_id, here[sky.SEEING].to_numpy(np.float32), noise)
