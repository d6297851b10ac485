"""A particle-mesh N-body code: many periodic boxes of dark matter at once, on a processor or a GPU.

Second-order displacements start the particles; they then move by the kicks and drifts of FastPM (Feng et al. 2016,
arXiv:1603.00476), which follow linear growth exactly however long the steps are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.errors import InputError
from analysis.loop.processes import pick_device
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum, linear_power
from analysis.nbody_gan.lpt import gaussian_field, lagrangian_displacements, white_noise
from analysis.nbody_gan.mesh import force, paint


@dataclass(frozen=True)
class Settings:
    """How a box is simulated.

    Attributes
    ----------
    box : float
        Side in Mpc/h.
    particles : int
        On a side; even.
    mesh : int
        Cells of the force mesh on a side; even, at least as many as particles: twice resolves the force of neighbours.
    steps : int
        Between the start and the lowest redshift, of equal length in the scale factor.
    z_start : float
        Where second-order displacements end and steps begin.
    redshifts : tuple of float
        At which snapshots are taken, falling; each ends a step.
    cutoff : float
        Wavenumber in units of the Nyquist frequency of the force mesh, above which the force is smoothed away. From
        0.9 on, with a mesh of twice the particles, the lattice on which they start is unstable.
    device : str
        'cpu', 'cuda', or 'auto' for a GPU where there is one.
    deterministic : bool
        Whether a GPU, too, is to give the same bits each time, by an `exact` density; a processor does without.

    Raises
    ------
    InputError
        If a setting cannot be: an odd mesh, a box that is not finite, redshifts that do not fall from z_start, …
    """

    box: float
    particles: int
    mesh: int
    steps: int
    z_start: float = 9.0
    redshifts: tuple[float, ...] = (0.0,)
    cutoff: float = 0.7
    device: str = "cpu"
    deterministic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.box) and self.box > 0):
            raise InputError(f"box: {self.box} Mpc/h; expected a positive number")
        for name, cells in {"particles": self.particles, "mesh": self.mesh}.items():
            if cells < 2 or cells % 2:
                raise InputError(f"{name}: {cells} on a side; expected an even number")
        if self.mesh < self.particles:
            raise InputError(f"mesh: {self.mesh} cells for {self.particles} particles on a side; expected no fewer")
        if not (math.isfinite(self.cutoff) and self.cutoff * self.mesh / 2 > 1):
            raise InputError(f"cutoff: {self.cutoff} of a mesh of {self.mesh}: the box is smaller than the smoothing")
        if self.steps < 1:
            raise InputError(f"steps: {self.steps}; expected at least 1")
        passed = (self.z_start, *self.redshifts)
        if not self.redshifts or not all(math.isfinite(z) for z in passed):
            raise InputError(f"redshifts: {self.redshifts} from z_start {self.z_start}; expected finite numbers")
        if passed[-1] < 0 or any(later >= z for z, later in pairwise(passed)):
            raise InputError(
                f"redshifts: {self.redshifts}; expected them to fall from z_start {self.z_start} to no less than 0"
            )


def run_settings(settings: dict[str, Any]) -> Settings:
    """Return the settings of the N-body code in a block such as `simulate_boxes` of params.yaml."""
    names = ("box", "particles", "mesh", "steps", "z_start", "cutoff", "device", "deterministic")
    return Settings(**{name: settings[name] for name in names}, redshifts=(settings["redshift"],))


@dataclass(frozen=True)
class Snapshot:
    """The particles at one redshift.

    Attributes
    ----------
    redshift : float
    positions : Tensor, shape (boxes, particles^3, 3)
        Comoving, Mpc/h, from 0 to the side of the box.
    velocities : Tensor, shape (boxes, particles^3, 3)
        Peculiar, km/s.
    """

    redshift: float
    positions: Tensor
    velocities: Tensor


def evolve(density: Tensor, cosmology: Cosmology, settings: Settings) -> Iterator[Snapshot]:
    """Yield the particles at each redshift of the settings.

    Parameters
    ----------
    density : Tensor, shape (boxes, particles, particles, particles)
        Linear density contrast today (from `lpt.gaussian_field`, for instance).
    cosmology : Cosmology
    settings : Settings

    Raises
    ------
    InputError
        If the density is of another shape, or not finite.
    """
    if density.shape[1:] != (settings.particles,) * 3:
        raise InputError(
            f"density: shape {tuple(density.shape)}; expected (boxes, then three times {settings.particles})"
        )
    if not torch.isfinite(density).all():
        raise InputError("density: has NaN or infinite values; expected finite ones")
    nodes = _scale_factors(settings)
    wanted = {_a(z): z for z in settings.redshifts}
    middles = np.convolve(nodes, [0.5, 0.5], "valid")

    a = nodes[0]
    device = pick_device(settings.device)
    pulled = partial(
        force, cells=settings.mesh, cutoff=settings.cutoff, exact=settings.deterministic and device.type == "cuda"
    )
    psi1, psi2 = lagrangian_displacements(density.to(device))
    x = _lattice(settings.particles, device) + cosmology.growth(a) * psi1 + cosmology.second_growth(a) * psi2
    p = cosmology.momentum_growth(a) * psi1 + cosmology.second_momentum_growth(a) * psi2
    del psi1, psi2
    pull = pulled(x)
    for (a, after), middle in zip(pairwise(nodes), middles, strict=True):
        p = _kick(p, pull, a, middle, a, cosmology)
        x = _drift(x, p, a, after, middle, cosmology)
        pull = pulled(x)
        p = _kick(p, pull, middle, after, after, cosmology)
        if after in wanted:
            yield Snapshot(wanted[after], torch.remainder(x, 1) * settings.box, p * (100 * settings.box / after))


def _a(redshift: float) -> float:
    return 1 / (1 + redshift)


def _scale_factors(settings: Settings) -> list[float]:
    """Return where steps begin and end: even in the scale factor, and at each snapshot."""
    even = np.linspace(_a(settings.z_start), _a(settings.redshifts[-1]), settings.steps + 1)
    wanted = [_a(z) for z in settings.redshifts]
    apart = [a for a in even.tolist() if min(abs(a - w) for w in wanted) > 1e-9]
    return sorted(apart + wanted)


def _lattice(particles: int, device: torch.device) -> Tensor:
    """Return the places of particles before they move, shape (particles^3, 3), in units of the box.

    They are the middles of cells: on mesh points, clouds have a kink, and small displacements would not act linearly.
    """
    side = (torch.arange(particles, device=device) + 0.5) / particles
    return torch.cartesian_prod(side, side, side)


def _kick(p: Tensor, pull: Tensor, start: float, end: float, at: float, cosmology: Cosmology) -> Tensor:
    """Return momenta after a kick by the force of scale factor `at` (Feng et al. 2016, eq. 25)."""
    change = cosmology.momentum_growth(end) - cosmology.momentum_growth(start)
    return torch.add(p, pull, alpha=change / cosmology.growth(at))


def _drift(x: Tensor, p: Tensor, start: float, end: float, at: float, cosmology: Cosmology) -> Tensor:
    """Return positions after a drift by the momenta of scale factor `at` (Feng et al. 2016, eq. 24)."""
    change = cosmology.growth(end) - cosmology.growth(start)
    return torch.add(x, p, alpha=change / cosmology.momentum_growth(at))


def density_grid(snapshot: Snapshot, box: float, cells: int, exact: bool = False) -> Tensor:
    """Return 1 + delta of a snapshot by cloud-in-cell on so many cells a side, shape (boxes, cells, cells, cells)."""
    return paint(snapshot.positions / box, cells, exact)


@torch.no_grad()
def simulate(
    seeds: Sequence[int],
    cosmology: Cosmology,
    settings: Settings,
    cells: int,
    spectrum: PowerSpectrum | None = None,
) -> Tensor:
    """Return the density of independent boxes at the lowest redshift of the settings.

    Parameters
    ----------
    seeds : sequence of int
        One for each box; a box depends on its own seed alone.
    cosmology : Cosmology
    settings : Settings
    cells : int
        Of the density grid, on a side.
    spectrum : PowerSpectrum, optional
        Linear, today; CAMB's by default.

    Returns
    -------
    Tensor, shape (boxes, cells, cells, cells)
        1 + delta, on the device of the settings.

    Raises
    ------
    InputError
        If the spectrum does not cover the modes of the box.
    """
    device = pick_device(settings.device)
    noise = white_noise(seeds, settings.particles).to(device)
    density = gaussian_field(noise, spectrum or linear_power(cosmology), settings.box)
    *_, last = evolve(density, cosmology, settings)
    return density_grid(last, settings.box, cells, settings.deterministic and device.type == "cuda")
