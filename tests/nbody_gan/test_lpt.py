"""Gaussian fields have their spectrum; displacements are those of perturbation theory."""

import math

import numpy as np
import pytest
import torch

from analysis.errors import InputError
from analysis.nbody_gan.cosmology import PowerSpectrum
from analysis.nbody_gan.lpt import gaussian_field, lagrangian_displacements, truncated, white_noise
from analysis.nbody_gan.statistics import power_spectrum, wavenumbers

SPECTRUM = PowerSpectrum(np.array([1e-3, 10.0]), np.array([1e5, 10.0]))  # k^-1
BOX, CELLS = 100.0, 16


def test_a_seed_is_a_box() -> None:
    first, again = white_noise([3, 4], 8), white_noise([4], 8)
    assert torch.equal(first[1], again[0])
    assert not torch.equal(first[0], first[1])


def test_field_has_its_spectrum() -> None:
    fields = gaussian_field(white_noise(range(300), CELLS), SPECTRUM, BOX)
    k = wavenumbers(CELLS, BOX / CELLS)[:6]
    measured = power_spectrum(fields, BOX / CELLS).mean(0)[:6].numpy()
    scatter = np.sqrt(2 / (300 * 4 * np.pi * np.arange(1, 7) ** 2))  # of Gaussian modes, half of which are independent
    assert np.all(np.abs(measured * k / 100 - 1) < 4 * scatter + 0.01)
    assert fields.mean().abs() < 1e-6


def test_fixed_amplitudes_have_no_scatter() -> None:
    power = power_spectrum(gaussian_field(white_noise([1, 2], CELLS), SPECTRUM, BOX, fixed_amplitudes=True), 1.0)
    np.testing.assert_allclose(power[0, :7], power[1, :7], rtol=1e-4)


def test_spectrum_has_to_cover_the_modes() -> None:
    narrow = PowerSpectrum(np.array([0.1, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(InputError, match="the box has modes from"):
        gaussian_field(white_noise([1], CELLS), narrow, BOX)


def test_divergence_of_first_order_is_the_density() -> None:
    x = 2 * math.pi * torch.arange(CELLS) / CELLS
    density = (torch.cos(2 * x)[:, None, None] * torch.sin(x)[None, :, None]).expand(CELLS, CELLS, CELLS)[None]
    psi = lagrangian_displacements(density)[0].reshape(1, CELLS, CELLS, CELLS, 3)
    # delta = cos 2x sin y: phi = -delta / 5, psi = -grad phi, in units of 1 / 2 pi
    expected_x = -2 / 5 * torch.sin(2 * x)[:, None] * torch.sin(x)[None] / (2 * math.pi)
    expected_y = 1 / 5 * torch.cos(2 * x)[:, None] * torch.cos(x)[None] / (2 * math.pi)
    torch.testing.assert_close(psi[0, :, :, 0, 0], expected_x, atol=1e-5, rtol=0)
    torch.testing.assert_close(psi[0, :, :, 0, 1], expected_y, atol=1e-5, rtol=0)
    assert psi[..., 2].abs().max() < 1e-6


def test_second_order_of_crossed_waves() -> None:
    x = 2 * math.pi * torch.arange(CELLS) / CELLS
    density = (torch.cos(x)[:, None, None] + torch.cos(x)[None, :, None]).expand(CELLS, CELLS, CELLS)[None]
    psi = lagrangian_displacements(density)[1].reshape(1, CELLS, CELLS, CELLS, 3)
    # phi_xx phi_yy = cos x cos y = div psi2, thus psi2 = (sin x cos y, cos x sin y, 0) / 2
    expected = torch.sin(x)[:, None] * torch.cos(x)[None] / 2 / (2 * math.pi)
    torch.testing.assert_close(psi[0, :, :, 3, 0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(psi[0, :, :, 3, 1], expected.T, atol=1e-5, rtol=0)


def test_a_plane_wave_has_no_second_order() -> None:
    x = 2 * math.pi * torch.arange(CELLS) / CELLS
    density = torch.cos(x)[:, None, None].expand(1, CELLS, CELLS, CELLS)
    assert lagrangian_displacements(density)[1].abs().max() < 1e-6


def test_truncation_keeps_the_large_modes() -> None:
    x, coarse = torch.arange(32) / 32, torch.arange(16) / 16
    field = torch.cos(2 * math.pi * 3 * x)[:, None, None] * torch.sin(2 * math.pi * 5 * x)[None, None, :]
    fine = (field + torch.cos(2 * math.pi * 12 * x)[None, :, None])[None].expand(1, 32, 32, 32)
    wanted = torch.cos(2 * math.pi * 3 * coarse)[:, None, None] * torch.sin(2 * math.pi * 5 * coarse)
    torch.testing.assert_close(truncated(fine, 16)[0], wanted.expand(16, 16, 16), atol=1e-5, rtol=0)
