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
from analysis.nbody_gan.boxes import run_seed
from analysis.nbody_gan.cosmology import Cosmology, halofit_power, linear_power
from analysis.nbody_gan.density_pdf import density_in_spheres, large_deviation_pdf, log_normal_pdf
from analysis.nbody_gan.lpt import truncated
from analysis.nbody_gan.nbody import Settings, density_grid, evolve, run_settings
from analysis.nbody_gan.spectra import final_spectra, pair_means, paired_fields, shell_means, shells, spectrum_of
from analysis.results import write_result

Array = np.ndarray

CONVERGED, HALOFIT, HALF_STEPS = "converged", "halofit", "half_steps"  # what a spectrum is compared with
PARTS = ("growth", "power", "boxes", "pancake")  # of the settings: those that need runs
COLUMNS = {
    names.GROWTH: ["redshift", "k", "ratio", "ratio_err"],
    names.POWER: ["run", "against", "k", "ratio", "ratio_err"],
    names.DENSITY_PDF: ["density", "measured", "measured_err", "log_normal", "large_deviation"],
}


def check_growth(cosmology: Cosmology, settings: dict[str, Any]) -> pd.DataFrame:
    """Return how far the largest modes have grown, in units of linear theory: an amplitude, by redshift and k."""
    run = _run(settings, redshifts=tuple(settings["redshifts"]))
    spectrum = linear_power(cosmology)
    fields = paired_fields(_seeds(settings), spectrum, run.box, run.particles)
    lines = []
    for snapshot in evolve(fields, cosmology, run):
        growth = cosmology.growth(1 / (1 + snapshot.redshift))
        power = spectrum_of(snapshot, run.box, run.particles)
        ratio, error = pair_means(np.sqrt(power / shell_means(spectrum, run)) / growth)
        lines += [(snapshot.redshift, *line) for line in zip(shells(run), ratio, error, strict=True)]
    table = pd.DataFrame(lines, columns=COLUMNS[names.GROWTH])
    return table[table["k"] < settings["k_max"]]


def check_power(cosmology: Cosmology, settings: dict[str, Any]) -> tuple[pd.DataFrame, Tensor]:
    """Return P(k) today over halofit's and over that of half the step; and the densities, for their PDF."""
    run = _run(settings)
    fields = paired_fields(_seeds(settings), linear_power(cosmology), run.box, run.particles)
    spectra, densities = [], []
    for field in fields.split(1):
        *_, last = evolve(field, cosmology, run)
        spectra.append(spectrum_of(last, run.box, 2 * run.particles)[:, : run.particles // 2])
        densities.append(density_grid(last, run.box, run.particles).cpu())
    power = np.concatenate(spectra)
    few = fields[: 2 * settings["half_step_pairs"]]
    of_half_steps = final_spectra(few, cosmology, replace(run, steps=2 * run.steps))
    expected = shell_means(halofit_power(cosmology, 0.0), run)
    against = {HALOFIT: power / expected, HALF_STEPS: power[: len(few)] / of_half_steps}
    return _power_table("check", shells(run), against), torch.cat(densities)


def check_boxes(cosmology: Cosmology, settings: dict[str, Any], boxes: dict[str, Any]) -> pd.DataFrame:
    """Return P(k) of the network's boxes: over halofit's, over finer runs of the same modes, over half the step.

    The last two hardly depend on the modes, so that few boxes are enough.
    """
    run, spectrum = replace(run_settings(boxes), device=settings["device"]), linear_power(cosmology)
    fine = replace(
        run, particles=2 * run.particles, mesh=4 * run.particles, steps=settings["steps"], cutoff=Settings.cutoff
    )
    fields = paired_fields(_seeds(settings), spectrum, run.box, fine.particles)
    coarse = truncated(fields, run.particles)
    power = final_spectra(coarse, cosmology, run)
    of_fine = final_spectra(fields, cosmology, fine)[:, : power.shape[1]]
    of_half_steps = final_spectra(coarse, cosmology, replace(run, steps=2 * run.steps))
    seeds = [run_seed(settings["seed"], number) for number in range(settings["many_pairs"])]
    of_many = final_spectra(paired_fields(seeds, spectrum, run.box, run.particles), cosmology, run)
    against = {
        HALOFIT: of_many / shell_means(halofit_power(cosmology, boxes["redshift"]), run),
        CONVERGED: power / of_fine,
        HALF_STEPS: power / of_half_steps,
    }
    return _power_table("boxes", shells(run), against)


def _power_table(run: str, k: Array, against: dict[str, Array]) -> pd.DataFrame:
    parts = []
    for name, ratios in against.items():
        ratio, error = pair_means(ratios)
        parts.append(pd.DataFrame({"run": run, "against": name, "k": k, "ratio": ratio, "ratio_err": error}))
    return pd.concat(parts, ignore_index=True)


def check_pancake(cosmology: Cosmology, settings: dict[str, Any]) -> float:
    """Return the rms error of a plane wave's displacements, over their rms, shortly before it collapses, in percent.

    Until then, the displacements of linear theory are exact in one dimension (Zel'dovich 1970).
    """
    run = _run(settings)
    lattice = (torch.arange(run.particles) + 0.5) / run.particles
    amplitude = settings["collapse"] / (2 * math.pi)  # of the displacement, in units of the box; 1 would collapse
    psi = amplitude * torch.sin(2 * math.pi * lattice)
    wave = -settings["collapse"] * torch.cos(2 * math.pi * lattice)  # the density contrast of psi
    density = wave[:, None, None].expand(1, -1, run.particles, run.particles)
    *_, last = evolve(density, cosmology, run)
    start = torch.cartesian_prod(lattice, lattice, lattice)
    moved = torch.remainder(last.positions[0].cpu() / run.box - start + 0.5, 1) - 0.5
    expected = psi.repeat_interleave(run.particles**2)
    error = moved - torch.stack([expected, 0 * expected, 0 * expected], 1)
    return 100 * float(error.square().sum(1).mean().sqrt() / expected.square().mean().sqrt())


def check_momentum(cosmology: Cosmology, settings: dict[str, Any], boxes: dict[str, Any]) -> float:
    """Return the mean velocity of the particles of a box over their rms: rounding, if momentum is conserved."""
    run = replace(run_settings(boxes), device=settings["device"])
    *_, last = evolve(
        paired_fields(_seeds(settings)[:1], linear_power(cosmology), run.box, run.particles), cosmology, run
    )
    velocities = last.velocities.double()
    return float(velocities.mean(1).norm(dim=-1).max() / velocities.square().sum(-1).mean().sqrt())


def density_pdfs(
    densities: Tensor, cosmology: Cosmology, box: float, settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the PDF of the density in spheres beside published ones, and how far the cumulative PDFs are apart."""
    radius, spectrum = settings["radius"], linear_power(cosmology)
    values = density_in_spheres(densities, radius / box).clamp_min(1e-3).flatten(1).numpy()
    variance = float(np.log(values).var())
    mean, reach = float(np.log(values).mean()), 4 * math.sqrt(variance)
    edges = np.exp(np.linspace(mean - reach, mean + reach, settings["bins"] + 1))
    counts = np.stack([np.histogram(box_values, edges)[0] for box_values in values])
    measured, error = pair_means(counts / (values.shape[1] * np.diff(edges)))
    centres = np.sqrt(edges[1:] * edges[:-1])
    models = {
        "log_normal": log_normal_pdf(centres, variance),
        "large_deviation": large_deviation_pdf(centres, variance, spectrum, radius),
    }
    table = pd.DataFrame({"density": centres, "measured": measured, "measured_err": error, **models})
    figures = {"radius": radius, "variance_of_log": variance, "sigma": float(values.std())}
    for name, model in models.items():
        apart = np.cumsum((measured - model) * np.diff(edges))
        figures[f"{name}_largest_difference"] = float(np.abs(apart).max())
    return table, figures


def _seeds(settings: dict[str, Any]) -> list[int]:
    return [run_seed(settings["seed"], number) for number in range(settings["pairs"])]


def _run(settings: dict[str, Any], **others: Any) -> Settings:
    return Settings(**{name: settings[name] for name in ("box", "particles", "mesh", "steps", "device")}, **others)


def largest(table: pd.DataFrame, k_max: float) -> dict[str, float]:
    """Return where a ratio differs most from 1, up to a wavenumber: by how many percent, and at which k."""
    table = table[table["k"] <= k_max]
    k, ratio, error = table[["k", "ratio", "ratio_err"]].to_numpy()[(table["ratio"] - 1).abs().argmax()]
    return {"percent": 100 * float(ratio - 1), "percent_err": 100 * float(error), "k": float(k)}


def summary(
    growth: pd.DataFrame, power: pd.DataFrame, settings: dict[str, Any], boxes: dict[str, Any]
) -> dict[str, Any]:
    """Return the figures that the checks are there for."""

    def of(run: str, against: str) -> pd.DataFrame:
        return power[(power["run"] == run) & (power["against"] == against)]

    quarter = math.pi * settings["power"]["particles"] / settings["power"]["box"] / 4
    nyquist = math.pi * boxes["cells"] / boxes["box"]
    first = growth["k"].min()
    result: dict[str, Any] = {
        "growth": {f"z{z:g}".replace(".", "_"): largest(of_z, first) for z, of_z in growth.groupby("redshift")},
        "power": {name: largest(of("check", name), quarter) for name in (HALOFIT, HALF_STEPS)},
        "boxes": {
            name: {
                "half_nyquist": largest(of("boxes", name), nyquist / 2),
                "nyquist": largest(of("boxes", name), nyquist),
            }
            for name in (HALOFIT, CONVERGED, HALF_STEPS)
        },
    }
    result["power"]["k_quarter"] = quarter
    result["boxes"]["k_nyquist"] = nyquist
    return result


@torch.inference_mode()
def check_nbody(_: argparse.Namespace) -> None:
    """params.yaml -> results/nbody/: metrics and tables."""
    cosmology = Cosmology(**params.load("nbody")["cosmology"])
    settings, boxes = params.load("check_nbody"), params.load("simulate_boxes")
    parts = {name: {"seed": settings["seed"], "device": settings["device"], **settings[name]} for name in PARTS}
    with Progress() as progress:
        bar = progress.add_task("checks of the N-body code", total=5)

        def done(result: Any) -> Any:
            progress.advance(bar)
            return result

        growth = done(check_growth(cosmology, parts["growth"]))
        power, densities = done(check_power(cosmology, parts["power"]))
        power = pd.concat([power, done(check_boxes(cosmology, parts["boxes"], boxes))])
        pdf, of_pdf = done(density_pdfs(densities, cosmology, settings["power"]["box"], settings["density_pdf"]))
        exact = {
            "pancake_percent": check_pancake(cosmology, parts["pancake"]),
            "momentum_per_million": 1e6 * check_momentum(cosmology, parts["boxes"], boxes),
        }
        done(exact)
    metrics = summary(growth, power, settings, boxes) | {"density_pdf": of_pdf} | exact
    metrics["runs"] = {name: settings[name] for name in ("growth", "power")}
    metrics["runs"]["boxes"] = {name: boxes[name] for name in ("box", "particles", "mesh", "cells", "steps", "z_start")}
    metrics["runs"]["boxes"]["fine_steps"] = settings["boxes"]["steps"]
    tables = {names.GROWTH: growth, names.POWER: power, names.DENSITY_PDF: pdf}
    write_result(paths.RESULTS / names.NBODY / paths.METRICS, metrics, tables)
