"""Control fields have the power that they are to have, and none of the rest; mocks are the linear field's."""

import numpy as np
import pytest
import torch

from analysis.nbody_gan import statistics
from analysis.nbody_gan.controls import (
    GAUSSIAN,
    LOG_NORMAL,
    WHITE_NOISE,
    draw_controls,
    gaussian_field,
    log_normal_field,
    mean_power,
)
from analysis.nbody_gan.cosmology import Cosmology, linear_power
from analysis.nbody_gan.mock import Zeldovich, linear_modes, voxel_map

COSMOLOGY = Cosmology(omega_m=0.276, omega_b=0.045, h=0.7, sigma8=0.811, n_s=0.961)
N, SIDE = 16, 80.0


def log_normal_boxes(number: int) -> torch.Tensor:
    power = 0.3 * linear_modes(COSMOLOGY, SIDE, N, 0.0)
    return log_normal_field(power, number, torch.Generator().manual_seed(1))


def test_controls_have_the_power_of_the_boxes() -> None:
    boxes = log_normal_boxes(400)
    wanted = statistics.power_spectrum(boxes, 5.0).mean(0)
    controls = draw_controls(boxes, 400, seed=2)
    for name in (GAUSSIAN, LOG_NORMAL):
        ratio = statistics.power_spectrum(controls[name], 5.0).mean(0) / wanted
        assert ratio.numpy() == pytest.approx(1, abs=0.12), name
    flat = statistics.power_spectrum(controls[WHITE_NOISE], 5.0).mean(0)
    assert (flat / flat.mean()).numpy() == pytest.approx(1, abs=0.1)
    assert float(controls[WHITE_NOISE].var()) == pytest.approx(float(boxes.var()), rel=0.1)


def test_what_is_log_normal_and_what_is_gaussian() -> None:
    controls = draw_controls(log_normal_boxes(100), 100, seed=2)
    skewness = {name: float(statistics.moments(boxes)[:, 1].mean()) for name, boxes in controls.items()}
    assert skewness[GAUSSIAN] == pytest.approx(0, abs=0.1)
    assert skewness[LOG_NORMAL] > 1
    assert (controls[LOG_NORMAL] > 0).all()
    assert controls[LOG_NORMAL].mean(dim=(1, 2, 3)).numpy() == pytest.approx(1, abs=1e-5)


def test_mean_power_is_that_of_the_field() -> None:
    power = linear_modes(COSMOLOGY, SIDE, N, 0.0)
    found = mean_power(1 + 0.1 * gaussian_field(power, 500, torch.Generator().manual_seed(3))) / 0.01
    assert found[1, 0, 0] == pytest.approx(float(power[1, 0, 0]), rel=0.15)
    assert found[0, 0, 0] == pytest.approx(0, abs=1e-3)


def test_linear_modes_are_the_linear_spectrum_and_grow() -> None:
    power = linear_modes(COSMOLOGY, SIDE, N, 0.0)
    expected = linear_power(COSMOLOGY)(np.array([2 * np.pi / SIDE]))[0] / 125
    assert float(power[0, 0, 1]) == pytest.approx(expected, rel=1e-4)
    growth = float(COSMOLOGY.growth(0.5)) ** 2
    assert linear_modes(COSMOLOGY, SIDE, N, 1.0)[0, 1, 0] == pytest.approx(growth * expected, rel=1e-4)


def test_small_displacements_make_the_linear_density() -> None:
    """A weak field of long waves moves particles so that their density is the linear one, but for the window."""
    power = torch.zeros(N, N, N)
    power[1, 0, 0] = power[-1, 0, 0] = 5.0
    noise = torch.randn(20, N, N, N, generator=torch.Generator().manual_seed(4))
    logarithm, linear = Zeldovich(power)(noise).unbind(1)
    contrast = logarithm.exp() - 0.1 - 1
    slope = float((contrast * linear).sum() / linear.square().sum())
    assert slope == pytest.approx(1, abs=0.1)
    assert np.corrcoef(contrast.flatten(), linear.flatten())[0, 1] > 0.9


def test_the_map_gives_a_field_the_distribution_of_the_boxes() -> None:
    generator = np.random.default_rng(5)
    field = torch.from_numpy(generator.normal(size=200_000)).float()
    density = torch.from_numpy(generator.lognormal(0.3, 0.8, 200_000)).float()
    values, image = voxel_map(field, density, 65)
    mapped = np.interp(generator.normal(size=100_000), values, image)
    assert np.percentile(mapped, [5, 50, 95]) == pytest.approx(0.3 + 0.8 * np.array([-1.645, 0, 1.645]), abs=0.06)
    assert (np.diff(image) > 0).all()
