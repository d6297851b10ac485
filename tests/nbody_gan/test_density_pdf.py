"""Published density PDFs are densities of the right moments; spheres are measured as spheres."""

import math

import numpy as np
import pytest
import torch

from analysis.nbody_gan.cosmology import PowerSpectrum
from analysis.nbody_gan.density_pdf import (
    density_in_spheres,
    large_deviation_pdf,
    linear_variance,
    log_normal_pdf,
)

POWER_LAW = PowerSpectrum(np.geomspace(1e-4, 1e3, 4000), np.geomspace(1e-4, 1e3, 4000) ** -1.5 * 100)
DENSITY = np.geomspace(0.02, 40, 4001)


@pytest.mark.parametrize("variance", [0.05, 0.3])
def test_pdfs_have_norm_and_mean_one(variance: float) -> None:
    for pdf in (log_normal_pdf(DENSITY, variance), large_deviation_pdf(DENSITY, variance, POWER_LAW, 10.0)):
        assert np.trapezoid(pdf, DENSITY) == pytest.approx(1, abs=0.01)
        assert np.trapezoid(pdf * DENSITY, DENSITY) == pytest.approx(1, abs=0.01)


def test_variance_of_a_power_law() -> None:
    # P ~ k^n: the variance in spheres falls as R^-(3 + n)
    variances = linear_variance(POWER_LAW, np.array([5.0, 10.0]))
    assert variances[0] / variances[1] == pytest.approx(2**1.5, rel=0.01)


def test_skewness_is_that_of_perturbation_theory() -> None:
    # S3 = 34/7 - (n + 3) for spheres (Bernardeau 1994), here of a small variance
    variance = 0.003
    density = np.linspace(0.5, 2, 20001)
    pdf = large_deviation_pdf(density, variance, POWER_LAW, 10.0)
    contrast = density - np.trapezoid(pdf * density, density)
    second, third = (np.trapezoid(pdf * contrast**power, density) for power in (2, 3))
    assert third / second**2 == pytest.approx(34 / 7 - 1.5, rel=0.05)


def test_a_point_spreads_over_its_sphere() -> None:
    density = torch.zeros(1, 64, 64, 64)
    density[0, 32, 32, 32] = 64**3
    spheres = density_in_spheres(density, 0.2)[0]
    inside = 1 / (4 / 3 * math.pi * 0.2**3)
    assert spheres[32, 32, 32 + 6].item() == pytest.approx(inside, rel=0.1)
    assert abs(spheres[32, 32, 32 + 20].item()) < 0.1 * inside
    assert spheres.mean().item() == pytest.approx(1, rel=1e-3)
