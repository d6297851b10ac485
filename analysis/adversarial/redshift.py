"""The redshift network under attack: pushed by a chosen amount, led away from the truth; what its PDFs say."""

from dataclasses import dataclass
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
from analysis.adversarial.models import distance_from, mean_redshift, minus_log_density
from analysis.photoz_pdf.kernels import cell_edges

Array = np.ndarray

ATTACKS = (names.NOISE, names.FGSM, names.PGD, names.PUSHED_FGSM, names.PUSHED_PGD)
_CURVE = ("sigma68", "outliers_percent", "crps", "pit_outlier_rate", "shift", "reached_percent", "width")
COLUMNS = ["attack", "epsilon", *(f"{name}{end}" for name in _CURVE for end in ("", "_err"))]


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

    def attacked(self, attack: str, epsilon: float, wanted: Array) -> Images:
        """Return the images as one of `ATTACKS` leaves them; the pushed ones lead to the redshifts `wanted` (n,)."""
        grid = torch.tensor(self.grid)
        generator = torch.Generator().manual_seed(self.settings["seed"])
        pushed = attack in (names.PUSHED_FGSM, names.PUSHED_PGD)
        aim = torch.tensor(wanted if pushed else self.z_true, dtype=torch.float32)
        loss = distance_from(grid) if pushed else minus_log_density(grid)

        def attack_part(part: Images, rows: slice) -> Tensor:
            if attack == names.NOISE:
                return noise(part.flux, epsilon, part.bounds, generator)
            what = (self.maker(part), part.flux, aim[rows], epsilon, part.bounds, loss, pushed)
            if attack in (names.FGSM, names.PUSHED_FGSM):
                return fgsm(*what)
            return pgd(*what, **self.settings["pgd"], generator=generator)

        return self.images.with_flux(in_parts(self.images, attack_part))

    def wanted(self) -> Array:
        """Return the redshifts (n,) that pushes lead to: the mean of each clean PDF, and the push."""
        clean = outputs(self.images, self.maker)
        moved = mean_redshift(clean, torch.tensor(self.grid)).double().numpy() + self.settings["push"]
        return moved.clip(self.grid[0], self.grid[-1])


def measures(target: RedshiftTarget, pdfs: Array, wanted: Array) -> dict[str, float]:
    """Return how far PDFs are from the truth, what they say of it, and how near they are to the wanted redshifts.

    Returns
    -------
    dict
        With bootstrap errors: `sigma68` and `outliers_percent` of the mean of the PDFs, `crps`, `pit_outlier_rate`,
        `shift` (median change of the mean), `reached_percent` (within `near` of the wanted redshift), `width` (median
        standard deviation of the PDFs).
    """
    grid, z_true = target.grid, target.z_true
    point = pdf_metrics.mean(grid, pdfs)
    variance = np.trapezoid(pdfs * (grid - point[:, None]) ** 2, grid, axis=1)
    pits = pdf_metrics.pit(grid, pdfs, z_true)
    columns = (z_true, point, point - wanted + target.settings["push"], point - wanted, np.sqrt(variance))
    scores = (pdf_metrics.crps(grid, pdfs, z_true), pdf_metrics.is_pit_outlier(pits).astype(float))

    def all_of_them(z: Array, p: Array, shift: Array, missed: Array, width: Array, crps: Array, out: Array) -> Array:
        reached = 100 * np.mean(np.abs(missed) <= target.settings["near"])
        numbers = (metrics.sigma68(z, p), metrics.outliers_percent(z, p), crps.mean(), out.mean())
        return np.array([*numbers, np.median(shift), reached, np.median(width)])

    resampling = {"n": target.settings["n_bootstrap"], "seed": target.settings["seed"]}
    values = all_of_them(*columns, *scores)
    errors = metrics.bootstrap(all_of_them, *columns, *scores, **resampling).std(axis=0, ddof=1)
    result: dict[str, float] = {}
    for name, value, error in zip(_CURVE, values, errors, strict=True):
        result |= {name: float(value), f"{name}_err": float(error)}
    return result


def under_attack(target: RedshiftTarget) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Attack the redshift network with every attack and epsilon.

    Returns
    -------
    result : dict
        At the headline epsilon, by attack: `measures`, and the figures of merit of the PDFs (`clean`: without attack);
        `reached_percent` of pushes with 95% interval.
    table : pandas.DataFrame
        `measures` against epsilon; 0 is no attack.
    pits : pandas.DataFrame
        PIT of each galaxy, clean and by attack at the headline epsilon.
    """
    settings, wanted = target.settings, target.wanted()
    resampling = {"n": settings["n_bootstrap"], "seed": settings["seed"]}
    clean = target.pdfs(target.images)
    lines, at_headline = [], {"clean": clean}
    for attack in ATTACKS:
        lines.append({"attack": attack, "epsilon": 0.0} | measures(target, clean, wanted))
        for epsilon in settings["epsilons"]:
            pdfs = target.pdfs(target.attacked(attack, epsilon, wanted))
            lines.append({"attack": attack, "epsilon": epsilon} | measures(target, pdfs, wanted))
            if epsilon == settings["headline"]:
                at_headline[attack] = pdfs
    result: dict[str, Any] = {"n": len(wanted)} | {name: settings[name] for name in ("headline", "push", "near")}
    for name, pdfs in at_headline.items():
        near = np.abs(pdf_metrics.mean(target.grid, pdfs) - wanted) <= settings["near"]
        result[name] = measures(target, pdfs, wanted)
        result[name] |= metrics.with_interval("reached_percent", _percent, near, **resampling)
        result[name] |= {"ks": pdf_metrics.ks_distance(pdf_metrics.pit(target.grid, pdfs, target.z_true))}
    pits = {name: pdf_metrics.pit(target.grid, pdfs, target.z_true) for name, pdfs in at_headline.items()}
    return result, pd.DataFrame(lines)[COLUMNS], pd.DataFrame(pits)


def _percent(yes: Array) -> float:
    return float(100 * np.mean(yes))
