"""Initial conditions: Gaussian fields of a given spectrum, and the second-order displacements that grow from them."""

import math
from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from analysis.nbody_gan.cosmology import PowerSpectrum
from analysis.nbody_gan.mesh import odd_wavenumbers, squared_wavenumbers, wavenumbers

_AXES = (-3, -2, -1)


def white_noise(seeds: Sequence[int], cells: int) -> Tensor:
    """Return Gaussian noise of unit variance, shape (boxes, cells, cells, cells): each box from its own seed alone.

    Drawn on the processor whatever the device: a seed means the same box everywhere.
    """
    boxes = [torch.randn((cells,) * 3, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds]
    return torch.stack(boxes)


def gaussian_field(noise: Tensor, spectrum: PowerSpectrum, box: float, fixed_amplitudes: bool = False) -> Tensor:
    """Return the density contrast with a given spectrum, shape of `noise`.

    Parameters
    ----------
    noise : Tensor, shape (boxes, cells, cells, cells)
        White, of unit variance. Its negative gives the paired box (Angulo & Pontzen 2016).
    spectrum : PowerSpectrum
        In (Mpc/h)^3.
    box : float
        Side in Mpc/h.
    fixed_amplitudes : bool
        Give each mode the amplitude of the spectrum, only its phase from the noise (Angulo & Pontzen 2016): spectra
        then scatter less from box to box, so this is for checks, not for covariances.

    Raises
    ------
    InputError
        If the spectrum does not cover the modes of the box.
    """
    cells = noise.shape[-1]
    k = squared_wavenumbers(cells).sqrt() * (2 * math.pi / box)
    amplitude = torch.from_numpy(spectrum(k.numpy())).mul_(cells**3 / box**3).sqrt_().float()
    amplitude[0, 0, 0] = 0.0
    modes = torch.fft.rfftn(noise, dim=_AXES)
    if fixed_amplitudes:
        modes *= cells**1.5 / modes.abs()
    return torch.fft.irfftn(modes * amplitude.to(noise.device), s=(cells,) * 3, dim=_AXES)


def truncated(field: Tensor, cells: int) -> Tensor:
    """Return a field with fewer cells on a side (an even number): the same modes below its Nyquist frequency."""
    half, fine = cells // 2, field.shape[-1]
    axis = torch.arange(-half + 1, half, device=field.device)
    modes = torch.fft.rfftn(field, dim=_AXES)[:, axis % fine][:, :, axis % fine][..., :half]
    kept = modes.new_zeros((len(field), cells, cells, half + 1))
    places = axis % cells
    kept[:, places[:, None], places[None, :], :half] = modes * (cells / fine) ** 3
    return torch.fft.irfftn(kept, s=(cells,) * 3, dim=_AXES)


def lagrangian_displacements(density: Tensor) -> tuple[Tensor, Tensor]:
    """Return the displacements of first and second order of a linear density contrast.

    Particles move from q to q + D1 psi1(q) + D2 psi2(q), where div psi1 = -delta, and div psi2 is the sum over pairs of
    axes of phi_ii phi_jj - phi_ij^2, with grad phi = -psi1 (Bouchet et al. 1995).

    Parameters
    ----------
    density : Tensor, shape (boxes, cells, cells, cells)
        Linear, of the epoch where D1 is 1.

    Returns
    -------
    psi1, psi2 : Tensor, shape (boxes, cells^3, 3)
        In units of the box.
    """
    cells = density.shape[-1]
    axes, odd = wavenumbers(cells, density.device), odd_wavenumbers(cells, density.device)

    def inverse(modes: Tensor) -> Tensor:
        return torch.fft.irfftn(modes, s=(cells,) * 3, dim=_AXES)

    def displacement(modes: Tensor) -> Tensor:
        fields = [inverse(modes * (1j * k / (2 * math.pi))) for k in odd]
        return torch.stack(fields, -1).flatten(1, 3)

    square = squared_wavenumbers(cells, density.device)
    potential = torch.fft.rfftn(density, dim=_AXES) / square  # -(2 pi)^2 phi
    phi = {(i, j): inverse(potential * odd[i] * odd[j]) for i, j in combinations(range(3), 2)}
    phi |= {(i, i): inverse(potential * axes[i] ** 2) for i in range(3)}
    pairs = [phi[i, i] * phi[j, j] - phi[i, j] ** 2 for i, j in combinations(range(3), 2)]
    source = torch.fft.rfftn(torch.stack(pairs).sum(0), dim=_AXES)
    return displacement(potential), displacement(-source / square)
