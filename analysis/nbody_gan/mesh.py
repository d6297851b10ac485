"""Particles on a periodic mesh: cloud-in-cell assignment, its adjoint, and the force between the two.

Cloud-in-cell (Hockney & Eastwood 1981) reads a mesh by trilinear interpolation, which is `grid_sample`, and gives mass
to a mesh by its adjoint. Both thus have the same weights, by which momentum is conserved.
"""

import math
from functools import cache
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

_THREADED = 64**3  # particles in a box, from which on they are painted in parts, side by side
_PARTS = 4
_UNIT = 2.0**32  # of mass, in integers: the eight shares of a particle are float32, of 24 bits


def paint(positions: Tensor, cells: int, exact: bool = False) -> Tensor:
    """Return the density of particles on a periodic mesh, in units of their mean.

    Parameters
    ----------
    positions : Tensor, shape (boxes, particles, 3)
        In units of the box, any value: the box is periodic.
    cells : int
        On a side of the mesh.
    exact : bool
        Add up whole numbers, in which any order gives the same bits: a GPU adds in the order that happens to be.

    Returns
    -------
    Tensor, shape (boxes, cells, cells, cells)
        1 + delta. Mesh point i lies at i / cells.
    """
    if exact:
        return _paint_exactly(positions, cells)
    boxes, particles, _ = positions.shape
    parts = _parts(positions)
    places = _places(positions.reshape(boxes * parts, particles // parts, 3))
    side = cells + 1  # the first layer is there twice: particles in the last cell give to it
    empty = positions.new_zeros((boxes * parts, 1, side, side, side))
    mass = positions.new_full((boxes * parts, 1, 1, 1, particles // parts), cells**3 / particles)
    # bilinear (0), padding that is never needed (0), corners of the mesh at -1 and 1; the first of both gradients
    mesh, _ = torch.ops.aten.grid_sampler_3d_backward(mass, empty, places, 0, 0, True, [True, False])
    mesh = mesh.reshape(boxes, parts, side, side, side).sum(1) if parts > 1 else mesh[:, 0]
    mesh[:, 0] += mesh[:, -1]
    mesh[:, :, 0] += mesh[:, :, -1]
    mesh[:, :, :, 0] += mesh[:, :, :, -1]
    return mesh[:, :-1, :-1, :-1].contiguous()


def _paint_exactly(positions: Tensor, cells: int) -> Tensor:
    """Return what `paint` returns, by integers."""
    boxes, particles, _ = positions.shape
    place = torch.remainder(positions, 1) * cells
    first = place.floor()
    share = place - first
    mass = torch.zeros(boxes, cells**3, dtype=torch.int64, device=positions.device)
    for corner in product((0, 1), repeat=3):
        x, y, z = (first + torch.tensor(corner, device=positions.device)).long().remainder(cells).unbind(-1)
        of_axis = [share[..., axis] if upper else 1 - share[..., axis] for axis, upper in enumerate(corner)]
        weight = of_axis[0] * of_axis[1] * of_axis[2]
        mass.scatter_add_(1, (x * cells + y) * cells + z, (weight * _UNIT).long())
    return (mass * (cells**3 / particles / _UNIT)).to(positions.dtype).view(boxes, cells, cells, cells)


def read(mesh: Tensor, positions: Tensor) -> Tensor:
    """Return fields on a mesh at the places of particles.

    Parameters
    ----------
    mesh : Tensor, shape (boxes, fields, cells, cells, cells)
    positions : Tensor, shape (boxes, particles, 3)
        In units of the box.

    Returns
    -------
    Tensor, shape (boxes, particles, fields)
    """
    boxes, particles, _ = positions.shape
    parts = _parts(positions)
    places = _places(positions.reshape(boxes * parts, particles // parts, 3))
    wrapped = pad(mesh, (0, 1, 0, 1, 0, 1), mode="circular")
    if parts > 1:
        wrapped = wrapped.repeat_interleave(parts, 0) if boxes > 1 else wrapped.expand(parts, -1, -1, -1, -1)
    values = grid_sample(wrapped, places, align_corners=True)
    return values.reshape(boxes, parts, mesh.shape[1], -1).transpose(2, 3).reshape(boxes, particles, mesh.shape[1])


def _parts(positions: Tensor) -> int:
    """Return in how many parts the particles of a box are taken: grid_sample has one thread for each box.

    It depends on the number of particles alone, so that the same box comes out whatever the machine's cores.
    """
    particles = positions.shape[1]
    return _PARTS if positions.device.type == "cpu" and particles >= _THREADED and particles % _PARTS == 0 else 1


def _places(positions: Tensor) -> Tensor:
    """Turn positions in units of the box into those of grid_sample: -1 to 1, the last axis first."""
    return (2 * torch.remainder(positions, 1) - 1).flip(-1)[:, None, None]


def wavenumbers(cells: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    """Return the wavenumbers of `rfftn` along each axis, in units of the fundamental one, for broadcasting."""
    whole = torch.fft.fftfreq(cells, 1 / cells, device=device)
    half = torch.fft.rfftfreq(cells, 1 / cells, device=device)
    return whole[:, None, None], whole[None, :, None], half[None, None, :]


def odd_wavenumbers(cells: int, device: torch.device | str = "cpu") -> list[Tensor]:
    """Return the same for derivatives of odd order: zero at the Nyquist frequency, where their sign is not defined."""
    return [torch.where(k.abs() == cells // 2, 0.0, k) for k in wavenumbers(cells, device)]


def squared_wavenumbers(cells: int, device: torch.device | str = "cpu") -> Tensor:
    """Return their squares, shape (cells, cells, cells // 2 + 1); 1 for the mean, which is a divisor of zeros."""
    x, y, z = wavenumbers(cells, device)
    square = x**2 + y**2 + z**2
    square[0, 0, 0] = 1.0
    return square


def window(cells: int, device: torch.device | str = "cpu") -> Tensor:
    """Return the Fourier transform of a cloud's shape, shape (cells, cells, cells // 2 + 1): sinc^2 for each axis."""
    x, y, z = (torch.sinc(k / cells) for k in wavenumbers(cells, device))
    return (x * y * z) ** 2


def deconvolved(density: Tensor) -> Tensor:
    """Return a density from `paint` with the shape of the clouds divided out, as spectra want it: even below zero."""
    cells = density.shape[-1]
    modes = torch.fft.rfftn(density, dim=(1, 2, 3)) / window(cells, density.device)
    return torch.fft.irfftn(modes, s=(cells,) * 3, dim=(1, 2, 3))


@cache
def _force_kernels(cells: int, cutoff: float, device: torch.device) -> list[Tensor]:
    """Return i k / k^2 for each axis, smoothed, divided by the window twice: for the painting and for the reading."""
    square = squared_wavenumbers(cells, device)
    smooth = torch.exp(-((square / (cutoff * cells / 2) ** 2) ** 2))
    potential = smooth / (square * window(cells, device) ** 2 * 2 * math.pi)
    return [1j * k * potential for k in odd_wavenumbers(cells, device)]


def displacements(density: Tensor, cutoff: float) -> Tensor:
    """Return the field s with div s = -delta, the linear displacements that would make a density.

    Parameters
    ----------
    density : Tensor, shape (boxes, cells, cells, cells)
        From `paint`; the windows of painting and of reading the result are divided out.
    cutoff : float
        Wavenumber k_c in units of the Nyquist frequency: the force is smoothed by exp(-(k / k_c)^4). What the windows
        are divided by at the Nyquist frequency would blow up the noise of the lattice that particles start from.

    Returns
    -------
    Tensor, shape (boxes, 3, cells, cells, cells)
        In units of the box.
    """
    cells = density.shape[-1]
    modes = torch.fft.rfftn(density, dim=(1, 2, 3))
    kernels = _force_kernels(cells, cutoff, density.device)
    stacked = modes.new_empty((len(modes), 3, *modes.shape[1:]))
    for axis, kernel in enumerate(kernels):
        torch.mul(modes, kernel, out=stacked[:, axis])
    return torch.fft.irfftn(stacked, s=(cells,) * 3, dim=(2, 3, 4))


def force(positions: Tensor, cells: int, cutoff: float, exact: bool = False) -> Tensor:
    """Return the force on each particle, as the displacement field of the density: shape of `positions`, unit box.

    `exact` is that of `paint`.
    """
    return read(displacements(paint(positions, cells, exact), cutoff), positions)
