"""GalSim's images of the mock's profiles: lengths in FWHM of the PSF, unit flux."""

import galsim
import numpy as np

from analysis.survey.mock import profiles

SCALE, PIXELS = 0.05, 1201


def galsim_psf() -> galsim.GSObject:
    point = profiles.psf()
    parts = [galsim.Gaussian(sigma=np.sqrt(v), flux=f) for f, v in zip(point.flux, point.variance, strict=True)]
    return galsim.Sum(parts)


def galsim_profile(name: str, size: float, axis_ratio: float) -> galsim.GSObject:
    index, edge = profiles.SERSIC_INDEX[name], profiles.TRUNCATION[name]
    galaxy = galsim.Sersic(index, half_light_radius=1.0, trunc=edge, flux_untruncated=True).withFlux(1.0)
    # GalSim's shear keeps the area; ours is an effective radius along the major axis
    return galaxy.dilate(size * np.sqrt(axis_ratio)).shear(q=axis_ratio, beta=0 * galsim.degrees)


def image(profile: galsim.GSObject) -> np.ndarray:
    return profile.drawImage(nx=PIXELS, ny=PIXELS, scale=SCALE, method="no_pixel").array.astype(float)


def seen(name: str, size: float, axis_ratio: float = 1.0) -> np.ndarray:
    """Image of a profile convolved with the PSF."""
    return image(galsim.Convolve(galsim_profile(name, size, axis_ratio), galsim_psf()))
