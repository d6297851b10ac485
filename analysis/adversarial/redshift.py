"""The redshift network under attack: pushed by a chosen amount, led away from the truth; what its PDFs say."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis import metrics, pdf_metrics
from analysis.adversarial import names
from analysis.adversarial.attacks import fgsm, noise, pgd
from analysis.adversarial.classification import Maker
from analysis.adversarial.images import Images, in_parts, outputs
from analysis.adversarial.models import distance_from, minus_log_density
from analysis.photoz_pdf.kernels import cell_edges
from analysis.shares import percent_with_interval

Array = np.ndarray

ATTACKS = (names.NOISE, names.FGSM, names.PGD, names.PUSHED_FGSM, names.PUSHED_PGD)
_BOOTSTRAPPED = ("sigma68", "outliers_percent", "crps", "pit_outlier_rate", "shift", "width")
COLUMNS = [
    "attack",
    "epsilon",
    *(f"{name}{end}" for name in (*_BOOTSTRAPPED, "reached_percent") for end in ("", "_err")),
]


@dataclass(frozen=True)
class RedshiftTarget:
    """Images of galaxies of known redshift, and how they are attacked.

    Attributes
    ----------
    images : Images (n)
    z_true : ndarray (n,)
        Within the grid.
    maker : callable
        Of the model: `models.redshifts`.
    grid : ndarray (n_grid,)
    settings : dict
        `epsilons`, `headline`, `pgd`, `n_bootstrap`, `seed` as for `classification.Target`; `push`, by which redshifts
        are to change; `near`, from the wanted redshift, which counts as reached.
    """

    images: Images
    z_true: Array
    maker: Maker
    grid: Array
    settings: dict[str, Any]

    def pdfs(self, images: Images) -> Array:
        """Return the PDFs (n, n_grid) of images."""
        return outputs(images, self.maker).double().numpy() / np.diff(cell_edges(self.grid))

    @cached_property
    def clean(self) -> Array:
        """The PDFs (n, n_grid) of the images before any attack."""
        return self.pdfs(self.images)

    @property
    def clean_mean(self) -> Array:
        """The mean (n,) of each of these."""
        return pdf_metrics.mean(self.grid, self.clean)

    @property
    def wanted(self) -> Array:
        """The redshifts (n,) that pushes lead to: the mean of each clean PDF, and the push, within the grid."""
        return (self.clean_mean + self.settings["push"]).clip(self.grid[0], self.grid[-1])

    def attacked(self, attack: str, epsilon: float) -> Images:
        """Return the images as one of `ATTACKS` leaves them; the pushed ones lead to the redshifts `wanted`."""
        grid = torch.tensor(self.grid)
        generator = torch.Generator().manual_seed(self.settings["seed"])
        pushed = attack in (names.PUSHED_FGSM, names.PUSHED_PGD)
        aim = torch.tensor(self.wanted if pushed else self.z_true, dtype=torch.float32)
        loss = distance_from(grid) if pushed else minus_log_density(grid)

        def attack_part(part: Images, rows: slice) -> Tensor:
            if attack == names.NOISE:
                return noise(part.flux, epsilon, part.bounds, generator)
            what = (self.maker(part), part.flux, aim[rows], epsilon, part.bounds, loss, pushed)
            if attack in (names.FGSM, names.PUSHED_FGSM):
                return fgsm(*what)
            return pgd(*what, **self.settings["pgd"], generator=generator)

        return self.images.with_flux(in_parts(self.images, attack_part))


def reached(target: RedshiftTarget, pdfs: Array) -> dict[str, float]:
    """Return `reached_percent`, of PDFs whose mean is near the wanted redshift, with error and exact 95% interval."""
    missed = np.abs(pdf_metrics.mean(target.grid, pdfs) - target.wanted)
    return percent_with_interval("reached_percent", missed <= target.settings["near"])


def measures(target: RedshiftTarget, pdfs: Array) -> dict[str, float]:
    """Return how far PDFs are from the truth, what they say of it, and how near they are to the wanted redshifts.

    Returns
    -------
    dict
        With bootstrap errors: `sigma68` and `outliers_percent` of the mean of the PDFs, `crps`, `pit_outlier_rate`,
        `shift` (median change of the mean), `width` (median standard deviation of the PDFs); and `reached`.
    """
    grid, z_true = target.grid, target.z_true
    point = pdf_metrics.mean(grid, pdfs)
    variance = np.trapezoid(pdfs * (grid - point[:, None]) ** 2, grid, axis=1)
    pits = pdf_metrics.pit(grid, pdfs, z_true)
    columns = (z_true, point, point - target.clean_mean, np.sqrt(variance))
    scores = (pdf_metrics.crps(grid, pdfs, z_true), pdf_metrics.is_pit_outlier(pits).astype(float))

    def all_of_them(z: Array, p: Array, shift: Array, width: Array, crps: Array, out: Array) -> Array:
        numbers = (metrics.sigma68(z, p), metrics.outliers_percent(z, p), crps.mean(), out.mean())
        return np.array([*numbers, np.median(shift), np.median(width)])

    resampling = metrics.resampling(target.settings)
    values = all_of_them(*columns, *scores)
    errors = metrics.bootstrap(all_of_them, *columns, *scores, **resampling).std(axis=0, ddof=1)
    result = reached(target, pdfs)
    for name, value, error in zip(_BOOTSTRAPPED, values, errors, strict=True):
        result |= {name: float(value), f"{name}_err": float(error)}
    return result


def under_attack(target: RedshiftTarget) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Attack the redshift network with every attack and epsilon.

    Returns
    -------
    result : dict
        At the headline epsilon, by attack: `measures`, and the KS distance of the PIT (`clean`: without attack).
    table : pandas.DataFrame
        `measures` against epsilon; 0 is no attack.
    pits : pandas.DataFrame
        PIT of each galaxy, clean and by attack at the headline epsilon.
    """
    settings, merits, lines = target.settings, {"clean": measures(target, target.clean)}, []
    pits = {"clean": pdf_metrics.pit(target.grid, target.clean, target.z_true)}
    for attack in ATTACKS:
        lines.append({"attack": attack, "epsilon": 0.0} | merits["clean"])
        for epsilon in settings["epsilons"]:
            pdfs = target.pdfs(target.attacked(attack, epsilon))
            found = measures(target, pdfs)
            lines.append({"attack": attack, "epsilon": epsilon} | found)
            if epsilon == settings["headline"]:
                merits[attack], pits[attack] = found, pdf_metrics.pit(target.grid, pdfs, target.z_true)
    result: dict[str, Any] = {"n": len(target.z_true)} | {name: settings[name] for name in ("headline", "push", "near")}
    result |= {name: of | {"ks": pdf_metrics.ks_distance(pits[name])} for name, of in merits.items()}
    return result, pd.DataFrame(lines)[COLUMNS], pd.DataFrame(pits)


def control(target: RedshiftTarget) -> dict[str, float]:
    """Return `reached` by random noise of the headline epsilon, and of `n` galaxies: no gradients, so of many."""
    shown = target.attacked(names.NOISE, target.settings["headline"])
    return {"n": len(target.z_true)} | reached(target, target.pdfs(shown))
