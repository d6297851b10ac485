"""Populations against the laws that they are drawn from."""

import numpy as np
import pytest
from scipy.stats import kstest

from analysis.survey.mock import populations, seds
from analysis.survey.mock.parameters import parameters


@pytest.fixture(scope="module")
def nearby():
    return populations.draw_galaxies(np.random.default_rng(3), 30_000, ("r", 15.0), (0.003, 0.3))


def test_bright_counts_are_euclidean(nearby) -> None:
    """Far inside the survey's limit in redshift, N(<m) grows as 10^(0.6 m), slightly less through expansion."""
    r = nearby["true_r"].to_numpy()
    slope = np.log10((r < 14.5).sum() / (r < 13.0).sum()) / 1.5
    assert slope == pytest.approx(0.58, abs=0.03)


def test_luminosities_follow_the_schechter_function() -> None:
    """In a thin shell of redshift, the luminosities of early types are distributed as the function says."""
    galaxies = populations.draw_galaxies(np.random.default_rng(4), 20_000, ("r", 19.0), (0.0999, 0.1001))
    M = galaxies.loc[galaxies["type"] == "early", "M_r"].to_numpy()
    law = parameters()["galaxies"]["early"]["schechter"]
    bright = M[law["M_star"] + 1.5 > M]  # well inside the limit in apparent magnitude
    grid = np.linspace(law["M_star"] - 4, law["M_star"] + 1.5, 4000)
    light = 10 ** (-0.4 * (grid - law["M_star"]))
    cumulative = np.cumsum(light ** (law["alpha"] + 1) * np.exp(-light))
    assert kstest(bright, lambda x: np.interp(x, grid, cumulative / cumulative[-1])).pvalue > 1e-3


def test_discs_are_seen_from_random_directions(nearby) -> None:
    thickness = parameters()["galaxies"]["disc_thickness"]
    cosine = np.sqrt((nearby["disc_axis_ratio"] ** 2 - thickness**2) / (1 - thickness**2))
    assert kstest(cosine, "uniform").pvalue > 1e-3


def test_early_types_are_redder_and_smaller_than_late_ones_of_their_luminosity(nearby) -> None:
    alike = nearby[nearby["M_r"].between(-21.5, -20.5)]
    kpc = alike["disc_radius"] * seds.cosmology().kpc_proper_per_arcmin(alike["redshift"].to_numpy()).value / 60
    colour = alike["true_g"] - alike["true_r"]
    early = alike["type"] == "early"
    assert colour[early].median() > colour[~early].median() + 0.1
    assert kpc[early].median() < kpc[~early].median()


def test_young_stars_gave_more_of_the_light_in_the_past() -> None:
    """The mean early type is bluer than the same stars today, and by more in the ultraviolet at rest."""
    redshift = np.array([0.1, 0.6])
    now, then = (populations._normalised(populations._evolved_sed("early", z)) for z in (redshift[[0, 0]], redshift))
    fading = (seds.galaxy_magnitudes(redshift, np.zeros(2), then) - seds.galaxy_magnitudes(redshift, np.zeros(2), now))[
        1
    ]
    assert fading[0] < fading[1] < fading[2] < fading[3] < 0.02
    young = populations._YOUNG.astype(bool)
    old = 3  # the template of old stars, reference of the shares
    growth = then[1, young] / then[1, old] / (then[0, young] / then[0, old])
    assert growth == pytest.approx((1.6 / 1.1) ** parameters()["galaxies"]["early"]["sed"]["growth"])


def test_sizes_of_luminous_early_types_are_those_of_shen_and_faint_ones_are_all_alike() -> None:
    rng, number = np.random.default_rng(7), 20_000
    sizes = [
        np.median(populations._half_light_radius(rng, "early", np.full(number, M), np.full(number, 0.1)))
        for M in (-23.5, -17.0, -16.0)
    ]
    assert np.log10(sizes[0]) == pytest.approx(0.26 * 23.5 - 5.06, abs=0.02)  # table 1, line of figure 6
    assert sizes[2] > 0.85 * sizes[1]


def test_shares_are_shares_and_the_bulge_is_never_all_of_a_disc_galaxy(nearby) -> None:
    assert np.allclose(nearby[populations.SHARES].sum(axis=1), 1)
    assert nearby[populations.BULGE_TO_TOTAL].to_numpy().min() >= 0
    assert nearby[populations.BULGE_TO_TOTAL].to_numpy().max() < 1


def test_inclined_discs_are_dimmer_and_redder() -> None:
    magnitudes, bulge = np.full((2, 5), 18.0), np.full((2, 5), 0.2)
    dimmed, _ = populations._dim_disc(magnitudes, bulge, np.array([1.0, 0.2]))
    assert dimmed[0] == pytest.approx(18.0)
    assert np.all(np.diff(dimmed[1]) < 0)  # more in u than in z
    assert np.all(dimmed[1] > 18.1)


def test_star_counts_rise_as_asked() -> None:
    stars = populations.draw_stars(np.random.default_rng(5), 50_000, ("r", 20.0))
    r, slope = stars["true_r"].to_numpy(), parameters()["stars"]["counts_slope"]
    assert np.log10(((r > 19) & (r < 20)).sum() / ((r > 17) & (r < 18)).sum()) / 2 == pytest.approx(slope, abs=0.02)


def test_quasars_stay_inside_their_limits() -> None:
    quasars = populations.draw_quasars(np.random.default_rng(6), 5_000, ("i", 20.2))
    low, high = parameters()["quasars"]["redshift"]
    assert len(quasars) == 5_000
    assert quasars["redshift"].between(low, high).all()
    assert quasars["true_i"].max() <= 20.2
