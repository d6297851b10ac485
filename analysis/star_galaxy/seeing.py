"""Stamps as worse seeing would have shown them: blurred, and with the sky noise that they had."""

import shutil
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from analysis.survey.catalogue import CATALOGUE, STAMPS, catalogue_path, new_folder
from analysis.survey.stamps_file import CHUNK, Stamps, StampsWriter, iterate_stamps, read_about

_SIGMA = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian, in units of its full width at half maximum


def blurred(stamps: Stamps, seeing: np.ndarray, pixel_scale: float, rng: np.random.Generator) -> Stamps:
    """Return stamps as if their PSF had another width, where that is the larger one.

    They are convolved with the Gaussian whose width is missing in quadrature; white noise makes up for what the
    convolution takes from the sky's.

    Parameters
    ----------
    stamps : Stamps
    seeing : ndarray (5,)
        FWHM by band, arcsec.
    pixel_scale : float
        Arcsec.
    rng : numpy.random.Generator
    """
    pixels = np.empty_like(stamps.pixels)
    widths = _SIGMA / pixel_scale * np.sqrt(np.clip(seeing**2 - stamps.psf_fwhm.astype(float) ** 2, 0, None))
    for number, of_stamp in enumerate(widths):
        for band, sigma in enumerate(of_stamp):
            missing = np.sqrt(1 - _variance_left(sigma)) * stamps.sky_noise[number, band]
            noise = missing * rng.standard_normal(pixels.shape[2:])
            pixels[number, band] = gaussian_filter(stamps.pixels[number, band], sigma) + noise
    widened = np.maximum(stamps.psf_fwhm, seeing.astype(np.float32))
    return Stamps(pixels, stamps.object_id, widened, stamps.sky_noise)


def _variance_left(sigma: float) -> float:
    """Return the variance of unit white noise after a convolution with a Gaussian of so many pixels."""
    side = 2 * int(np.ceil(4 * sigma)) + 3
    impulse = np.zeros((side, side))
    impulse[side // 2, side // 2] = 1
    return float(np.sum(gaussian_filter(impulse, sigma) ** 2))


def blur_survey(survey: Path, seeing: np.ndarray, seed: int, out: Path) -> None:
    """Write a folder with the catalogue of a survey and its stamps at worse seeing; for trials, without provenance."""
    about, rng = read_about(survey / STAMPS), np.random.default_rng(seed)
    with new_folder(out) as folder:
        shutil.copyfile(catalogue_path(survey), folder / CATALOGUE)
        with StampsWriter(folder / STAMPS, about.shape, about.pixel_scale) as writer:
            for stamps in iterate_stamps(survey / STAMPS, 16 * CHUNK):
                writer.append(blurred(stamps, seeing, about.pixel_scale, rng))
