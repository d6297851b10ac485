"""Zel'dovich mocks: the cheapest boxes in which gravity had a hand. The generator starts from them."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from analysis.nbody_gan.controls import colour
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum, linear_power
from analysis.nbody_gan.mesh import odd_wavenumbers, paint, squared_wavenumbers
from analysis.nbody_gan.statistics import smooth

Array = np.ndarray

_SMOOTHING = 0.3  # cells; no two voxels then have the same density, not even those without particles
_FLOOR = 0.1  # of the logarithm of the density, in units of the mean
_OUTERMOST = 1e-5  # share of voxels beyond either end of the map
_SLOPE = 0.01  # least rise of the map of voxels
_SAMPLE = 2_000_000  # voxels that the map is made from, at most


def linear_modes(
    cosmology: Cosmology, side: float, cells: int, redshift: float, spectrum: PowerSpectrum | None = None
) -> Tensor:
    """Return the linear power of a box in units of that of white noise of unit variance, shape (n, n, n).

    Parameters
    ----------
    cosmology : Cosmology
    side : float
        Of the box (Mpc/h).
    cells : int
    redshift : float
    spectrum : PowerSpectrum, optional
        Linear, today; CAMB's by default.

    Raises
    ------
    InputError
        If the spectrum does not cover the modes of the box.
    """
    axis = np.fft.fftfreq(cells, 1 / cells) ** 2
    square = axis[:, None, None] + axis[:, None] + axis
    square[0, 0, 0] = 1.0
    k = np.sqrt(square) * 2 * math.pi / side
    growth = cosmology.growth(1 / (1 + redshift))
    power = (spectrum or linear_power(cosmology))(k) * growth**2 * (cells / side) ** 3
    power[0, 0, 0] = 0.0
    return torch.from_numpy(power).float()


class Zeldovich(nn.Module):
    """White noise -> linear density, and logarithm of that of particles moved once along their linear displacements.

    One particle a cell (Zel'dovich 1970). Nothing in it is learned, and no gradient goes through it.

    Parameters
    ----------
    power : Tensor, shape (n, n, n)
        From `linear_modes`.
    """

    power: Tensor

    def __init__(self, power: Tensor) -> None:
        super().__init__()
        self.register_buffer("power", power)

    @torch.no_grad()
    def forward(self, noise: Tensor) -> Tensor:
        """Return both fields of white noise (boxes, n, n, n): ln(density), linear contrast; (boxes, 2, n, n, n)."""
        cells = noise.shape[-1]
        linear = colour(noise, self.power)
        potential = torch.fft.rfftn(linear, dim=(1, 2, 3)) / squared_wavenumbers(cells, noise.device) / (2 * math.pi)
        moved = [
            torch.fft.irfftn(1j * k * potential, s=noise.shape[1:], dim=(1, 2, 3))
            for k in odd_wavenumbers(cells, noise.device)
        ]
        axis = torch.arange(cells, device=noise.device) / cells
        places = torch.cartesian_prod(axis, axis, axis) + torch.stack(moved, dim=-1).flatten(1, 3)
        moved_density = smooth(paint(places, cells), _SMOOTHING).clamp_min(0)
        return torch.stack([torch.log(moved_density + _FLOOR), linear], dim=1)


def voxel_map(field: Tensor, density: Tensor, knots: int) -> tuple[Tensor, Tensor]:
    """Return the map that gives the values of a field the distribution of the voxels of boxes.

    Parameters
    ----------
    field, density : Tensor
        Any shape.
    knots : int

    Returns
    -------
    values, image : Tensor, shape (knots,)
        Values of the field, evenly spaced, and the logarithm of the density at each, rising.
    """

    def sample(tensor: Tensor) -> Array:
        return np.sort(tensor.flatten()[:: max(1, tensor.numel() // _SAMPLE)].double().numpy())

    of_field, of_density = sample(field), sample(density)
    least, most = np.quantile(of_field, [_OUTERMOST, 1 - _OUTERMOST])
    values = np.linspace(least, most, knots)
    shares = np.interp(values, of_field, np.linspace(0, 1, len(of_field)))
    image = np.log(np.quantile(of_density, shares).clip(min=of_density[of_density > 0][0]))
    rising = np.maximum.accumulate(image) + _SLOPE * (values - values[0])
    return torch.from_numpy(values).float(), torch.from_numpy(rising).float()
