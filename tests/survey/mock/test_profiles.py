"""Seen profiles against GalSim, and against what is known analytically."""

import galsim
import numpy as np
import pytest

from analysis.survey.mock import profiles
from analysis.survey.mock.profiles import RADII, interpolate, profile_table

SCALE, PIXELS = 0.05, 1201


def _galsim_psf() -> galsim.GSObject:
    point = profiles.psf()
    parts = [galsim.Gaussian(sigma=np.sqrt(v), flux=f) for f, v in zip(point.flux, point.variance, strict=True)]
    return galsim.Sum(parts)


def _galsim_profile(name: str, size: float, axis_ratio: float) -> galsim.GSObject:
    index, edge = profiles.SERSIC_INDEX[name], profiles.TRUNCATION[name]
    galaxy = galsim.Sersic(index, half_light_radius=1.0, trunc=edge, flux_untruncated=True).withFlux(1.0)
    # GalSim's shear keeps the area; ours is an effective radius along the major axis
    return galaxy.dilate(size * np.sqrt(axis_ratio)).shear(q=axis_ratio, beta=0 * galsim.degrees)


def _image(profile: galsim.GSObject) -> np.ndarray:
    return profile.drawImage(nx=PIXELS, ny=PIXELS, scale=SCALE, method="no_pixel").array.astype(float)


@pytest.mark.parametrize("name", ["exp", "deV"])
@pytest.mark.parametrize(("size", "axis_ratio"), [(0.2, 1.0), (0.8, 0.5), (2.0, 0.3)])
def test_tables_agree_with_galsim(name: str, size: float, axis_ratio: float) -> None:
    image, point = (
        _image(galsim.Convolve(_galsim_profile(name, size, axis_ratio), _galsim_psf())),
        _image(_galsim_psf()),
    )
    table, where = profile_table(name), (np.array(size), np.array(axis_ratio))
    expected_fraction = (image * point).sum() / (point**2).sum()
    assert interpolate(table.psf_fraction, *where) == pytest.approx(expected_fraction, rel=0.015)
    assert interpolate(table.area, *where) == pytest.approx(SCALE**2 / (image**2).sum(), rel=0.03)

    y, x = (np.indices(image.shape) - PIXELS // 2) * SCALE
    enclosed, stokes = interpolate(table.enclosed, *where), interpolate(table.stokes, *where)
    for radius in (1.0, 2.0, 4.0):
        inside = np.hypot(x, y) < radius
        assert np.interp(radius, RADII, enclosed) == pytest.approx(image[inside].sum(), abs=0.015)
        cos_2phi = (x**2 - y**2) / np.maximum(x**2 + y**2, 1e-12)
        assert np.interp(radius, RADII, stokes) == pytest.approx((image * cos_2phi)[inside].sum(), abs=0.015)


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
