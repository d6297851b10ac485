"""Learning curves: power laws that are known, and where they meet."""

import numpy as np
import pytest

from analysis.cnn_redshift.curve import Curve, crossing, fitted, learning_curves, power_law

SIZES = np.array([100, 200, 400, 800, 1600])


def curve(at_1000: float, exponent: float, noise: float = 0.01, seed: int = 1) -> Curve:
    values = at_1000 * (SIZES / 1000) ** -exponent
    return Curve(SIZES, values, values * np.exp(noise * np.random.default_rng(seed).normal(size=(300, 5))))


def test_a_power_law_is_found():
    values = 0.03 * (SIZES / 1000) ** -0.4
    assert power_law(SIZES, values, 0.01 * values) == pytest.approx((0.03, 0.4))
    found = fitted(curve(0.03, 0.4))
    assert found["exponent"] == pytest.approx(0.4)
    assert found["exponent_low"] < 0.4 < found["exponent_high"]
    # of five points with 1% errors: 0.01 over the root of the sum of squares of ln n about its mean
    assert found["exponent_err"] == pytest.approx(0.01 / np.sqrt(np.var(np.log(SIZES)) * 5), rel=0.15)


def test_a_point_with_a_large_error_counts_little():
    values = 0.03 * (SIZES / 1000) ** -0.4
    errors = 0.01 * values
    values[0], errors[0] = 3 * values[0], 1e3
    assert power_law(SIZES, values, errors)[1] == pytest.approx(0.4, abs=1e-3)


def test_curves_that_cross():
    steep, shallow = curve(0.04, 0.6), curve(0.03, 0.3, seed=2)
    found = crossing(steep, shallow)
    assert found["words"].startswith("cross at 2,6")
    assert found["galaxies"] == pytest.approx(1000 * (4 / 3) ** (1 / 0.3), rel=0.05)
    assert found["galaxies_low"] < found["galaxies"] < found["galaxies_high"]


@pytest.mark.parametrize(("at_1000", "exponent"), [(0.09, 0.3), (0.09, 0.35), (0.03, 0.1), (0.01, 0.3)])
def test_curves_that_do_not(at_1000, exponent):
    found = crossing(curve(at_1000, exponent), curve(0.03, 0.3, seed=2))
    if exponent == 0.1:  # less steep: they meet, at the other side, and within reach
        assert found["words"].startswith("cross at 1,0")
    else:
        assert found["words"] == "do not cross within a factor of ten"
        assert "galaxies" not in found


def test_noise_leaves_it_open():
    found = crossing(curve(0.034, 0.35, noise=0.3), curve(0.03, 0.3, noise=0.3, seed=2))
    assert found["words"] == "may or may not cross within a factor of ten"


def test_curves_are_measured_on_the_same_galaxies():
    rng = np.random.default_rng(4)
    z = rng.uniform(0, 1, 500)
    noise = rng.normal(size=(3, 500))
    predictions = {100: z + 0.1 * noise, 400: z + 0.05 * noise[:1]}
    curves = learning_curves(z, {"one": predictions, "same": predictions}, 200, 1)
    np.testing.assert_allclose(curves["one"].values, [0.1, 0.05], rtol=0.06)
    np.testing.assert_array_equal(curves["one"].resampled, curves["same"].resampled)  # draws are resampled alike, too
    # the error of a width of a Gaussian from its central 68%: about 1.0 times width / sqrt(2 n / 1.6)
    assert curves["one"].errors[1] == pytest.approx(0.05 / np.sqrt(2 * 500 / 1.8), rel=0.25)


def test_the_scatter_between_draws_is_part_of_the_error():
    z = np.linspace(0, 1, 400)
    noise = np.random.default_rng(1).normal(size=400)
    alike, apart = (np.stack([z + a * noise for a in widths]) for widths in ((0.05, 0.05), (0.02, 0.08)))
    curves = learning_curves(z, {"alike": {50: alike, 100: alike}, "apart": {50: apart, 100: apart}}, 300, 1)
    assert curves["apart"].errors[0] > 4 * curves["alike"].errors[0]
