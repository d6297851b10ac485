"""Summary statistics of density grids, many boxes at once: the data vectors whose covariance is at stake.

A density grid has shape (boxes, n, n, n), cubic and periodic, in units of the mean density (1 + delta). Every statistic
returns one row per box. Separations and wavenumbers are binned in shells of one cell and of one fundamental mode.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from analysis.errors import InputError
from analysis.nbody_gan.names import CORRELATION, COUNTS, MARKED, MOMENTS, PEAKS, POWER_SPECTRUM, STATISTICS

_GRID = (-3, -2, -1)
_CELLS_AT_ONCE = 256 * 16**3  # of boxes that are measured at once: bounds the memory


@dataclass(frozen=True)
class Binning:
    """How the statistics are binned; chosen on training boxes, then fixed.

    Attributes
    ----------
    cell : float
        Side of a cell (Mpc/h).
    count_edges, peak_edges : tuple of float
        Edges, in units of the mean density, of the voxel masses and of the heights of peaks. What lies below the
        first edge is not counted, so that the bins do not add up to a constant; the last bin is open.
    marks : tuple of (float, float)
        rho_s and p of each density mark.
    mark_radius : float
        Radius of the Gaussian that smooths the density of the marks (Mpc/h).
    moment_radii : tuple of float
        Radii of the Gaussians under which moments are taken (Mpc/h).
    """

    cell: float
    count_edges: tuple[float, ...]
    peak_edges: tuple[float, ...]
    marks: tuple[tuple[float, float], ...]
    mark_radius: float
    moment_radii: tuple[float, ...]


def choose_binning(density: Tensor, cell: float, settings: Mapping[str, Any]) -> Binning:
    """Choose bins that hold equal numbers of voxels and of peaks of training boxes.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
        Training boxes.
    cell : float
        Side of a cell (Mpc/h).
    settings : mapping
        `count_bins`, `peak_bins`, `marks`, `mark_radius`, `moment_radii`.

    Raises
    ------
    InputError
        If the densities have fewer distinct values than there are to be bins.
    """

    def edges(values: Tensor, bins: int) -> tuple[float, ...]:
        shares = np.arange(1, bins + 1) / (bins + 1)
        found = np.unique(np.quantile(values.numpy(), shares))
        if len(found) < bins:
            raise InputError(f"density of training boxes: too few distinct values for {bins} bins")
        return tuple(found.tolist())

    return Binning(
        cell=cell,
        count_edges=edges(density.flatten(), settings["count_bins"]),
        peak_edges=edges(density[is_peak(density)], settings["peak_bins"]),
        marks=tuple((float(rho_s), float(p)) for rho_s, p in settings["marks"]),
        mark_radius=settings["mark_radius"],
        moment_radii=tuple(settings["moment_radii"]),
    )


def measure(density: Tensor, binning: Binning) -> dict[str, np.ndarray]:
    """Measure all statistics.

    Returns
    -------
    dict of ndarray, shape (boxes, bins)
        By the names in `names.STATISTICS`.

    Raises
    ------
    InputError
        If a box is not a cube, or a density is not finite.
    """
    if density.ndim != 4 or len(set(density.shape[1:])) != 1:
        raise InputError(f"density: shape {tuple(density.shape)}; expected (boxes, n, n, n)")
    if not torch.isfinite(density).all():
        box = int((~torch.isfinite(density)).flatten(1).any(1).nonzero()[0])
        raise InputError(f"density: box {box} has values that are not finite")
    boxes = max(1, _CELLS_AT_ONCE // density[0].numel())
    parts = [_measure(batch, binning) for batch in density.split(boxes)]
    return {name: torch.cat([part[name] for part in parts]).double().cpu().numpy() for name in STATISTICS}


def _measure(density: Tensor, binning: Binning) -> dict[str, Tensor]:
    cell = binning.cell
    return {
        COUNTS: histogram(density, binning.count_edges),
        POWER_SPECTRUM: power_spectrum(density, cell),
        CORRELATION: correlation_function(density),
        MARKED: torch.cat(
            [marked_correlation(density, rho_s, p, binning.mark_radius / cell) for rho_s, p in binning.marks], dim=1
        ),
        PEAKS: peak_counts(density, binning.peak_edges),
        MOMENTS: torch.cat([moments(smooth(density, radius / cell)) for radius in binning.moment_radii], dim=1),
    }


def histogram(density: Tensor, edges: tuple[float, ...]) -> Tensor:
    """Return the share of voxels in bins of density, the last one open, shape (boxes, len(edges))."""
    bounds = torch.tensor(edges, dtype=density.dtype, device=density.device)
    flat = density.flatten(1)
    number = torch.bucketize(flat, bounds, right=True)  # 0 below the first edge
    counts = torch.zeros(len(flat), len(edges) + 1, dtype=density.dtype, device=density.device)
    counts.scatter_add_(1, number, torch.ones_like(flat))
    return counts[:, 1:] / flat.shape[1]


def power_spectrum(density: Tensor, cell: float) -> Tensor:
    """Return P(k) of periodic boxes, shape (boxes, n // 2), in (Mpc/h)^3.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
    cell : float
        Side of a cell (Mpc/h).

    Returns
    -------
    Tensor
        In shells about 1, 2, …, n/2 times the fundamental mode; neither the mass assignment nor the shot noise is taken
        out, as both are those of the boxes that are compared.
    """
    n = density.shape[-1]
    modes = torch.fft.fftn(density, dim=_GRID).abs().square() * (cell**3 / n**3)
    return _shell_means(modes, n)


def wavenumbers(n: int, cell: float) -> np.ndarray:
    """Return the wavenumbers (h/Mpc) at which `power_spectrum` is given: means over the modes of each shell."""
    return _shell_radii(n) * 2 * math.pi / (n * cell)


def correlation_function(density: Tensor) -> Tensor:
    """Return the two-point correlation function of the density contrast, shape (boxes, n // 2).

    At separations about 1, 2, …, n/2 cells, over all pairs of cells: by the Wiener-Khinchin theorem.
    """
    contrast = density / density.mean(dim=_GRID, keepdim=True) - 1
    return _shell_means(_autocorrelation(contrast), density.shape[-1])


def density_mark(smoothed: Tensor, rho_s: float, p: float) -> Tensor:
    """Return the mark ((1 + rho_s) / (rho_s + rho))^p of a density in units of its mean (White 2016, eq. 6).

    With p > 0 it gives weight to what lies in low density, with p < 0 to what lies in high density.
    """
    return ((1 + rho_s) / (rho_s + smoothed)) ** p


def marked_correlation(density: Tensor, rho_s: float, p: float, radius: float) -> Tensor:
    """Return the marked correlation function M(r) = (1 + W) / (1 + xi) of mass (White 2016, eq. 1).

    Pairs of mass elements at separation r, weighted with the product of their marks, over pairs unweighted, in units of
    the mean mark squared.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
    rho_s, p : float
        Of the mark.
    radius : float
        Of the Gaussian that smooths the density of the mark, in cells.

    Returns
    -------
    Tensor, shape (boxes, n // 2)
        One at all separations where marks do not depend on the surroundings.
    """
    mark = density_mark(smooth(density, radius).clamp_min(0), rho_s, p)
    weighted = density * mark
    weighted = weighted / weighted.mean(dim=_GRID, keepdim=True)
    plain = density / density.mean(dim=_GRID, keepdim=True)
    n = density.shape[-1]
    return _shell_means(_autocorrelation(weighted), n) / _shell_means(_autocorrelation(plain), n)


def is_peak(density: Tensor) -> Tensor:
    """Tell which cells are denser than their 26 neighbours; a tensor of bool of the same shape."""
    highest = functional.max_pool3d(functional.pad(density[:, None], (1,) * 6, mode="circular"), 3, stride=1)[:, 0]
    # in a flat region every cell equals the highest: the least of the neighbours must lie below
    lowest = -functional.max_pool3d(functional.pad(-density[:, None], (1,) * 6, mode="circular"), 3, stride=1)[:, 0]
    return (density == highest) & (lowest < density)


def peak_counts(density: Tensor, edges: tuple[float, ...]) -> Tensor:
    """Return the number of peaks in bins of their height, the last one open, shape (boxes, len(edges))."""
    heights = torch.where(is_peak(density), density, -torch.inf)
    return histogram(heights, edges) * density[0].numel()


def moments(density: Tensor) -> Tensor:
    """Return the variance, skewness and excess kurtosis of the density contrast in each box, shape (boxes, 3)."""
    contrast = density - density.mean(dim=_GRID, keepdim=True)
    second, third, fourth = (contrast.pow(power).mean(dim=_GRID) for power in (2, 3, 4))
    return torch.stack([second, third / second.pow(1.5), fourth / second.square() - 3], dim=1)


def smooth(density: Tensor, radius: float) -> Tensor:
    """Smooth boxes with a Gaussian whose radius (standard deviation) is given in cells."""
    if radius == 0:
        return density
    n = density.shape[-1]
    squared = _squared_distance(n).to(density)[..., : n // 2 + 1] * (2 * math.pi / n) ** 2
    modes = torch.fft.rfftn(density, dim=_GRID) * torch.exp(-0.5 * radius**2 * squared)
    return torch.fft.irfftn(modes, s=density.shape[-3:], dim=_GRID)


def _autocorrelation(field: Tensor) -> Tensor:
    """Return the mean over cells x of field(x) field(x + r), for every lattice vector r."""
    modes = torch.fft.rfftn(field, dim=_GRID)
    return torch.fft.irfftn(modes.abs().square(), s=field.shape[-3:], dim=_GRID) / field[0].numel()


def _squared_distance(n: int) -> Tensor:
    """Return the squared length of each lattice vector of a periodic cube, in cells (or fundamental modes)."""
    axis = torch.fft.fftfreq(n, 1 / n).square()
    return axis[:, None, None] + axis[:, None] + axis


@cache
def _shells(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return, for each lattice vector, the shell 0, 1, 2, … that it lies in; the vectors in each; their mean length."""
    length = _squared_distance(n).sqrt().flatten()
    shell = (length + 0.5).floor().long()
    shell = torch.where(shell > n // 2, 0, shell)  # the corners of the cube are left out, as is the centre
    members = torch.bincount(shell, minlength=n // 2 + 1)
    return shell, members, torch.bincount(shell, length, minlength=n // 2 + 1) / members


def _shell_means(lattice: Tensor, n: int) -> Tensor:
    shell, members, _ = (tensor.to(lattice.device) for tensor in _shells(n))
    sums = torch.zeros(len(lattice), n // 2 + 1, dtype=lattice.dtype, device=lattice.device)
    sums.index_add_(1, shell, lattice.flatten(1))
    return (sums / members)[:, 1:]


def _shell_radii(n: int) -> np.ndarray:
    return _shells(n)[2][1:].numpy()
