"""The N-body code held against what is known: linear theory, halofit, density PDFs, exact solutions, its own limits."""

import argparse
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.progress import Progress
from torch import Tensor

from analysis import params, paths
from analysis.nbody_gan import names
from analysis.nbody_gan.boxes import run_seed, run_settings
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum, halofit_power, linear_power
from analysis.nbody_gan.density_pdf import density_in_spheres, large_deviation_pdf, log_normal_pdf
from analysis.nbody_gan.lpt import gaussian_field, truncated, white_noise
from analysis.nbody_gan.mesh import deconvolved
from analysis.nbody_gan.nbody import Settings, Snapshot, density_grid, evolve
from analysis.nbody_gan.statistics import power_spectrum, wavenumbers
from analysis.results import write_result

Array = np.ndarray

CONVERGED, HALOFIT, HALF_STEPS = "converged", "halofit", "half_steps"  # what a spectrum is compared with
COLUMNS = {
    names.GROWTH: ["redshift", "k", "ratio", "ratio_err"],
    names.POWER: ["run", "against", "k", "ratio", "ratio_err"],
    names.DENSITY_PDF: ["density", "measured", "measured_err", "log_normal", "large_deviation"],
}


def paired_fields(seeds: list[int], spectrum: PowerSpectrum, box: float, cells: int) -> Tensor:
    """Return linear fields of fixed amplitudes, each followed by its negative: their mean has little sample variance.

    (Angulo & Pontzen 2016.) Shape (2 * seeds, cells, cells, cells).
    """
    field = gaussian_field(white_noise(seeds, cells), spectrum, box, fixed_amplitudes=True)
    return torch.stack([field, -field], 1).flatten(0, 1)


def spectrum_of(snapshot: Snapshot, box: float, cells: int) -> Array:
    """Return P(k) of particles without the shape of the clouds, in shells of the fundamental mode, (boxes, cells / 2)."""
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
    """Return the mean over boxes (2 * pairs, n), and its standard error by the scatter of pairs."""
    pairs = values.reshape(-1, 2, values.shape[-1]).mean(1)
    return pairs.mean(0), pairs.std(0, ddof=1) / math.sqrt(len(pairs))


def check_growth(cosmology: Cosmology, settings: dict[str, Any]) -> pd.DataFrame:
    """Return how far the largest modes have grown, in units of linear theory: an amplitude, by redshift and k."""
    run = Settings(
        **{name: settings[name] for name in ("box", "particles", "mesh", "steps", "device")}, redshifts=(2, 1, 0)
    )
    fields = paired_fields(_seeds(settings), linear_power(cosmology), run.box, run.particles)
    expected = shell_means(linear_power(cosmology), run)
    lines = []
    for snapshot in evolve(fields, cosmology, run):
        growth = cosmology.growth(1 / (1 + snapshot.redshift))
        power = spectrum_of(snapshot, run.box, run.particles)
        ratio, error = pair_means(np.sqrt(power / expected) / growth)
        lines += [(snapshot.redshift, *line) for line in zip(shells(run), ratio, error, strict=True)]
    table = pd.DataFrame(lines, columns=COLUMNS[names.GROWTH])
    return table[table["k"] < settings["k_max"]]


def check_power(cosmology: Cosmology, settings: dict[str, Any]) -> tuple[pd.DataFrame, Tensor]:
    """Return P(k) today over halofit's, and over the same of half as many steps; and the densities, for their PDF."""
    run = Settings(**{name: settings[name] for name in ("box", "particles", "mesh", "steps", "device")})
    fields = paired_fields(_seeds(settings), linear_power(cosmology), run.box, run.particles)
    expected = shell_means(halofit_power(cosmology, 0.0), run)
    spectra, densities = [], []
    for field in fields.split(1):
        *_, last = evolve(field, cosmology, run)
        spectra.append(spectrum_of(last, run.box, 2 * run.particles)[:, : run.particles // 2])
        densities.append(density_grid(last, run.box, run.particles).cpu())
    power = np.concatenate(spectra)
    half = final_spectra(fields[:2], cosmology, replace(run, steps=run.steps // 2))
    against = {HALOFIT: pair_means(power / expected), HALF_STEPS: pair_means(power[:2] / half)}
    return _power_table("check", against, run), torch.cat(densities)


def check_boxes(cosmology: Cosmology, settings: dict[str, Any], boxes: dict[str, Any]) -> pd.DataFrame:
    """Return P(k) of boxes as the network gets them, over halofit's, over finer runs of the same modes, over longer steps."""
    run = replace(run_settings(boxes), redshifts=(boxes["redshift"],), device=settings["device"])
    fine = replace(run, particles=2 * run.particles, mesh=4 * run.particles, steps=settings["steps"], cutoff=0.8)
    fields = paired_fields(_seeds(settings), linear_power(cosmology), run.box, fine.particles)
    coarse = truncated(fields, run.particles)
    power = final_spectra(coarse, cosmology, run)
    many = paired_fields(
        [run_seed(settings["seed"], 1000 + i) for i in range(settings["many"])],
        linear_power(cosmology),
        run.box,
        run.particles,
    )
    of_many = final_spectra(many, cosmology, run)
    finer = final_spectra(fields, cosmology, fine)[:, : power.shape[1]]
    half = final_spectra(coarse, cosmology, replace(run, steps=2 * run.steps))
    expected = shell_means(halofit_power(cosmology, boxes["redshift"]), run)
    against = {
        HALOFIT: pair_means(of_many / expected),
        CONVERGED: pair_means(power / finer),
        HALF_STEPS: pair_means(half / power),
    }
    return _power_table("boxes", against, run)
