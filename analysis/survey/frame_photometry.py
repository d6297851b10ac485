"""PSF and fibre magnitudes of objects at the centre of stamps, with the same meaning as SDSS's (Stoughton et al. 2002).

They are measured alike for every object, whatever its class: magnitudes of two origins would tell the classes apart.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from analysis.survey.frame_psf import Psf, aperture_flux, around, distance_to_centre, without_background
from analysis.survey.frames import Cutouts
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE

FIBER_RADIUS, FIBER_SEEING = 1.5, 2.0  # arcsec
_WEIGHT_RADIUS = 8.0  # pixels: neighbours beyond do not count for the PSF flux
_SIGMA = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian, in units of its full width at half maximum


def psf_fluxes(cutouts: Cutouts, psf: Psf) -> tuple[np.ndarray, np.ndarray]:
    """Return the PSF-weighted flux of each object and its error from the sky's noise, (n, 5), nanomaggies.

    The flux is sum(w I) / sum(w P) with the weights w = P, the PSF, near the object: the least-squares fit of a point
    source at the centre of a uniform noise. The photon noise of the object itself is not in the error.
    """
    near = distance_to_centre(psf.image.shape[-1]) < _WEIGHT_RADIUS
    flux, error = np.empty(cutouts.native_noise.shape), np.empty(cutouts.native_noise.shape)
    for band in range(len(BANDS)):
        weight = np.where(near, psf.image[band], 0)
        norm = np.sum(weight * psf.image[band])
        flux[:, band] = np.einsum("nyx,yx->n", without_background(cutouts.pixels[:, band]), weight) / norm
        error[:, band] = cutouts.native_noise[:, band] * _noise_of_sum(weight) / norm
    return flux, error


def fiber_fluxes(cutouts: Cutouts, psf: Psf) -> tuple[np.ndarray, np.ndarray]:
    """Return the flux in a 3 arcsec aperture at 2 arcsec seeing, and its error as above, (n, 5), nanomaggies.

    The image is blurred to that seeing by a Gaussian; the PSF's width is its effective one.
    """
    flux, error = np.empty(cutouts.native_noise.shape), np.empty(cutouts.native_noise.shape)
    side = cutouts.pixels.shape[-1]
    aperture = distance_to_centre(side) < FIBER_RADIUS / PIXEL_SCALE
    for band in range(len(BANDS)):
        blur = _SIGMA * np.sqrt(max(FIBER_SEEING**2 - psf.effective_fwhm[band] ** 2, 0)) / PIXEL_SCALE
        blurred = gaussian_filter(without_background(cutouts.pixels[:, band]), (0, blur, blur))
        flux[:, band] = aperture_flux(blurred, FIBER_RADIUS / PIXEL_SCALE)
        weight = gaussian_filter(aperture.astype(float), blur)  # of each pixel as it was before
        error[:, band] = cutouts.native_noise[:, band] * _noise_of_sum(weight)
    return flux, error


def _noise_of_sum(weight: np.ndarray) -> float:
    """Return the noise of a weighted sum of pixels, in units of a pixel's, with that of the median around it."""
    pixels = np.count_nonzero(around(weight.shape[-1]))
    return float(np.sqrt(np.sum(weight**2) + np.sum(weight) ** 2 * np.pi / 2 / pixels))


def magnitude_columns(name: str, flux: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
    """Return catalogue columns `name`_* and `name`Err_* (AB) of fluxes (n, 5); NaN where a flux is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        magnitudes = np.where(flux > 0, 22.5 - 2.5 * np.log10(flux), np.nan)
        errors = np.where(flux > 0, 2.5 / np.log(10) * error / flux, np.nan)
    columns = {}
    for number, band in enumerate(BANDS):
        columns[f"{name}_{band}"] = magnitudes[:, number].astype(np.float32)
        columns[f"{name}Err_{band}"] = errors[:, number].astype(np.float32)
    return columns
