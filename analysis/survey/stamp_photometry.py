"""Magnitudes and sizes measured on stamps, with the meaning of SDSS's columns (Stoughton et al. 2002, section 4.4).

The PSF is SDSS's double Gaussian (`mock.profiles.psf`) of each stamp's own width; an image is taken to be well sampled
(seeing from about 0.9 arcsec), so that sums over pixels are integrals. All five bands share the centre of the object.

Neighbours are found by sep in the sum of the bands. Their pixels are replaced by those opposite the object, which is
what SDSS's deblender starts from as well (a galaxy looks the same upside down); where those belong to a neighbour too,
there is no light. Nothing is done about neighbours that are not detected. The sky is taken to be subtracted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import sep
from scipy.ndimage import binary_dilation
from scipy.special import j0, j1

from analysis.survey.frame_photometry import FIBER_RADIUS, FIBER_SEEING
from analysis.survey.luptitudes import POGSON, SDSS_SOFTENING, luptitude
from analysis.survey.mock.profiles import psf
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, STEP, Stamps

FloatArray = np.ndarray

PETROSIAN_RATIO = 0.2
_BATCH = 32  # stamps measured together: bounds the memory
_THRESHOLD, _MIN_AREA, _CONTRAST = 1.5, 5, 0.005  # of detection: noise per pixel, pixels; share of a blend's flux
_REACH = 3.0  # pixels from the middle of the stamp within which the object is looked for
_BORDER = 2  # pixels around a neighbour that are its too
_WINDOW = 1 / np.sqrt(8 * np.log(2))  # of the centroid: a Gaussian as wide as the seeing
_QUANTIZED = np.sqrt(1 + STEP**2 / 12)  # growth of the noise by storing stamps as integers

# Apertures of the Petrosian profile: two steps are a factor 1.25, as the annulus from 0.8 r to 1.25 r wants
_JUMP = 2
_RADII: FloatArray = 0.3 * 1.25 ** (np.arange(31) / _JUMP)  # arcsec, up to the edge of a stamp

# Apertures are written as integrals over spatial frequency, up to the highest that the pixels hold
_NYQUIST = np.pi / PIXEL_SCALE
_nodes, _weights = np.polynomial.legendre.leggauss(160)
_FREQUENCY, _STEP_FREQUENCY = _NYQUIST * (_nodes + 1) / 2, _NYQUIST * _weights / 2
_DISTANCE: FloatArray = np.arange(0, 14, 0.03)  # arcsec, further than a stamp's corner
_BESSEL: FloatArray = j0(_FREQUENCY[:, None] * _DISTANCE)


@dataclass(frozen=True)
class Measured:
    """What is measured on n stamps.

    Attributes
    ----------
    x, y : ndarray (n,)
        Centre of the object, pixels from the middle of the first pixel.
    detected : ndarray of bool (n,)
        If not, the centre is the stamp's.
    psf_flux, psf_flux_err : ndarray (n, 5)
        PSF-weighted flux, nanomaggies.
    fiber_flux, fiber_flux_err : ndarray (n, 5)
        Flux within 1.5 arcsec as it would be in seeing of 2 arcsec, nanomaggies. Worse seeing is left as it is.
    petro_rad : ndarray (n, 5)
        Petrosian radius as seen, arcsec; NaN where the profile does not fall that far within the stamp.
    """

    x: FloatArray
    y: FloatArray
    detected: np.ndarray
    psf_flux: FloatArray
    psf_flux_err: FloatArray
    fiber_flux: FloatArray
    fiber_flux_err: FloatArray
    petro_rad: FloatArray

    def columns(self) -> pd.DataFrame:
        """Return psfMag, psfMagErr, fiberMag, fiberMagErr (asinh magnitudes) and petroRad (arcsec), each by band."""
        values = {
            "psfMag": magnitudes(self.psf_flux),
            "psfMagErr": magnitude_errors(self.psf_flux, self.psf_flux_err),
            "fiberMag": magnitudes(self.fiber_flux),
            "fiberMagErr": magnitude_errors(self.fiber_flux, self.fiber_flux_err),
            "petroRad": self.petro_rad,
        }
        return pd.DataFrame({f"{name}_{b}": v[:, k] for name, v in values.items() for k, b in enumerate(BANDS)})


def magnitudes(flux: FloatArray) -> FloatArray:
    """Return asinh magnitudes of fluxes (n, 5) in nanomaggies."""
    return luptitude(flux[..., None, None])[..., 0, 0]


def magnitude_errors(flux: FloatArray, error: FloatArray) -> FloatArray:
    """Return errors of asinh magnitudes (Lupton, Gunn & Szalay 1999, AJ 118, 1406, eq. 4)."""
    return POGSON * error / np.sqrt(flux**2 + 4 * np.array(SDSS_SOFTENING) ** 2)


def measure(stamps: Stamps, gain: FloatArray | None = None) -> Measured:
    """Measure the objects in the middle of stamps.

    Parameters
    ----------
    stamps : Stamps
        Pixels of `PIXEL_SCALE`, as read from a file: the noise of their quantization is in the errors.
    gain : ndarray (5,), optional
        Electrons per nanomaggie. Without it, errors are those of the sky's noise only.

    Returns
    -------
    Measured
    """
    parts = list(_measure_batches(stamps, np.full(5, np.inf) if gain is None else np.asarray(gain, float)))
    names = [field.name for field in fields(Measured)]
    return Measured(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _measure_batches(stamps: Stamps, gain: FloatArray) -> Iterator[Measured]:
    for start in range(0, len(stamps.object_id), _BATCH):
        rows = slice(start, start + _BATCH)
        noise, fwhm = _QUANTIZED * stamps.sky_noise[rows].astype(float), stamps.psf_fwhm[rows].astype(float)
        pixels = stamps.pixels[rows].astype(float)
        x, y, detected = np.transpose([_isolate(*one) for one in zip(pixels, noise, fwhm, strict=True)])
        distance = _distances(x, y, pixels.shape[-2:])
        images = pixels.reshape(*pixels.shape[:2], -1)
        point = psf_image(distance[:, None], fwhm[..., None])
        psf_flux = _weighted_sum(images, point / np.sum(point**2, axis=-1, keepdims=True), noise, gain)
        fiber_flux = _weighted_sum(images, _interpolate(fiber_weights(fwhm), distance[:, None]), noise, gain)
        radius = petrosian_radius(images, distance)
        yield Measured(x, y, detected.astype(bool), *psf_flux, *fiber_flux, radius)


def _isolate(pixels: FloatArray, noise: FloatArray, fwhm: FloatArray) -> tuple[float, float, bool]:
    """Find the object in the middle of one stamp (5, ny, nx), and take its neighbours off in place.

    Returns
    -------
    x, y : float
        Pixels.
    detected : bool
    """
    weight = 1 / noise**2
    summed = np.einsum("b,byx->yx", weight, pixels) / np.sqrt(weight.sum())  # of unit noise
    found, segments = sep.extract(
        summed, _THRESHOLD, err=1.0, minarea=_MIN_AREA, deblend_cont=_CONTRAST, segmentation_map=True
    )
    middle = (np.array(summed.shape[::-1]) - 1) / 2
    away = np.hypot(found["x"] - middle[0], found["y"] - middle[1])
    detected = bool(len(found)) and away.min() < _REACH
    mine = int(np.argmin(away)) if detected else -1
    x, y = (found["x"][mine], found["y"][mine]) if detected else middle
    others = (segments > 0) & (segments != mine + 1)
    if others.any():
        others = binary_dilation(others, iterations=_BORDER) & (segments != mine + 1)
        _mirror(pixels, others, x, y)
        _mirror(summed[None], others, x, y)
    if detected:
        seeing = np.average(fwhm, weights=weight) / PIXEL_SCALE
        x, y, _ = (float(value) for value in sep.winpos(summed, x, y, _WINDOW * seeing))
    return x, y, detected


def _mirror(pixels: FloatArray, masked: np.ndarray, x: float, y: float) -> None:
    """Replace masked pixels (ny, nx) of images (k, ny, nx) by those opposite a centre; by zero if masked or outside."""
    rows, columns = np.nonzero(masked)
    opposite_row, opposite_column = np.rint(2 * y - rows).astype(int), np.rint(2 * x - columns).astype(int)
    height, width = masked.shape
    inside = (opposite_row >= 0) & (opposite_row < height) & (opposite_column >= 0) & (opposite_column < width)
    opposite_row, opposite_column = np.where(inside, opposite_row, 0), np.where(inside, opposite_column, 0)
    usable = inside & ~masked[opposite_row, opposite_column]
    pixels[:, rows, columns] = np.where(usable, pixels[:, opposite_row, opposite_column], 0.0)


def _distances(x: FloatArray, y: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return the distance (n, pixels) of each pixel from the centre of its object, arcsec."""
    rows, columns = np.indices(shape).reshape(2, -1)
    return PIXEL_SCALE * np.hypot(columns - x[:, None], rows - y[:, None])


def psf_image(distance: FloatArray, fwhm: FloatArray) -> FloatArray:
    """Return the share of a point source's flux in a pixel at some distance from it, both in arcsec, broadcast."""
    square, total = (distance / fwhm) ** 2, 0.0
    for flux, variance in zip(psf().flux, psf().variance, strict=True):
        total = total + flux / (2 * np.pi * variance) * np.exp(-square / (2 * variance))
    return total * (PIXEL_SCALE / fwhm) ** 2


def _psf_transform(fwhm: FloatArray) -> FloatArray:
    """Return the PSF's Fourier transform at `_FREQUENCY` for widths of any shape: one axis more."""
    square = (np.asarray(fwhm)[..., None] * _FREQUENCY) ** 2
    parts = [f * np.exp(-square * v / 2) for f, v in zip(psf().flux, psf().variance, strict=True)]
    return np.sum(parts, axis=0)


def aperture_weights(radius: FloatArray, transform: FloatArray | float = 1.0) -> FloatArray:
    """Return the weights of pixels that sum to the flux within a circle, by distance from its centre.

    An image has no frequencies beyond the pixels', so the circle needs none either: without them, the sum over pixels
    is the integral, and no pixel has to be divided. w(d) = R integral of T(k) J1(k R) J0(k d) dk.

    Parameters
    ----------
    radius : ndarray (...,)
        R, arcsec.
    transform : ndarray (..., frequencies), optional
        T: Fourier transform of a kernel that the image is first convolved with.

    Returns
    -------
    ndarray (..., len(_DISTANCE))
    """
    radius = np.asarray(radius, float)[..., None]
    return (radius * j1(_FREQUENCY * radius) * transform * _STEP_FREQUENCY) @ _BESSEL


def fiber_weights(fwhm: FloatArray) -> FloatArray:
    """Return the weights (..., distances) of the fibre flux for images of some seeing (...,).

    The kernel that brings one PSF to another is the ratio of their transforms. Images are never sharpened.
    """
    kernel = _psf_transform(np.array(FIBER_SEEING)) / _psf_transform(np.minimum(fwhm, FIBER_SEEING))
    return aperture_weights(np.full(np.shape(fwhm), FIBER_RADIUS), kernel)


def _interpolate(curves: FloatArray, distance: FloatArray) -> FloatArray:
    """Read curves (n, k, len(_DISTANCE)) at distances (n, 1, pixels); zero beyond the last."""
    place = distance / _DISTANCE[1]
    below = np.minimum(place.astype(int), len(_DISTANCE) - 2)
    index = np.broadcast_to(below, (*curves.shape[:2], below.shape[-1]))
    low, high = (np.take_along_axis(curves, index + k, axis=-1) for k in (0, 1))
    return np.where(distance < _DISTANCE[-1], low + (place - below) * (high - low), 0.0)


def _weighted_sum(
    images: FloatArray, weights: FloatArray, noise: FloatArray, gain: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sum images (n, 5, pixels) with weights of the same shape; return the sums (n, 5) and their errors."""
    photons = np.maximum(np.einsum("nbp,nbp->nb", weights**2, images), 0) / gain
    sky = noise**2 * np.sum(weights**2, axis=-1)
    return np.einsum("nbp,nbp->nb", weights, images), np.sqrt(sky + photons)


def petrosian_radius(images: FloatArray, distance: FloatArray) -> FloatArray:
    """Return the radius at which the light in a ring is 0.2 of the mean within (Blanton et al. 2001, eq. 1).

    Parameters
    ----------
    images : ndarray (n, 5, pixels)
    distance : ndarray (n, pixels)
        Of the pixels from the centre, arcsec.

    Returns
    -------
    ndarray (n, 5)
        Arcsec. NaN if the ratio never falls below 0.2, or the flux within is negative.
    """
    curves = np.broadcast_to(aperture_weights(_RADII), (1, len(_RADII), len(_DISTANCE)))
    enclosed = np.stack(
        [image @ _interpolate(curves, d[None, None])[0].T for image, d in zip(images, distance, strict=True)]
    )
    annulus = (enclosed[..., 2 * _JUMP :] - enclosed[..., : -2 * _JUMP]) / (1.25**2 - 0.8**2)
    within = enclosed[..., _JUMP:-_JUMP]
    ratio = annulus / np.where(within > 0, within, np.nan)
    below = ratio < PETROSIAN_RATIO
    after = np.maximum(below.argmax(axis=-1), 1)[..., None]
    high, low = (np.take_along_axis(ratio, after - k, axis=-1)[..., 0] for k in (1, 0))
    step = (high - PETROSIAN_RATIO) / (high - low)
    measurable = below.any(axis=-1) & (step >= 0) & (step <= 1)
    log_radius = np.log(_RADII[_JUMP]) + (after[..., 0] - 1 + step) * np.log(_RADII[1] / _RADII[0])
    return np.exp(np.where(measurable, log_radius, np.nan))
