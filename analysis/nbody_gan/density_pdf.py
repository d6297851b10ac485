"""The distribution of density in spheres: measured, log-normal, and by large-deviation theory."""

import math

import numpy as np
import torch
from torch import Tensor

from analysis.nbody_gan.cosmology import PowerSpectrum
from analysis.nbody_gan.mesh import squared_wavenumbers

Array = np.ndarray

_NU = 21 / 13  # of spherical collapse, as chosen by Uhlemann et al. for the exact skewness of the tree order


def density_in_spheres(density: Tensor, radius: float) -> Tensor:
    """Return the mean density in spheres about each cell, by Fourier transforms.

    Parameters
    ----------
    density : Tensor, shape (boxes, cells, cells, cells)
    radius : float
        In units of the side of the box.
    """
    cells = density.shape[-1]
    k = squared_wavenumbers(cells, density.device).sqrt() * (2 * math.pi)
    sphere = torch.from_numpy(top_hat((k * radius).cpu().numpy())).to(density)
    sphere[0, 0, 0] = 1.0
    return torch.fft.irfftn(torch.fft.rfftn(density, dim=(1, 2, 3)) * sphere, s=(cells,) * 3, dim=(1, 2, 3))


def top_hat(x: Array) -> Array:
    """Return the Fourier transform of a sphere, at wavenumber times radius (above zero)."""
    return 3 * (np.sin(x) - x * np.cos(x)) / x**3


def linear_variance(spectrum: PowerSpectrum, radius: Array) -> Array:
    """Return the variance of the linear density contrast in spheres of radii (Mpc/h), shape of `radius`."""
    k = spectrum.k
    integrand = k**3 * spectrum.power * top_hat(k * np.asarray(radius)[..., None]) ** 2 / (2 * np.pi**2)
    return np.trapezoid(integrand, np.log(k), axis=-1)


def log_normal_pdf(density: Array, variance: float) -> Array:
    """Return the PDF of a log-normal density of mean 1 (Coles & Jones 1991), by the variance of its logarithm."""
    log = np.log(density)
    return np.exp(-((log + variance / 2) ** 2) / (2 * variance)) / (density * np.sqrt(2 * np.pi * variance))


def large_deviation_pdf(density: Array, variance: float, spectrum: PowerSpectrum, radius: float) -> Array:
    """Return the PDF of the density in spheres of Uhlemann et al. (2016, MNRAS 460, 1529, section 2).

    The rate function of spherical collapse, in the logarithm of the density, with the variance of that logarithm as its
    only parameter; the mean is set to 1 as there.

    Parameters
    ----------
    density : ndarray
        In units of its mean, above zero.
    variance : float
        Of the logarithm of the density.
    spectrum : PowerSpectrum
        Linear.
    radius : float
        Of the spheres, Mpc/h.
    """
    log = np.linspace(np.log(density.min()) - 3, np.log(density.max()) + 3, 2001)
    step, grid = log[1] - log[0], np.exp(log)
    contrast = _NU * (1 - grid ** (-1 / _NU))  # linear, of a sphere that collapses to the density
    inner = linear_variance(spectrum, radius * np.cbrt(grid))  # of the region that the sphere's mass came from
    rate = contrast**2 * linear_variance(spectrum, np.array(radius)) / (2 * variance * inner)
    curvature = np.gradient(np.gradient(rate, step), step)
    of_log = np.sqrt(np.maximum(curvature, 0) / (2 * np.pi)) * np.exp(-rate)
    norm, mean = (np.trapezoid(of_log * weight, log) for weight in (1.0, grid))
    shift = mean / norm
    return np.interp(np.log(density * shift), log, of_log) / (norm * density)
