"""Power spectra of N-body runs whose initial conditions leave little to chance: what checks are made of."""

import math

import numpy as np
import torch
from torch import Tensor

from analysis.errors import InputError
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum
from analysis.nbody_gan.lpt import gaussian_field, white_noise
from analysis.nbody_gan.mesh import deconvolved
from analysis.nbody_gan.nbody import Settings, Snapshot, density_grid, evolve
from analysis.nbody_gan.statistics import power_spectrum, wavenumbers

Array = np.ndarray


def paired_fields(seeds: list[int], spectrum: PowerSpectrum, box: float, cells: int) -> Tensor:
    """Return linear fields of fixed amplitudes, each followed by its negative: their mean has little sample variance.

    (Angulo & Pontzen 2016.) Shape (2 * seeds, cells, cells, cells).
    """
    field = gaussian_field(white_noise(seeds, cells), spectrum, box, fixed_amplitudes=True)
    return torch.stack([field, -field], 1).flatten(0, 1)


def spectrum_of(snapshot: Snapshot, box: float, cells: int) -> Array:
    """Return P(k) of particles in shells of the fundamental mode, (boxes, cells / 2); the window is divided out."""
    density = deconvolved(density_grid(snapshot, box, cells))
    return power_spectrum(density, box / cells).cpu().numpy()


def final_spectra(fields: Tensor, cosmology: Cosmology, settings: Settings) -> Array:
    """Return P(k) on twice as many cells as particles at the last redshift, one box after the other."""
    spectra = []
    for field in fields.split(1):
        *_, last = evolve(field, cosmology, settings)
        spectra.append(spectrum_of(last, settings.box, 2 * settings.particles))
    return np.concatenate(spectra)[:, : settings.particles // 2]


def shells(settings: Settings) -> Array:
    """Return the wavenumbers of these spectra in h/Mpc."""
    return wavenumbers(settings.particles, settings.box / settings.particles)


def shell_means(spectrum: PowerSpectrum, settings: Settings) -> Array:
    """Return a spectrum averaged over the modes of the same shells."""
    field = paired_fields([0], spectrum, settings.box, settings.particles)[:1]
    return power_spectrum(field, settings.box / settings.particles)[0].numpy()


def pair_means(values: Array) -> tuple[Array, Array]:
    """Return the mean over boxes (2 * pairs, n), and its standard error by the scatter of pairs.

    Raises
    ------
    InputError
        If there is one pair only.
    """
    pairs = values.reshape(-1, 2, values.shape[-1]).mean(1)
    if len(pairs) < 2:
        raise InputError("check_nbody: one pair of boxes; expected two or more, whose scatter gives the error")
    return pairs.mean(0), pairs.std(0, ddof=1) / math.sqrt(len(pairs))
