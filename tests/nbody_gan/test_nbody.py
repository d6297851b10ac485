"""The N-body code against linear theory, exact solutions and its own limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.errors import InputError
from analysis.nbody_gan import check
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum, halofit_power, linear_power
from analysis.nbody_gan.lpt import white_noise
from analysis.nbody_gan.nbody import Settings, density_grid, evolve, simulate
from analysis.nbody_gan.spectra import final_spectra, paired_fields, shell_means, shells, spectrum_of

COSMOLOGY = Cosmology(omega_m=0.276, omega_b=0.045, h=0.7, sigma8=0.811, n_s=0.961)
# close to the linear spectrum between the modes of small boxes, without the seconds that CAMB takes
SPECTRUM = PowerSpectrum(np.array([1e-3, 0.02, 0.2, 50.0]), np.array([8e3, 2.4e4, 2.3e3, 0.005]))
SMALL = Settings(box=80.0, particles=16, mesh=24, steps=6)


def test_large_modes_grow_as_in_linear_theory() -> None:
    run = Settings(box=500.0, particles=32, mesh=32, steps=10, redshifts=(2.0, 0.0))
    fields = paired_fields([1], SPECTRUM, run.box, run.particles)
    for snapshot in evolve(fields, COSMOLOGY, run):
        power = spectrum_of(snapshot, run.box, run.particles)[:, 0].mean() / shell_means(SPECTRUM, run)[0]
        growth = COSMOLOGY.growth(1 / (1 + snapshot.redshift))
        assert math.sqrt(power) / growth == pytest.approx(1, abs=0.01), snapshot.redshift


def test_pancake_is_exact_until_it_collapses() -> None:
    settings = {"box": 100.0, "particles": 32, "mesh": 64, "steps": 10, "device": "cpu"}
    assert check.check_pancake(COSMOLOGY, settings | {"collapse": 0.5}) < 1.0  # percent
    assert check.check_pancake(COSMOLOGY, settings | {"collapse": 1.5}) > 5.0  # shells have crossed


def test_momentum_is_conserved() -> None:
    *_, last = evolve(paired_fields([1], SPECTRUM, SMALL.box, 16), COSMOLOGY, SMALL)
    velocities = last.velocities.double()
    assert velocities.mean(1).abs().max() < 1e-5 * velocities.norm(dim=-1).mean()


def test_velocities_are_those_of_linear_theory() -> None:
    run = Settings(box=500.0, particles=16, mesh=32, steps=10, redshifts=(1.0,))
    phase = 2 * math.pi * torch.arange(16) / 16
    wave = (0.2 * torch.cos(phase)[None, :, None]).expand(1, 16, 16, 16)
    [last] = evolve(wave, COSMOLOGY, run)
    a, step = 0.5, 1e-3
    rate = (math.log(COSMOLOGY.growth(a * (1 + step))) - math.log(COSMOLOGY.growth(a * (1 - step)))) / (2 * step)
    # psi = -0.2 sin / k, and a peculiar velocity is a H f times the displacement
    psi = -0.2 * COSMOLOGY.growth(a) * torch.sin(phase) * run.box / (2 * math.pi)
    expected = 100 * a * float(COSMOLOGY.expansion(a)) * rate * psi
    velocities = last.velocities.reshape(16, 16, 16, 3)
    assert (velocities[3, :, 5, 1] - expected).norm() < 0.03 * expected.norm()
    assert velocities[..., [0, 2]].abs().max() < 1e-3 * expected.abs().max()


def test_a_long_step_follows_linear_growth() -> None:
    # the point of FastPM: even one step from z = 9 to 0 has the growth of large modes right
    run = Settings(box=2000.0, particles=16, mesh=16, steps=2)
    fields = paired_fields([1], SPECTRUM, run.box, run.particles)
    power = final_spectra(fields, COSMOLOGY, run)[:, 0].mean() / shell_means(SPECTRUM, run)[0]
    assert math.sqrt(power) == pytest.approx(1, abs=0.02)


def test_halving_the_step_changes_little() -> None:
    fields = paired_fields([1], SPECTRUM, 200.0, 32)
    run = Settings(box=200.0, particles=32, mesh=64, steps=20)
    ratio = final_spectra(fields, COSMOLOGY, run).mean(0) / final_spectra(
        fields, COSMOLOGY, replace(run, steps=40)
    ).mean(0)
    assert np.abs(ratio[:8] - 1).max() < 0.01  # up to half of the Nyquist frequency of the particles


def test_the_lattice_is_stable_with_a_fine_mesh() -> None:
    # without the smoothing of the force, spurious power grew eightfold from such a start
    fields = paired_fields([1], SPECTRUM, 80.0, 16)
    run = Settings(box=80.0, particles=16, mesh=32, steps=10)
    ratio = final_spectra(fields, COSMOLOGY, replace(run, z_start=19.0)).mean(0) / final_spectra(
        fields, COSMOLOGY, run
    ).mean(0)
    assert np.abs(ratio - 1).max() < 0.06


def test_same_seed_same_box_whatever_the_batch() -> None:
    together = simulate([5, 6, 7], COSMOLOGY, SMALL, 8, SPECTRUM)
    alone = simulate([6], COSMOLOGY, SMALL, 8, SPECTRUM)
    assert torch.equal(together, simulate([5, 6, 7], COSMOLOGY, SMALL, 8, SPECTRUM))
    torch.testing.assert_close(together[1], alone[0], rtol=1e-3, atol=1e-3)
    assert (together[0] - together[1]).abs().max() > 0.5


def test_density_has_the_mass_of_the_box() -> None:
    density = simulate([1, 2], COSMOLOGY, SMALL, 8, SPECTRUM)
    assert density.shape == (2, 8, 8, 8)
    torch.testing.assert_close(density.mean((1, 2, 3)), torch.ones(2))
    assert density.min() >= 0
    assert density.std() > 0.5


def test_snapshots_come_at_their_redshifts_and_do_not_depend_on_each_other() -> None:
    fields = paired_fields([1], SPECTRUM, SMALL.box, 16)
    both = list(evolve(fields, COSMOLOGY, replace(SMALL, redshifts=(1.0, 0.0), steps=18)))
    assert [snapshot.redshift for snapshot in both] == [1.0, 0.0]
    [last] = evolve(fields, COSMOLOGY, replace(SMALL, steps=18))
    coarse = [density_grid(snapshot, SMALL.box, 8) for snapshot in (both[1], last)]
    assert (coarse[0] - coarse[1]).abs().mean() < 0.1  # one step is divided in two
    assert both[0].positions.min() >= 0
    assert both[0].positions.max() <= SMALL.box


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mesh": 33}, "mesh: 33 on a side; expected an even number"),
        ({"particles": 15}, "particles: 15"),
        ({"mesh": 8}, "expected no fewer"),
        ({"box": math.nan}, "box: nan"),
        ({"box": -1.0}, "expected a positive number"),
        ({"steps": 0}, "steps: 0"),
        ({"cutoff": 0.05}, "the box is smaller than the smoothing"),
        ({"cutoff": math.nan}, "smoothing"),
        ({"redshifts": (0.0, 1.0)}, "expected them to fall"),
        ({"redshifts": (20.0,)}, "expected them to fall"),
        ({"redshifts": ()}, "redshifts"),
        ({"redshifts": (math.nan,)}, "expected finite"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(SMALL, **change)


def test_fields_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="three times 16"):
        next(evolve(torch.zeros(1, 8, 8, 8), COSMOLOGY, SMALL))
    with pytest.raises(InputError, match="NaN"):
        next(evolve(torch.full((1, 16, 16, 16), math.nan), COSMOLOGY, SMALL))
    with pytest.raises(InputError, match="the box has modes"):
        simulate([1], COSMOLOGY, SMALL, 8, PowerSpectrum(np.array([0.1, 1.0]), np.array([1.0, 1.0])))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_gives_the_same_box() -> None:
    boxes = [
        simulate([1, 2], COSMOLOGY, replace(SMALL, device=device), 8, SPECTRUM).cpu() for device in ("cpu", "cuda")
    ]
    torch.testing.assert_close(*boxes, rtol=0.02, atol=0.02)


@pytest.mark.long
def test_power_spectrum_is_halofits() -> None:
    run = Settings(box=256.0, particles=128, mesh=256, steps=40)
    fields = paired_fields([3, 4], linear_power(COSMOLOGY), run.box, run.particles)
    with torch.inference_mode():
        power = final_spectra(fields, COSMOLOGY, run).mean(0)
    ratio = power / shell_means(halofit_power(COSMOLOGY, 0.0), run)
    quarter = shells(run) <= math.pi * run.particles / run.box / 4
    # of neighbouring shells: so few boxes leave some percent of sample variance in each
    means = [part.mean() for part in np.array_split(ratio[quarter], 4)]
    assert np.abs(np.array(means) - 1).max() < 0.05


def test_noise_is_white() -> None:
    noise = white_noise([1], 32)
    assert noise.mean().abs() < 0.03
    assert noise.std().item() == pytest.approx(1, abs=0.02)
