"""The PIT in bins and around each object: noise passes, slopes that cancel over all objects are found."""

import numpy as np
import pytest
from scipy import stats

from analysis import pdf_metrics
from analysis.pit_calibration import conditional


@pytest.fixture(scope="module")
def uniform():
    generator = np.random.default_rng(1)
    return generator.normal(size=(2000, 3)), generator.uniform(size=2000)


@pytest.fixture(scope="module")
def opposite_slopes(uniform):
    """Bias of one sign for half of the objects and of the other sign for the rest: together flat."""
    points, pits = uniform
    half = points[:, 0] > 0
    return points, np.where(half, np.sqrt(pits), 1 - np.sqrt(pits))


def test_the_band_holds_95_percent_of_the_bins_of_uniform_pits():
    generator = np.random.default_rng(2)
    tables = [conditional.histogram(generator.uniform(size=1000), 20) for _ in range(100)]
    inside = np.mean([(t["density"] >= t["band_low"]) & (t["density"] <= t["band_high"]) for t in tables])
    assert inside == pytest.approx(0.955, abs=0.015)
    assert tables[0]["density"].mean() == pytest.approx(1)


def test_opposite_slopes_pass_the_global_test_and_fail_the_local_one(uniform, opposite_slopes):
    points, pits = opposite_slopes
    assert pdf_metrics.ks_distance(pits) < conditional.KS_5_PERCENT / np.sqrt(len(pits))
    found = conditional.local_test(points, pits, neighbours=50, n_null=50, seed=1)
    assert found["p_value"] == pytest.approx(1 / 51)
    # far from the border the CDF is p^2 or 1 - (1 - p)^2: rms of p - p^2 over the nine levels
    levels = np.arange(0.1, 0.95, 0.1)
    assert found["rms"] == pytest.approx(np.sqrt(np.mean((levels - levels**2) ** 2)), rel=0.15)
    calm = conditional.local_test(*uniform, neighbours=50, n_null=50, seed=1)
    assert calm["p_value"] > 0.05
    assert calm["rms"] < 0.03


def test_bins_find_the_slopes(uniform, opposite_slopes):
    points, pits = opposite_slopes
    table = conditional.in_bins(pits, points[:, 0], 4)
    assert table["objects"].sum() == len(pits)
    assert (table["ks"] > table["ks_limit"]).all()
    assert table["mean_pit"].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3], abs=0.05)
    other = conditional.in_bins(pits, points[:, 1], 4)
    assert (np.abs(other["mean_pit"] - 0.5) < 4 * other["mean_pit_err"]).all()


def test_bins_leave_out_what_is_missing_and_survive_one_value():
    pits = np.linspace(0.1, 0.9, 9)
    values = np.r_[np.full(3, np.nan), np.arange(6.0)]
    assert conditional.in_bins(pits, values, 2)["objects"].tolist() == [3, 3]
    assert conditional.in_bins(pits, np.full(9, np.nan), 2).empty
    assert conditional.in_bins(pits, np.ones(9), 2).empty  # no bin has a width


def test_binning_by_true_redshift_tilts_calibrated_pdfs():
    """Why a tilt by true redshift is no fault: at the high end are those that scattered up."""
    generator = np.random.default_rng(3)
    z = generator.normal(0.5, 0.1, 20_000)
    seen = z + generator.normal(0, 0.1, len(z))
    centre, width = 0.5 + (seen - 0.5) / 2, 0.1 / np.sqrt(2)  # the exact posterior
    pits = stats.norm.cdf(z, centre, width)
    by_truth = conditional.in_bins(pits, z, 4)["mean_pit"].to_numpy()
    by_estimate = conditional.in_bins(pits, centre, 4)["mean_pit"].to_numpy()
    assert by_truth[0] < 0.35
    assert by_truth[-1] > 0.65
    assert by_estimate == pytest.approx(np.full(4, 0.5), abs=0.02)


def test_design_effect_of_fields_that_share_an_error():
    """Fields of m objects whose PITs share a part rho of the variance: 1 + (m - 1) rho (Kish 1965)."""
    generator = np.random.default_rng(5)
    patch = np.repeat(np.arange(400), 20)
    own, shared = generator.normal(size=8000), np.repeat(generator.normal(size=400), 20)
    assert conditional.design_effect(stats.norm.cdf(own), patch) == pytest.approx(1, abs=0.2)
    rho = 0.2
    together = stats.norm.cdf(np.sqrt(1 - rho) * own + np.sqrt(rho) * shared)
    assert conditional.design_effect(together, patch) == pytest.approx(1 + 19 * rho, rel=0.2)
    assert conditional.design_effect(together, np.arange(8000)) == pytest.approx(1, abs=1e-3)
    assert conditional.design_effect(together, np.zeros(8000, int)) == 1


def test_shapes_of_wrong_pdfs():
    z = np.random.default_rng(4).normal(size=20_000)
    assert conditional.curvature(stats.norm.cdf(z / 0.5)) > 0.2  # too narrow: U
    assert conditional.curvature(stats.norm.cdf(z / 2)) < -0.2  # too wide: peak
    assert conditional.slope(stats.norm.cdf(z - 0.5)) < -0.2  # predicted too high
    flat = stats.norm.cdf(z)
    assert abs(conditional.curvature(flat)) < 0.02
    assert abs(conditional.slope(flat)) < 0.02
