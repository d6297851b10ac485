"""What the measured columns mean, tested on objects whose truth is simple."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.survey.mock import fields, fits, photometry, profiles
from analysis.survey.mock.populations import BULGE_TO_TOTAL, MAGNITUDES
from analysis.survey.schema import BANDS

NUMBER = 4_000


def _placed(magnitude: float, seeing: float = 1.3, **structure: float) -> pd.DataFrame:
    """Identical objects of one magnitude in all bands under one sky, without extinction."""
    one = dict.fromkeys(MAGNITUDES, magnitude) | dict.fromkeys(fields.SEEING, seeing)
    one |= dict.fromkeys(fields.SKY_NOISE, 0.06) | dict.fromkeys(fields.ZEROPOINT + fields.EXTINCTION, 0.0)
    if structure:
        one |= dict.fromkeys(BULGE_TO_TOTAL, structure.pop("bulge", 0.0))
        one |= {"bulge_radius": 1.0, "bulge_axis_ratio": 0.8, "disc_axis_ratio": 0.5, "position_angle": 0.0}
    return pd.DataFrame([one | structure] * NUMBER)


def _observe(placed: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    return photometry.observe(np.random.default_rng(seed), placed)


def _galaxy(seeing: float = 1.3, magnitude: float = 16.0, **structure: float) -> pd.DataFrame:
    return _observe(_placed(magnitude, seeing, disc_radius=2.5, **structure))


@pytest.mark.parametrize("magnitude", [18.0, 20.5, 22.0])
def test_stars_have_unbiased_magnitudes_with_honest_errors(magnitude: float) -> None:
    stars = _observe(_placed(magnitude))
    # the PSF model's error is no part of the quoted one; twice the Petrosian radius misses the PSF's wings
    for name, error, floor, missed in (("psfMag", "psfMagErr", 0.010, 0.0), ("petroMag", "petroMagErr", 0.0, 0.015)):
        sigma = np.hypot(stars[f"{error}_r"], floor)
        pull = (stars[f"{name}_r"] - magnitude) / sigma
        assert -0.35 < pull.median() < 0.35 + missed / sigma.median(), name
        assert 0.8 < (pull.quantile(0.84) - pull.quantile(0.16)) / 2 < 1.35, name
    for name, error in (("dered", "deredErr"), ("cModelMag", "cModelMagErr")):
        # a radius cannot be negative, so fits to point sources find slightly too much light
        bias = (stars[f"{name}_r"] - magnitude).median()
        assert -0.01 - 0.8 * stars[f"{error}_r"].median() < bias < 0.005, name


def test_bright_asinh_magnitudes_are_ordinary_ones_and_empty_sky_has_a_finite_one() -> None:
    columns: dict[str, np.ndarray] = {}
    flux = np.array([[1e4] * 5, [0.0] * 5])
    photometry._put_magnitude(columns, "psfMag", flux, np.ones_like(flux))
    for band, zero_flux in zip(BANDS, (24.63, 25.11, 24.80, 24.36, 22.83), strict=True):  # SDSS's own table
        assert columns[f"psfMag_{band}"][0] == pytest.approx(12.5, abs=1e-4)
        assert columns[f"psfMag_{band}"][1] == pytest.approx(zero_flux, abs=0.01)


def test_concentration_separates_galaxies_from_stars() -> None:
    star, galaxy = _observe(_placed(18.0)), _galaxy(magnitude=18.0)
    assert ((star["psfMag_r"] - star["cModelMag_r"]).abs() < 0.145).mean() > 0.99
    assert ((galaxy["psfMag_r"] - galaxy["cModelMag_r"]) > 0.145).all()


def test_seeing_enters_what_is_measured_on_the_seen_profile_and_not_the_fits() -> None:
    sharp, blurred = _galaxy(seeing=1.0), _galaxy(seeing=2.0)
    assert blurred["petroRad_r"].median() > sharp["petroRad_r"].median() * 1.03
    assert blurred["q_r"].median() < sharp["q_r"].median() * 0.95
    assert blurred["psfMag_r"].median() < sharp["psfMag_r"].median() - 0.3  # a wider PSF catches more of a galaxy
    assert blurred["expRad_r"].median() == pytest.approx(sharp["expRad_r"].median(), rel=0.03)
    assert blurred["dered_r"].median() == pytest.approx(sharp["dered_r"].median(), abs=0.02)
    assert blurred["fiberMag_r"].median() == pytest.approx(sharp["fiberMag_r"].median(), abs=1e-3)


def test_a_pure_disc_is_recovered() -> None:
    disc = _galaxy()
    assert disc["expRad_r"].median() == pytest.approx(2.5, rel=0.05)
    assert disc["expAB_r"].median() == pytest.approx(0.5, abs=0.02)
    assert disc["fracDeV_r"].median() < 0.1
    for name in ("dered_r", "cModelMag_r"):
        assert disc[name].median() == pytest.approx(16.0, abs=0.03)


def test_petrosian_quantities_of_an_exponential_disc() -> None:
    """For a round exponential disc of scale length h, eta(r) = 0.2 near r = 3.6 h (Graham & Driver 2005, figure 4)."""
    disc = _observe(_placed(15.0, seeing=0.3, disc_radius=2.5, disc_axis_ratio=1.0))
    scale_length = 2.5 / 1.678
    assert disc["petroRad_r"].median() / scale_length == pytest.approx(3.6, abs=0.25)
    assert disc["petroMag_r"].median() == pytest.approx(15.0, abs=0.02)  # an aperture of 7 h holds 99%
    assert disc["petroR50_r"].median() == pytest.approx(2.5, rel=0.03)


def test_petrosian_magnitude_misses_light_of_a_bulge() -> None:
    """Graham et al. (2005): about 0.2 mag for de Vaucouleurs profiles, less when truncated as SDSS's are."""
    bulge = _observe(_placed(15.0, disc_radius=2.5, bulge=0.999, bulge_radius=2.5, bulge_axis_ratio=1.0))
    assert 15.05 < bulge["petroMag_r"].median() < 15.25


def test_stokes_parameters_turn_with_the_galaxy() -> None:
    along, across, diagonal = (_galaxy(position_angle=angle) for angle in (0.0, np.pi / 2, np.pi / 4))
    assert along["q_r"].median() == pytest.approx(-across["q_r"].median(), abs=0.01)
    assert along["q_r"].median() > 0.2
    assert abs(diagonal["q_r"].median()) < 0.01
    assert diagonal["u_r"].median() == pytest.approx(along["q_r"].median(), abs=0.01)


def test_extinction_dims_magnitudes_and_is_taken_off_again() -> None:
    placed = _placed(17.0)
    placed[fields.EXTINCTION] = [0.5, 0.4, 0.3, 0.2, 0.1]
    stars = _observe(placed)
    for band, extinction in zip(BANDS, (0.5, 0.4, 0.3, 0.2, 0.1), strict=True):
        assert stars[f"psfMag_{band}"].median() == pytest.approx(17.0 + extinction, abs=0.01)
        assert stars[f"dered_{band}"].median() == pytest.approx(17.0, abs=0.01)


def test_noise_grows_toward_faint_magnitudes_and_stays_finite() -> None:
    faint = _galaxy(magnitude=23.5)
    magnitudes = [
        f"{name}_{band}" for name in ("dered", "psfMag", "fiberMag", "cModelMag", "petroMag") for band in BANDS
    ]
    assert np.isfinite(faint[magnitudes].to_numpy()).all()
    assert faint["expRad_r"].std() > _galaxy(magnitude=18.0)["expRad_r"].std() * 5
    assert faint["expAB_r"].dropna().between(0, 1).all()
    assert faint["fracDeV_r"].dropna().between(0, 1).all()
    assert faint["q_r"].dropna().between(-1, 1).all()


def test_composite_magnitudes_are_fitted_band_by_band_and_model_magnitudes_with_one_radius() -> None:
    faint = _galaxy(magnitude=19.5)
    assert abs(np.corrcoef(faint["cModelMag_r"], faint["cModelMag_i"])[0, 1]) < 0.06
    assert np.corrcoef(faint["dered_r"], faint["dered_i"])[0, 1] > 0.2


def test_errors_weigh_the_profile_that_was_fitted() -> None:
    """A galaxy that is a disc in r and a bulge in u: modelMag fits u with the disc, cModelMag with the bulge."""
    shape = {"disc_radius": 2.5, "bulge_axis_ratio": 0.5, "bulge_radius": 5.0}
    mixed, disc, bulge = (_placed(20.0, bulge=share, **shape) for share in (0.0, 0.0, 1.0))
    mixed["bulge_to_total_u"] = 1.0
    mixed, disc, bulge = (_observe(placed) for placed in (mixed, disc, bulge))

    def error_of_flux(table: pd.DataFrame, name: str) -> float:
        stem = name.removesuffix("Mag")
        error = table["deredErr_u"] if name == "dered" else table[f"{stem}MagErr_u"]
        return float((error * 10 ** (-0.4 * (table[f"{name}_u"] - 20.0))).median())

    assert error_of_flux(bulge, "cModelMag") > 1.2 * error_of_flux(disc, "cModelMag")
    assert error_of_flux(mixed, "cModelMag") == pytest.approx(error_of_flux(bulge, "cModelMag"), rel=0.03)
    assert error_of_flux(mixed, "dered") == pytest.approx(error_of_flux(disc, "dered"), rel=0.06)  # photons differ


def test_the_shape_of_a_disc_without_light_does_not_matter() -> None:
    errors = [
        _galaxy(magnitude=19.0, bulge=0.999, disc_axis_ratio=axis_ratio)["deredErr_r"].median()
        for axis_ratio in (0.2, 1.0)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.01)


@pytest.mark.parametrize(("preference", "distance"), [(-2e-3, 2e-3), (1e-3, 5e-3), (0.0, 1e-2)])
def test_the_likelier_profile_wins_as_often_as_white_noise_lets_it(preference: float, distance: float) -> None:
    """Noise in the difference of chi^2 is twice the projection of the noise on the difference of the two fits."""
    number, signal, rng = 20_000, 30.0, np.random.default_rng(3)
    exp, deV = np.zeros((2, 3))
    exp[:2] = signal * np.sqrt(distance) / 2 * np.array([1, 0])
    deV[:2] = -exp[:2]
    galaxy = np.array([-signal * preference / (2 * np.sqrt(distance)), 0.5, 0.0])  # chi^2 differ by preference S^2
    pixels = galaxy + rng.normal(size=(number, 3))
    expected = (((pixels - exp) ** 2).sum(axis=1) > ((pixels - deV) ** 2).sum(axis=1)).mean()
    same = np.ones(number)
    chosen = photometry.prefers_deV(rng, preference * same, distance * same, signal * same)
    assert chosen.mean() == pytest.approx(expected, abs=0.02)
    assert expected == pytest.approx(norm.cdf(preference * signal / (2 * np.sqrt(distance))), abs=0.02)


@pytest.mark.parametrize("signal", [3.0, 100.0, 3000.0])
def test_point_sources_toss_a_coin_for_their_profile(signal: float) -> None:
    number = 10_000
    point = fits.fitted(np.zeros(number), np.ones(number), np.full(number, 1e-3), np.ones(number))
    same = np.full(number, signal)
    chosen = photometry.prefers_deV(np.random.default_rng(5), point["preference"], point["distance"], same)
    assert chosen.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("size", "signal"), [(0.01, 1000.0), (1.5, 3.0), (1.5, 12.0), (1.5, 300.0)])
def test_axis_ratios_scatter_by_noise_and_no_more_than_a_prior_allows(size: float, signal: float) -> None:
    sizes, ratios = np.full(20_000, size), np.full(20_000, 0.5)
    table = profiles.profile_table("exp")
    area, variance = (profiles.interpolate(t, np.array(size), np.array(0.5)) for t in (table.area, table.covariance))
    same = np.ones_like(sizes)
    _, noisy, _ = photometry._noisy_shape(np.random.default_rng(2), "exp", sizes, ratios, signal * same, area * same)
    expected = 1 / np.sqrt(signal**2 * area / variance[2, 2] + 1 / 0.5**2)
    below = norm.cdf(-0.5) + norm.sf(0.5 + 1 / expected)  # the second beyond round: the other axis is the longer one
    assert (noisy < 0.5 - 0.5 * expected).mean() == pytest.approx(below, abs=0.015)


def test_axis_ratios_of_bright_stars_are_meaningless_and_those_of_bright_galaxies_precise() -> None:
    assert _observe(_placed(16.0))["expAB_r"].std() > 0.2
    assert _galaxy(magnitude=16.0)["expAB_r"].std() < 0.02


def test_magnitudes_that_weigh_the_same_pixels_share_their_noise() -> None:
    star = _observe(_placed(21.5))
    model, petrosian = (np.corrcoef(star["psfMag_r"], star[f"{name}_r"])[0, 1] for name in ("dered", "petroMag"))
    assert model > 0.85  # not quite 1: a star's fitted radius is noisy
    assert 0.2 < petrosian < model - 0.2
