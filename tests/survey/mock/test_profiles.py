"""Seen profiles against GalSim, and against what is known analytically."""

import numpy as np
import pytest
from galsim_images import PIXELS, SCALE, galsim_psf, image, seen

from analysis.survey.mock import profiles
from analysis.survey.mock.profiles import RADII, interpolate, profile_table


@pytest.mark.parametrize("name", ["exp", "deV"])
@pytest.mark.parametrize(("size", "axis_ratio"), [(0.2, 1.0), (0.8, 0.5), (2.0, 0.3)])
def test_tables_agree_with_galsim(name: str, size: float, axis_ratio: float) -> None:
    galaxy, point = seen(name, size, axis_ratio), image(galsim_psf())
    table, where = profile_table(name), (np.array(size), np.array(axis_ratio))
    expected_fraction = (galaxy * point).sum() / (point**2).sum()
    assert interpolate(table.psf_fraction, *where) == pytest.approx(expected_fraction, rel=0.015)
    assert interpolate(table.area, *where) == pytest.approx(SCALE**2 / (galaxy**2).sum(), rel=0.03)

    y, x = (np.indices(galaxy.shape) - PIXELS // 2) * SCALE
    enclosed, stokes = interpolate(table.enclosed, *where), interpolate(table.stokes, *where)
    for radius in (1.0, 2.0, 4.0):
        inside = np.hypot(x, y) < radius
        assert np.interp(radius, RADII, enclosed) == pytest.approx(galaxy[inside].sum(), abs=0.015)
        cos_2phi = (x**2 - y**2) / np.maximum(x**2 + y**2, 1e-12)
        assert np.interp(radius, RADII, stokes) == pytest.approx((galaxy * cos_2phi)[inside].sum(), abs=0.015)


@pytest.mark.parametrize(("name", "size"), [("exp", 2.0), ("deV", 0.5)])
def test_half_of_a_large_galaxy_lies_within_its_effective_radius(name: str, size: float) -> None:
    light = profiles.unit_profile(name)
    enclosed = np.sum(light.flux * -np.expm1(-0.5 / light.variance))
    # truncation removes the outskirts, so slightly more than half of what is left lies inside
    assert 0.5 <= enclosed < 0.54


def test_psf_has_unit_width_and_flux() -> None:
    point = profiles.psf()
    half = np.sum(point.flux / point.variance * np.exp(-0.125 / point.variance)) / np.sum(point.flux / point.variance)
    assert point.flux.sum() == pytest.approx(1)
    assert half == pytest.approx(0.5, abs=1e-4)


def test_all_light_is_enclosed_at_last_and_none_is_negative() -> None:
    for name in ("exp", "deV"):
        enclosed = profile_table(name).enclosed
        assert np.all(np.diff(enclosed, axis=-1) >= -1e-12)
        assert np.allclose(enclosed[: len(profiles.SIZES) // 2, :, -1], 1, atol=1e-3)


@pytest.mark.parametrize("axis_ratio", [0.1, 0.5, 0.9])
def test_stokes_parameter_of_a_resolved_ellipse(axis_ratio: float) -> None:
    """For isophotes of one axis ratio, Q = (1 - b/a) / (1 + b/a) (Stoughton et al. 2002, section 4.4.6.2)."""
    size = np.array(30.0)
    table = profile_table("exp")
    total = interpolate(table.stokes, size, np.array(axis_ratio))[-1]
    assert total == pytest.approx((1 - axis_ratio) / (1 + axis_ratio), abs=0.02)


def test_a_round_source_has_no_direction() -> None:
    assert np.allclose(profile_table("deV").stokes[:, -1], 0, atol=1e-12)


def test_size_is_harder_to_measure_the_less_it_is_resolved() -> None:
    covariance = profile_table("exp").covariance
    relative = np.sqrt(covariance[:, -1, 1, 1]) / profiles.SIZES**2 / np.sqrt(profile_table("exp").area[:, -1])
    assert np.all(np.diff(relative[profiles.SIZES < 2]) < 0)


def test_flux_error_of_a_fit_is_never_below_that_of_a_matched_filter() -> None:
    for name in ("exp", "deV"):
        table = profile_table(name)
        assert np.all(table.covariance[..., 0, 0] >= table.area * (1 - 1e-3))


@pytest.mark.parametrize(("name", "i", "j"), [("exp", 26, 5), ("deV", 26, 8), ("exp", 18, 2)])
def test_covariance_of_a_fit_is_the_inverse_of_galsims_fisher_matrix(name: str, i: int, j: int) -> None:
    size, axis_ratio, step = profiles.SIZES[i], profiles.AXIS_RATIOS[j], 0.02
    galaxy = seen(name, size, axis_ratio)
    sizes = [seen(name, size * np.sqrt(1 + sign * step), axis_ratio) for sign in (1, -1)]
    ratios = [seen(name, size, axis_ratio * (1 + sign * step)) for sign in (1, -1)]
    derivatives = [
        galaxy,
        (sizes[0] - sizes[1]) / (2 * step * size**2),
        (ratios[0] - ratios[1]) / (2 * step * axis_ratio),
    ]
    fisher = np.array([[(a * b).sum() / SCALE**2 for b in derivatives] for a in derivatives])
    expected = np.sqrt(np.diag(np.linalg.inv(fisher)))
    measured = np.sqrt(np.diag(profile_table(name).covariance[i, j]))
    assert measured == pytest.approx(expected, rel=0.08)
