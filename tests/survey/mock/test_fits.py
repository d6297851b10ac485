"""What model fits give, in the cases where that is known."""

import numpy as np
import pytest

from analysis.survey.mock.fits import fitted


def _one(bulge: float, ratio: float, disc: float) -> dict[str, float]:
    return {name: float(value) for name, value in fitted(np.array(bulge), np.array(ratio), np.array(disc)).items()}


@pytest.mark.parametrize("disc", [0.5, 2.0, 10.0])
def test_a_pure_disc_is_fitted_by_itself(disc: float) -> None:
    fit = _one(0.0, 0.5, disc)
    assert fit["exp_disc"] == pytest.approx(1, abs=0.03)
    assert fit["ln_exp_size"] == pytest.approx(0, abs=0.04)
    assert fit["fracDeV"] == pytest.approx(0, abs=0.05)
    assert fit["preference"] < 0


@pytest.mark.parametrize("disc", [0.8, 3.0])
def test_a_pure_bulge_is_fitted_by_itself(disc: float) -> None:
    fit = _one(1.0, 1.0, disc)
    assert fit["deV_bulge"] == pytest.approx(1, abs=0.03)
    assert fit["ln_deV_size"] == pytest.approx(0, abs=0.05)
    assert fit["fracDeV"] == pytest.approx(1, abs=0.05)
    assert fit["preference"] > 0


def test_the_wrong_profile_biases_the_flux_as_sdss_knows() -> None:
    """A de Vaucouleurs fit to a disc counts light that is not there, an exponential one to a bulge misses some."""
    assert _one(0.0, 0.5, 2.0)["deV_disc"] > 1.2
    assert _one(1.0, 1.0, 2.0)["exp_bulge"] < 0.9


def test_an_unresolved_source_keeps_its_flux_whatever_the_profile() -> None:
    fit = _one(0.5, 0.5, 0.03)
    for part in ("exp_bulge", "exp_disc", "deV_bulge", "deV_disc"):
        assert fit[part] == pytest.approx(1, abs=0.02)
    assert abs(fit["preference"]) < 1e-4


def test_fracdev_follows_the_bulge() -> None:
    fractions = [_one(bulge, 0.7, 3.0)["fracDeV"] for bulge in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert np.all(np.diff(fractions) > -0.02)


def test_shapes_are_kept() -> None:
    bulge = np.full((4, 5), 0.3)
    assert all(value.shape == (4, 5) for value in fitted(bulge, bulge, bulge).values())
