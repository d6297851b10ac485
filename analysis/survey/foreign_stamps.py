"""From the pixels of foreign stamps to nanomaggies with sky noise, and the reasons why a stamp cannot be used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.errors import InputError
from analysis.survey.cubes import Cube
from analysis.survey.luptitudes import flux_of_luptitude
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, Stamps

FloatArray = np.ndarray

BORDER = 4  # pixels wide, from which sky and sky noise are measured
_SIGMA_PER_MAD = 1.4826  # of a normal distribution
_SUBTRACTED = 20  # times its noise: sky that is higher in most stamps was not subtracted, or pixels are no fluxes
_LARGEST = 1e8  # times the sky noise: more does not fit into the integers of stamps.h5


@dataclass(frozen=True)
class Options:
    """How foreign stamps are to be read.

    Attributes
    ----------
    labels, ids, catalogue, columns : pathlib.Path or None
        Labels or a survey whose objects these are; object numbers; the columns map of the labels.
    classes : str
        What labels mean: '0=STAR,1=GALAXY'.
    label_is : str
        What an array of labels holds: 'class' or 'redshift'.
    dataset, bands, axes
        As `open_cube` takes them.
    pixels : str
        'nanomaggies', or 'luptitudes' with SDSS's softening.
    factor : float
        Nanomaggies for each unit of the pixels.
    subtract_sky : bool
        Whether the median of each image's border is taken off.
    sky_noise, psf_fwhm : tuple of float or None
        Of each band, nanomaggies per pixel and arcsec, for all stamps. Else what lies beside the cube by these names;
        else the noise is measured on the border, and the width stays unknown (NaN).
    pixel_scale : float
        Arcsec.
    skip_bad : bool
        Whether objects that cannot be used are left out, and listed in the provenance, in place of an error.
    """

    labels: Path | None = None
    ids: Path | None = None
    catalogue: Path | None = None
    columns: Path | None = None
    classes: str = ""
    label_is: str = "class"
    dataset: str | None = None
    bands: str = "ugriz"
    axes: str | None = None
    pixels: str = "nanomaggies"
    factor: float = 1.0
    subtract_sky: bool = False
    sky_noise: tuple[float, ...] | None = None
    psf_fwhm: tuple[float, ...] | None = None
    pixel_scale: float = PIXEL_SCALE
    skip_bad: bool = False


def read_foreign(cube: Cube, rows: slice, object_id: np.ndarray, options: Options) -> tuple[Stamps, list[str]]:
    """Read some stamps of a cube.

    Parameters
    ----------
    cube : Cube
    rows : slice
    object_id : ndarray of int64 (m,)
        Of these rows.
    options : Options

    Returns
    -------
    stamps : Stamps
        Of all m rows, those that cannot be used included.
    why : list of str
        Why a stamp cannot be used; empty for one that can.
    """
    raw, readable = _read_rows(cube, rows)
    flux = raw
    with np.errstate(over="ignore", invalid="ignore"):  # becomes infinite or NaN, which is then refused
        if options.pixels == "luptitudes":
            flux = flux_of_luptitude(raw)
        flux = options.factor * flux
        sky, measured = border_statistics(flux)
        if options.subtract_sky:
            flux = flux - sky[:, :, None, None]
    noise = _given(cube, "sky_noise", rows, options.sky_noise)
    noise = measured if noise is None else noise
    width = _given(cube, "psf_fwhm", rows, options.psf_fwhm)
    width = np.full(noise.shape, np.nan) if width is None else width
    why = [
        _why_not(*parts) if whole else "cannot be read: corrupted"
        for whole, *parts in zip(readable, raw, flux, noise, width, strict=True)
    ]
    return Stamps(flux.astype(np.float32), object_id, width.astype(np.float32), noise.astype(np.float32)), why


def check_sky(stamps: Stamps, source: str) -> None:
    """Raise InputError if most stamps have sky in all bands: counts, or magnitudes taken for fluxes."""
    sky, _ = border_statistics(stamps.pixels)
    ratio = np.median(sky / stamps.sky_noise, axis=0)
    if ratio.min() > _SUBTRACTED:
        found = ", ".join(f"{band} {value:.3g}" for band, value in zip(BANDS, np.median(sky, axis=0), strict=True))
        raise InputError(
            f"{source}: the border of most stamps is far above its noise (median {found}); expected fluxes without sky "
            "(--pixels luptitudes where these are asinh magnitudes, --subtract-sky where the sky is still in them)",
            "sky-in-stamps",
        )


def border_statistics(flux: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return median and robust standard deviation (1.4826 MAD) of the borders of stamps (m, 5, ny, nx): (m, 5) each.

    Half of a border may be covered by neighbours before the median follows them; a galaxy that covers all of it makes
    the noise too large.
    """
    ny, nx = flux.shape[2:]
    border = np.ones((ny, nx), bool)
    border[BORDER : ny - BORDER, BORDER : nx - BORDER] = False
    values = flux[:, :, border]
    median = np.median(values, axis=2)
    return median, _SIGMA_PER_MAD * np.median(np.abs(values - median[:, :, None]), axis=2)


def _read_rows(cube: Cube, rows: slice) -> tuple[FloatArray, np.ndarray]:
    """Read rows together or, where some of them are corrupted, one by one; tell which could be read."""
    number = rows.stop - rows.start
    try:
        return cube.read(rows), np.ones(number, bool)
    except (OSError, InputError):
        pixels, readable = np.full((number, *cube.shape[1:]), np.nan), np.zeros(number, bool)
    for k in range(number):
        try:
            pixels[k] = cube.read(slice(rows.start + k, rows.start + k + 1))[0]
            readable[k] = True
        except (OSError, InputError):
            continue
    return pixels, readable


def _given(cube: Cube, name: str, rows: slice, for_all: tuple[float, ...] | None) -> FloatArray | None:
    """Return what is known of each stamp and band, (m, 5): one for all, or what lies beside the cube."""
    if for_all is not None:
        return np.tile(np.asarray(for_all, float), (rows.stop - rows.start, 1))
    return np.asarray(cube.columns[name][rows], float) if name in cube.columns else None


def _why_not(raw: FloatArray, flux: FloatArray, noise: FloatArray, width: FloatArray) -> str:
    """Say why a stamp (5, ny, nx) cannot be used; empty if it can."""
    if not raw.any():
        return "dead: all pixels are 0"
    for band, name in enumerate(BANDS):
        if broken := int((~np.isfinite(flux[band])).sum()):
            return f"band {name}: {broken} pixels are NaN or infinite"
        if np.ptp(raw[band]) == 0:
            return f"band {name}: dead: all pixels are {raw[band].flat[0]:g}"
        if not 0 < noise[band] < np.inf:
            return f"band {name}: sky noise {noise[band]:g}; expected more than 0, else --sky-noise"
        if np.abs(flux[band]).max() > _LARGEST * noise[band]:
            return f"band {name}: pixels of {_LARGEST:g} times the sky noise {noise[band]:g}, which cannot be right"
        if width[band] <= 0:
            return f"band {name}: PSF of FWHM {width[band]:g} arcsec; expected more than 0, or NaN where unknown"
    return ""
