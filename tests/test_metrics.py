"""Figures of merit against analytic cases."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from analysis import metrics

SIGMA, BIAS = 0.03, 0.01


@pytest.fixture(scope="module")
def gaussian():
    """True redshifts, and predictions whose Delta is Gaussian of known mean and width."""
    generator = np.random.default_rng(1)
    z = generator.uniform(0.1, 0.7, 200_000)
    return z, z - generator.normal(BIAS, SIGMA, len(z))


@pytest.fixture(scope="module")
def scaled_gaussian():
    """The same for ez."""
    generator = np.random.default_rng(2)
    z = generator.uniform(0.1, 0.7, 200_000)
    return z, z + (1 + z) * generator.normal(BIAS, SIGMA, len(z))


def test_paper_era_of_a_gaussian(gaussian):
    assert metrics.mu(*gaussian) == pytest.approx(BIAS, abs=3e-4)
    assert metrics.sigma(*gaussian) == pytest.approx(SIGMA, rel=0.01)
    assert metrics.sigma68(*gaussian) == pytest.approx(SIGMA * norm.ppf(0.84), rel=0.01)
    assert metrics.sigma95(*gaussian) == pytest.approx(SIGMA * norm.ppf(0.975), rel=0.01)


def test_lsst_era_of_a_gaussian(scaled_gaussian):
    assert metrics.lsst_bias(*scaled_gaussian) == pytest.approx(BIAS, abs=3e-4)
    assert metrics.lsst_sigma_iqr(*scaled_gaussian) == pytest.approx(SIGMA, rel=0.01)
    assert metrics.lsst_sigma_mad(*scaled_gaussian) == pytest.approx(SIGMA, rel=0.01)
    assert metrics.sigma_scaled(*scaled_gaussian) == pytest.approx(SIGMA, rel=0.01)
    expected = 100 * (norm.sf(3 - BIAS / SIGMA) + norm.sf(3 + BIAS / SIGMA))
    assert metrics.lsst_outliers_percent(*scaled_gaussian) == pytest.approx(expected, rel=0.05)


def test_the_interval_of_a_mean_is_that_of_the_central_limit():
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    found = metrics.with_interval("mean", lambda x: float(np.mean(x)), values, n=2000, seed=1)
    assert found["mean"] == pytest.approx(values.mean())
    assert found["mean_err"] == pytest.approx(0.05, rel=0.1)
    assert found["mean_high"] - found["mean_low"] == pytest.approx(2 * 1.96 * found["mean_err"], rel=0.1)


def test_mu_and_bias_have_opposite_signs():
    z = np.full(3, 0.5)
    assert metrics.mu(z, z + 0.1) == pytest.approx(-0.1)
    assert metrics.lsst_bias(z, z + 0.15) == pytest.approx(0.1)


def test_outlier_limits():
    z = np.ones(4)
    predicted = z + np.array([0.29, -0.29, 0.31, -0.31])
    assert metrics.is_outlier(z, predicted).tolist() == [False, False, True, True]
    assert metrics.outliers_percent(z, predicted) == 50
    narrow = np.ones(100)
    predicted = narrow + 2 * np.r_[np.zeros(98), 0.059, 0.061]  # sigma_IQR is 0: the floor of 0.06 decides
    assert metrics.lsst_outliers_percent(narrow, predicted) == 1


@pytest.mark.parametrize("name", ["mu", "sigma", "sigma68", "sigma95"])
def test_residual_metrics_scale_with_redshift(gaussian, name):
    z, predicted = gaussian
    metric = metrics.PAPER_ERA[name]
    assert metric(3 * z, 3 * predicted) == pytest.approx(3 * metric(z, predicted))


@pytest.mark.parametrize("name", ["sigma", "sigma68", "sigma95"])
def test_widths_ignore_a_shift(gaussian, name):
    z, predicted = gaussian
    metric = metrics.PAPER_ERA[name]
    assert metric(z, predicted + 0.2) == pytest.approx(metric(z, predicted))


def test_robust_widths_ignore_few_outliers(gaussian):
    z, predicted = (array[:10_000] for array in gaussian)
    spoilt = np.where(np.arange(len(z)) < 100, 10.0, predicted)
    assert metrics.sigma(z, spoilt) > 20 * metrics.sigma(z, predicted)
    assert metrics.lsst_sigma_mad(z, spoilt) == pytest.approx(metrics.lsst_sigma_mad(z, predicted), rel=0.05)


def test_bootstrap_error_of_the_mean(gaussian):
    z, predicted = (array[:2000] for array in gaussian)
    error = metrics.bootstrap(metrics.mu, z, predicted, n=1000, seed=0).std()
    assert error == pytest.approx(np.std(z - predicted) / np.sqrt(2000), rel=0.08)


def test_bootstrap_interval_covers_the_truth():
    generator = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        predicted = generator.normal(0, 1, 60)
        values = metrics.bootstrap(metrics.mu, np.zeros(60), predicted, n=200, seed=trial)
        low, high = np.percentile(values, [2.5, 97.5])
        covered += low < 0 < high
    assert 178 <= covered <= 199  # 95% of 200, three binomial standard deviations


def test_bootstrap_is_paired(gaussian):
    z, predicted = (array[:500] for array in gaussian)
    difference = metrics.bootstrap(
        lambda true, one, two: metrics.mu(true, one) - metrics.mu(true, two),
        z,
        predicted,
        predicted - 1,
        n=50,
        seed=0,
    )
    np.testing.assert_allclose(difference, -1)


def test_gain_of_half_the_noise(gaussian):
    z, predicted = (array[:5000] for array in gaussian)
    gain = metrics.gain_percent("gain", metrics.sigma, z, predicted, z + (predicted - z) / 2, n=200, seed=0)
    assert gain == pytest.approx({"gain": 50, "gain_err": 0, "gain_low": 50, "gain_high": 50}, abs=1e-9)


def test_gain_of_an_independent_equal_prediction_covers_zero():
    generator = np.random.default_rng(4)
    z = np.zeros(3000)
    gain = metrics.gain_percent("gain", metrics.sigma, z, *generator.normal(0, 1, (2, 3000)), n=400, seed=0)
    assert gain["gain_low"] < 0 < gain["gain_high"]
    # each sigma has a relative error of 1/sqrt(2n)
    assert gain["gain_err"] == pytest.approx(100 / np.sqrt(3000), rel=0.15)


def test_the_summary_leaves_out_resamples_that_are_no_numbers():
    resamples = np.append(np.arange(1001.0), [np.nan, np.nan])
    found = metrics.summarised("x", 3, resamples)
    assert found == {"x": 3, "x_err": np.std(np.arange(1001.0), ddof=1), "x_low": 25, "x_high": 975}


def test_no_gain_on_a_perfect_baseline():
    z = np.linspace(0, 1, 50)
    assert metrics.gain_percent("gain", metrics.outliers_percent, z, z, z + 1, n=20, seed=0) == {}


def test_written_metrics_are_rounded_and_finite(tmp_path):
    metrics.write_metrics(tmp_path / "metrics.json", {"a": {"b": 1.23456789, "n": 1234567, "why": "x"}})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": {"b": 1.23457, "n": 1234567, "why": "x"}}
    with pytest.raises(ValueError, match="JSON compliant"):
        metrics.write_metrics(tmp_path / "nan.json", {"a": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
