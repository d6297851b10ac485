"""Galaxy profiles as the camera sees them, tabulated.

Exponential and de Vaucouleurs profiles are written as mixtures of concentric Gaussians (Hogg & Lang 2013, PASP 125,
719), and so is the SDSS double-Gaussian PSF. Convolution then adds variances, and every quantity that an aperture or a
PSF-weighted sum measures has a closed form or a one-dimensional sum. Lengths are in units of the PSF's FWHM, so one set
of tables serves all bands, fields and seeing conditions.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import nnls
from scipy.special import gammaincinv, ive

FloatArray = np.ndarray

# SDSS truncates its model profiles: exponential at 4 effective radii, de Vaucouleurs at 8 (Stoughton et al. 2002).
SERSIC_INDEX = {"exp": 1.0, "deV": 4.0}
TRUNCATION = {"exp": 4.0, "deV": 8.0}

# Double-Gaussian PSF: the wide component is twice as wide, with a tenth of the peak (SDSS: psfSigma2, psfB).
PSF_WIDTH_RATIO = 2.0
PSF_PEAK_RATIO = 0.1

# Aperture radii, logarithmic; two steps are a factor 1.25, the outer edge of the Petrosian annulus (0.8 r to 1.25 r).
STEPS_PER_ANNULUS = 2
RADII: FloatArray = 0.06 * 1.25 ** (np.arange(75) / STEPS_PER_ANNULUS)
SIZES: FloatArray = np.geomspace(0.01, 40, 44)  # effective radius along the major axis
AXIS_RATIOS: FloatArray = np.linspace(0.05, 1.0, 12)


@dataclass(frozen=True)
class Mixture:
    """Concentric circular Gaussians: fluxes and variances."""

    flux: FloatArray
    variance: FloatArray


@cache
def unit_profile(name: str) -> Mixture:
    """Return a profile of unit flux and unit effective radius as Gaussians.

    The variances are fixed on a logarithmic grid and the fluxes found by non-negative least squares, weighted by area.
    """
    index, edge = SERSIC_INDEX[name], TRUNCATION[name]
    b = gammaincinv(2 * index, 0.5)
    radius = np.geomspace(1e-3, edge, 600)
    # soft edge over the last radius, as SDSS has it
    target = np.exp(-b * (radius ** (1 / index) - 1)) * np.clip(edge - radius, 0, 1)
    variance = np.geomspace(2e-3 if name == "deV" else 1e-2, edge / 2, 26 if name == "deV" else 16) ** 2
    gaussians = np.exp(-0.5 * radius[:, None] ** 2 / variance) / (2 * np.pi * variance)
    weight = radius  # equal weight to equal flux per logarithmic radius
    design = gaussians * weight[:, None]
    scale = np.linalg.norm(design, axis=0)
    flux = nnls(design / scale, target * weight, maxiter=5000)[0] / scale
    keep = flux > 0
    return Mixture(flux[keep] / flux.sum(), variance[keep])


@cache
def psf() -> Mixture:
    """Return the PSF with unit flux and unit FWHM."""
    flux = np.array([1.0, PSF_PEAK_RATIO * PSF_WIDTH_RATIO**2])
    ratio = np.array([1.0, PSF_WIDTH_RATIO**2])

    def brightness(radius: FloatArray) -> FloatArray:
        return np.exp(-0.5 * radius[:, None] ** 2 / ratio) @ [1.0, PSF_PEAK_RATIO]

    radius = np.linspace(0, 3, 30001)
    half = np.interp(-0.5, -brightness(radius) / brightness(np.zeros(1)), radius)
    return Mixture(flux / flux.sum(), ratio * (0.5 / half) ** 2)


def seen_components(name: str, size: FloatArray, axis_ratio: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Convolve a profile with the PSF.

    Parameters
    ----------
    name : {'exp', 'deV'}
    size, axis_ratio : ndarray, any one shape
        Effective radius along the major axis (FWHM), b/a.

    Returns
    -------
    flux : ndarray (k,)
    major, minor : ndarray (..., k)
        Variances along the two axes, FWHM^2.
    """
    profile, point = unit_profile(name), psf()
    flux = (profile.flux[:, None] * point.flux).ravel()
    variance = profile.variance[:, None] * np.ones(len(point.flux))
    blur = (np.ones(len(profile.flux))[:, None] * point.variance).ravel()
    size, axis_ratio = size[..., None], axis_ratio[..., None]
    return flux, size**2 * variance.ravel() + blur, (size * axis_ratio) ** 2 * variance.ravel() + blur


def growth_curve(flux: FloatArray, major: FloatArray, minor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Integrate elliptical Gaussians over circles of `RADII`.

    Returns
    -------
    enclosed : ndarray (..., r)
        Flux within each radius.
    stokes : ndarray (..., r)
        The flux-weighted mean of cos(2 phi), phi from the major axis, times the enclosed flux: the Stokes parameter
        of Stoughton et al. (2002), 4.4.6.2.
    """
    # fine grid from the centre outward: midpoints of logarithmic rings, plus the disc inside the first
    edges = np.concatenate([[0.0], np.geomspace(RADII[0] / 6, RADII[-1], 400)])
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    enclosed, stokes = np.zeros((*major.shape[:-1], len(RADII))), np.zeros((*major.shape[:-1], len(RADII)))
    for k, part in enumerate(flux):
        a, b = major[..., k, None], minor[..., k, None]
        mean, difference = (1 / a + 1 / b) * middle**2 / 4, (1 / b - 1 / a) * middle**2 / 4
        ring = part * np.exp(difference - mean) / (2 * np.pi * np.sqrt(a * b)) * 2 * np.pi * middle * width
        for total, order in ((enclosed, 0), (stokes, 1)):  # the angular mean of exp(x cos 2phi) cos(2 n phi) is I_n(x)
            running = np.cumsum(ring * ive(order, difference), axis=-1)
            total += _at_radii(edges[1:], running)
    return enclosed, stokes


def _at_radii(edges: FloatArray, running: FloatArray) -> FloatArray:
    position = np.clip(np.searchsorted(edges, RADII), 1, len(edges) - 1)
    weight = (RADII - edges[position - 1]) / (edges[position] - edges[position - 1])
    return running[..., position - 1] * (1 - weight) + running[..., position] * weight


def overlap(
    first: tuple[FloatArray, FloatArray, FloatArray], second: tuple[FloatArray, FloatArray, FloatArray]
) -> FloatArray:
    """Integrate the product of two aligned, concentric sums of Gaussians over the plane: 1 / FWHM^2."""
    (f, a, b), (g, c, d) = first, second
    major, minor = a[..., :, None] + c[..., None, :], b[..., :, None] + d[..., None, :]
    return np.sum(f[:, None] * g / (2 * np.pi * np.sqrt(major * minor)), axis=(-2, -1))


def point_components() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the PSF in the form of `seen_components`."""
    return psf().flux, psf().variance, psf().variance


def _fit_noise(name: str) -> FloatArray:
    """Covariance of a fit of (ln flux, size^2, axis ratio) to a profile in white noise: (size, axis ratio, 3, 3).

    The Fisher matrix of a model in white noise is the matrix of overlaps of its derivatives: in closed form, since an
    overlap of two Gaussians is 1 / (2 pi) times the root of the two inverse sums of variances. Multiply by (noise
    density / flux)^2, noise density in flux per FWHM. The axis ratio of an unresolved source is free to be anything:
    who uses the covariance brings a prior.
    """
    size, axis_ratio = np.meshgrid(SIZES, AXIS_RATIOS, indexing="ij")
    flux, major, minor = seen_components(name, size, axis_ratio)
    variance = np.repeat(unit_profile(name).variance, len(psf().flux))  # before the PSF: d major / d size^2
    x, y = (1 / (axis[..., :, None] + axis[..., None, :]) for axis in (major, minor))
    product = flux[:, None] * flux / (2 * np.pi) * np.sqrt(x * y)
    one, both = variance * product, variance[:, None] * variance * product

    def total(entry: FloatArray) -> FloatArray:  # one at a time: they are large
        return np.sum(entry, axis=(-2, -1))

    # derivatives with ln flux and the squares of the two axes
    flux_major, flux_minor, major_minor = -total(one * x) / 2, -total(one * y) / 2, total(both * x * y) / 4
    fisher = np.array(
        [
            [total(product), flux_major, flux_minor],
            [flux_major, 3 * total(both * x**2) / 4, major_minor],
            [flux_minor, major_minor, 3 * total(both * y**2) / 4],
        ]
    )
    jacobian = np.zeros((*size.shape, 3, 3))  # of those three with ln flux, size^2 and axis ratio
    jacobian[..., 0, 0] = jacobian[..., 1, 1] = 1
    jacobian[..., 2, 1], jacobian[..., 2, 2] = axis_ratio**2, 2 * size**2 * axis_ratio
    return np.linalg.inv(np.swapaxes(jacobian, -1, -2) @ np.moveaxis(fisher, (0, 1), (-2, -1)) @ jacobian)


@dataclass(frozen=True)
class ProfileTable:
    """What is seen of one profile, on the grid of `SIZES` and `AXIS_RATIOS` (first two axes of every array).

    Attributes
    ----------
    psf_fraction : (size, axis ratio)
        PSF-weighted flux over total flux.
    area : (size, axis ratio)
        Noise-equivalent area 1 / integral of the squared profile, FWHM^2.
    enclosed, stokes : (size, axis ratio, radius)
        See `growth_curve`.
    covariance : (size, axis ratio, 3, 3)
        See `_fit_noise`.
    """

    psf_fraction: FloatArray
    area: FloatArray
    enclosed: FloatArray
    stokes: FloatArray
    covariance: FloatArray


@cache
def profile_table(name: str) -> ProfileTable:
    """Compute the table of one profile (a second or two, once per process)."""
    size, axis_ratio = np.meshgrid(SIZES, AXIS_RATIOS, indexing="ij")
    seen, point = seen_components(name, size, axis_ratio), point_components()
    enclosed, stokes = growth_curve(*seen)
    return ProfileTable(
        psf_fraction=overlap(seen, point) / overlap(point, point),
        area=1 / overlap(seen, seen),
        enclosed=enclosed,
        stokes=stokes,
        covariance=_fit_noise(name),
    )


def interpolate(table: FloatArray, size: FloatArray, axis_ratio: FloatArray) -> FloatArray:
    """Interpolate a table bilinearly in log size and axis ratio.

    Parameters
    ----------
    table : ndarray (len(SIZES), len(AXIS_RATIOS), ...)
    size, axis_ratio : ndarray, any one shape
        Clipped to the grid.

    Returns
    -------
    ndarray (shape of size, ...)
    """
    x = np.log(np.clip(size, SIZES[0], SIZES[-1]) / SIZES[0]) / np.log(SIZES[1] / SIZES[0])
    y = (np.clip(axis_ratio, AXIS_RATIOS[0], 1.0) - AXIS_RATIOS[0]) / (AXIS_RATIOS[1] - AXIS_RATIOS[0])
    i = np.minimum(x.astype(int), len(SIZES) - 2)
    j = np.minimum(y.astype(int), len(AXIS_RATIOS) - 2)
    extra = (...,) + (None,) * (table.ndim - 2)
    wx, wy = (x - i)[extra], (y - j)[extra]
    low = table[i, j] * (1 - wy) + table[i, j + 1] * wy
    high = table[i + 1, j] * (1 - wy) + table[i + 1, j + 1] * wy
    return low * (1 - wx) + high * wx
