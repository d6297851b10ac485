"""Asinh magnitudes ("luptitudes") of Lupton, Gunn & Szalay (1999, AJ 118, 1406). NumPy only."""

import numpy as np

FloatArray = np.ndarray

# Softening b of SDSS in ugriz, nanomaggies: there, twice b is where linear turns into logarithmic (SDSS DR7,
# "asinh magnitudes"; Lupton et al. 1999, eq. 3, with f0 = 1 maggie).
SDSS_SOFTENING = (0.14, 0.09, 0.12, 0.18, 0.74)
ZERO_POINT = 22.5  # magnitude of one nanomaggie
POGSON = 2.5 / np.log(10)  # magnitudes of a factor e


def _per_band(softening: tuple[float, ...]) -> FloatArray:
    """Return the softening so that it multiplies images (…, 5, ny, nx)."""
    return np.asarray(softening, float)[:, None, None]


def asinh_scaled(flux: FloatArray, softening: tuple[float, ...] = SDSS_SOFTENING) -> FloatArray:
    """Return asinh(f / 2b): linear in faint flux, logarithmic in bright flux, zero for none.

    Parameters
    ----------
    flux : ndarray (…, 5, ny, nx)
        Nanomaggies.
    softening : tuple of float
        b of each band, nanomaggies.

    Returns
    -------
    ndarray (…, 5, ny, nx)
        The luptitude is -1.0857 times this, but for a constant (`luptitude`).
    """
    return np.arcsinh(flux / (2 * _per_band(softening)))


def luptitude(flux: FloatArray) -> FloatArray:
    """Return SDSS's asinh magnitudes of flux (…, 5, ny, nx) in nanomaggies (Lupton et al. 1999, eq. 3)."""
    return ZERO_POINT - POGSON * (asinh_scaled(flux) + np.log(_per_band(SDSS_SOFTENING)))


def flux_of_luptitude(magnitude: FloatArray) -> FloatArray:
    """Return the flux in nanomaggies of SDSS's asinh magnitudes (…, 5, ny, nx): `luptitude` undone."""
    b = _per_band(SDSS_SOFTENING)
    return 2 * b * np.sinh((ZERO_POINT - magnitude) / POGSON - np.log(b))
