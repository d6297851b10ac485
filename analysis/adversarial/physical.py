"""The sticker's astronomical kin: a faint star, a satellite trail, a cosmic-ray hit.

Light is added to images in units of flux (nanomaggies), lengths are in arcsec, places are measured from the centre of
the image, x along columns and y along rows. `placement` finds where it hurts most.

SDSS scans the sky by drifting, and each band sees an object at a time of its own: a trail or a hit is in one band, a
star in all. A hit leaves its charge where it passed; star and trail have the width of the PSF, SDSS's double Gaussian
(psfSigma2, psfB: the wide one twice as wide, with a tenth of the peak), sampled at pixel centres, as the mock draws it.

It runs on a bare machine: PyTorch suffices.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from analysis.errors import InputError

ZERO_POINT = 22.5  # magnitude of one nanomaggie
WIDTH_RATIO, PEAK_RATIO = 2.0, 0.1  # of the PSF's wide Gaussian over its narrow one


def _psf_parts() -> tuple[tuple[float, float], tuple[float, float]]:
    """Return flux and standard deviation, over the FWHM, of the two Gaussians of a PSF of unit flux."""
    half = (1 + PEAK_RATIO) / 2
    roots = np.roots([1, 0, 0, PEAK_RATIO, -half])  # u^4 + b u = (1 + b) / 2, where u = exp(-r^2 / 8 sigma^2)
    u = float(roots[(abs(roots.imag) < 1e-9) & (roots.real > 0)].real[0])
    sigma = 0.5 / math.sqrt(-2 * WIDTH_RATIO**2 * math.log(u))
    wide = PEAK_RATIO * WIDTH_RATIO**2
    return (1 / (1 + wide), sigma), (wide / (1 + wide), WIDTH_RATIO * sigma)


PSF = _psf_parts()


def flux_of(magnitude: Tensor) -> Tensor:
    """Return the flux in nanomaggies of magnitudes of any shape."""
    return 10 ** (0.4 * (ZERO_POINT - magnitude))


class Camera(NamedTuple):
    """What took some images.

    Attributes
    ----------
    pixel_scale : float
        Arcsec.
    psf_fwhm : Tensor (n, bands)
        Arcsec, of each image.
    shape : tuple of int
        Rows and columns.
    """

    pixel_scale: float
    psf_fwhm: Tensor
    shape: tuple[int, int]

    def grid(self) -> tuple[Tensor, Tensor]:
        """Return x (1, columns) and y (rows, 1) of the pixels' centres from the centre of the image, arcsec."""
        rows, columns = (
            (torch.arange(n, device=self.psf_fwhm.device) - (n - 1) / 2) * self.pixel_scale for n in self.shape
        )
        return columns[None, :], rows[:, None]


@dataclass(frozen=True)
class Places:
    """Where something is put: x, y from the image's centre (arcsec), angle of its track from the x axis (radians)."""

    x: Tensor
    y: Tensor
    angle: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, chosen: Tensor) -> "Places":
        return Places(self.x[chosen], self.y[chosen], self.angle[chosen])


class Disturbance(Protocol):
    """Something that adds light to images."""

    def draw(self, places: Places, camera: Camera) -> Tensor:
        """Return the light (n, bands, rows, columns) of one thing in each of n images, at places (n,)."""
        ...

    def places(self, camera: Camera, step: float, reach: float, angles: int) -> Places:
        """Return the grid of places that are tried: `step` apart, at most `reach` from the centre, arcsec."""
        ...


@dataclass(frozen=True)
class FaintStar:
    """A point source in all bands.

    Attributes
    ----------
    flux : Tensor (n, bands)
        Nanomaggies: `flux_of` a magnitude in each band, which is the star's colour.
    """

    flux: Tensor

    def draw(self, places: Places, camera: Camera) -> Tensor:
        """See `Disturbance`."""
        x, y = camera.grid()
        square = (x - places.x[:, None, None]) ** 2 + (y - places.y[:, None, None]) ** 2
        light = torch.zeros((), device=x.device)
        for share, width in PSF:
            variance = (width * camera.psf_fwhm[:, :, None, None]) ** 2
            light = light + share * torch.exp(-square[:, None] / (2 * variance)) / (2 * math.pi * variance)
        return light * self.flux[:, :, None, None] * camera.pixel_scale**2

    def places(self, camera: Camera, step: float, reach: float, angles: int = 1) -> Places:
        """See `Disturbance`; a star has no angle."""
        del angles
        return _lattice(camera, step, reach)


@dataclass(frozen=True)
class SatelliteTrail:
    """A straight line through the whole image, as wide as the PSF.

    Attributes
    ----------
    brightness : Tensor (n, bands)
        Nanomaggies per arcsec of its length, zero in bands that were not exposed then: see `trail_brightness`.
    """

    brightness: Tensor

    def draw(self, places: Places, camera: Camera) -> Tensor:
        """See `Disturbance`: the integral of the PSF along a line."""
        x, y = camera.grid()
        sine, cosine = (f(places.angle)[:, None, None] for f in (torch.sin, torch.cos))
        distance = (y - places.y[:, None, None]) * cosine - (x - places.x[:, None, None]) * sine
        light = torch.zeros((), device=x.device)
        for share, width in PSF:
            sigma = width * camera.psf_fwhm[:, :, None, None]
            light = light + share * torch.exp(-0.5 * (distance[:, None] / sigma) ** 2) / (
                math.sqrt(2 * math.pi) * sigma
            )
        return light * self.brightness[:, :, None, None] * camera.pixel_scale**2

    def places(self, camera: Camera, step: float, reach: float, angles: int = 8) -> Places:
        """See `Disturbance`: lines at so many angles, each at distances from the centre up to `reach`."""
        offsets = _along(camera, step, reach)
        turned = math.pi / angles * torch.arange(angles, device=offsets.device)
        offset, angle = torch.meshgrid(offsets, turned, indexing="ij")
        offset, angle = offset.flatten(), angle.flatten()
        return Places(-offset * angle.sin(), offset * angle.cos(), angle)


@dataclass(frozen=True)
class CosmicRayHit:
    """A short straight track without PSF: charge in the pixels that a particle passed, as much as its path in each.

    Attributes
    ----------
    flux : Tensor (n, bands)
        Nanomaggies, of all its charge; zero in bands that were not hit.
    length : float
        Arcsec, of the track in the plane of the detector.
    """

    flux: Tensor
    length: float

    def draw(self, places: Places, camera: Camera) -> Tensor:
        """See `Disturbance`: the share of a track in each pixel is exact, clipped at the pixel's four edges."""
        if not self.length > 0:
            raise InputError(f"track of {self.length:g} arcsec; expected a length above 0")
        inside = []  # of the track, 0 to 1, where it enters and leaves a pixel's column and row
        for centre, at, step in zip(
            camera.grid(), (places.x, places.y), (places.angle.cos(), places.angle.sin()), strict=True
        ):
            run = (self.length * step)[:, None, None]
            run = torch.where(run.abs() < 1e-9, 1e-9, run)  # parallel to the edges: wholly in, or out
            start = at[:, None, None] - run / 2
            edges = torch.stack([(centre + side * camera.pixel_scale / 2 - start) / run for side in (-1, 1)])
            inside.append((edges.amin(0), edges.amax(0)))
        enter = torch.maximum(inside[0][0], inside[1][0]).clamp(0, 1)
        leave = torch.minimum(inside[0][1], inside[1][1]).clamp(0, 1)
        return (leave - enter).clamp(min=0)[:, None] * self.flux[:, :, None, None]

    def places(self, camera: Camera, step: float, reach: float, angles: int = 4) -> Places:
        """See `Disturbance`: the middle of the track anywhere on a square grid, at so many angles."""
        lattice = _lattice(camera, step, reach)
        angle = math.pi / angles * torch.arange(angles, device=lattice.x.device)
        x, y = (value.repeat_interleave(angles) for value in (lattice.x, lattice.y))
        return Places(x, y, angle.repeat(len(lattice)))


def _along(camera: Camera, step: float, reach: float) -> Tensor:
    """Return coordinates `step` apart, from minus to plus at most `reach`, zero among them."""
    if not step > 0 or reach < 0:
        raise InputError(f"places {step:g} arcsec apart within {reach:g}; expected a step above 0, a reach from 0 on")
    count = math.floor(reach / step + 1e-6)
    return step * torch.arange(-count, count + 1, device=camera.psf_fwhm.device)


def _lattice(camera: Camera, step: float, reach: float) -> Places:
    """Return a square grid of places within a circle about the centre."""
    along = _along(camera, step, reach)
    y, x = (value.flatten() for value in torch.meshgrid(along, along, indexing="ij"))
    near = x**2 + y**2 <= reach**2 * (1 + 1e-6)
    return Places(x[near], y[near], torch.zeros_like(x[near]))


def trail_brightness(magnitude: Tensor, speed: float, exposure: float) -> Tensor:
    """Return the light per length of the trail of something that moves.

    Parameters
    ----------
    magnitude : Tensor of any shape
        Of the thing, if it stood still.
    speed : float
        Arcsec per second; about 1,000 to 2,000 for a satellite in a low orbit, 15 for a geostationary one.
    exposure : float
        Seconds of the image; 54 in SDSS.

    Returns
    -------
    Tensor
        Nanomaggies per arcsec.

    Raises
    ------
    InputError
        If it does not move, or there is no exposure.
    """
    if not (speed > 0 and exposure > 0):
        raise InputError(f"speed {speed:g} arcsec/s, exposure {exposure:g} s; expected both above 0")
    return flux_of(magnitude) / (speed * exposure)


def in_band(values: Tensor, band: int, bands: int) -> Tensor:
    """Return values (n,) as those of one band (n, bands), zero in the others.

    Raises
    ------
    InputError
        If there is no such band.
    """
    if not 0 <= band < bands:
        raise InputError(f"band {band}; expected one of 0 to {bands - 1}")
    return torch.nn.functional.pad(values[:, None], (band, bands - 1 - band))
