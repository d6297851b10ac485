"""Parity as a test of equivalence, paired differences, and bias by property."""

import numpy as np
import pandas as pd
import pytest

from analysis.cnn_redshift import comparison
from analysis.cnn_redshift.names import ADABOOST, CNN

RNG = np.random.default_rng(2)
Z = RNG.uniform(0, 1, 3000)
NOISE = RNG.normal(size=3000)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-5, 8, "parity"),
        (2, 9, "parity"),
        (-4, 12, "undecided at this sample size"),
        (4, 30, "worse"),
        (-30, -1, "better"),
        (-30, 1, "undecided at this sample size"),
    ],
)
def test_parity_is_an_interval_within_the_tolerance(low, high, verdict):
    assert comparison.verdict(low, high, 10) == verdict


def test_the_difference_is_paired():
    trees = Z + 0.05 * NOISE
    found = comparison.parity(Z, Z + 0.052 * NOISE, trees, 200, 1, tolerance=10)
    assert found["sigma68_percent"] == pytest.approx(4)
    assert found["sigma68_percent_err"] < 0.01  # the same galaxies, the same errors: the ratio has no scatter
    assert found["verdict"] == "parity"
    worse = comparison.parity(Z, Z + 0.08 * RNG.normal(size=3000), trees, 200, 1, tolerance=10)
    assert worse["sigma68_percent"] == pytest.approx(60, abs=10)
    assert worse["verdict"] == "worse"


def test_few_galaxies_cannot_tell():
    few = slice(0, 60)
    found = comparison.parity(Z[few], (Z + 0.05 * RNG.normal(size=3000))[few], (Z + 0.05 * NOISE)[few], 300, 1, 10)
    assert found["verdict"] == "undecided at this sample size"


def test_differences_are_network_less_trees():
    found = comparison.differences(Z, Z - 0.01 + 0.05 * NOISE, Z + 0.05 * NOISE, 100, 1)
    assert found["mu"] == pytest.approx(0.01)
    assert found["sigma68"] == pytest.approx(0, abs=1e-12)


def test_bias_is_found_where_it_was_put():
    galaxies = pd.DataFrame({"redshift": Z, "dered_r": RNG.uniform(15, 20, 3000), "psf_fwhm_r": np.nan})
    network = Z - np.where(galaxies["dered_r"] > 19, 0.02, 0) + 0.05 * NOISE
    table = comparison.bias(galaxies, {CNN: network, ADABOOST: Z + 0.05 * NOISE}, 5, 100, 1)
    assert set(table["property"]) == {"redshift", "r magnitude"}  # no seeing is known, no size measured
    of_network = table[(table["learner"] == CNN) & (table["property"] == "r magnitude")]
    np.testing.assert_allclose(of_network["mu"], [0, 0, 0, 0, 0.02], atol=0.007)
    assert table.groupby(["learner", "property"])["galaxies"].sum().eq(3000).all()
    largest = comparison.largest_bias(table)
    assert largest[CNN]["r_magnitude"] > 5 > largest[ADABOOST]["r_magnitude"]
