"""What model fits give, in the cases where that is known."""

import numpy as np
import pytest
from galsim_images import SCALE, seen

from analysis.survey.mock.fits import BRIGHTNESS, BULGE_TO_TOTAL, DISC_SIZE, SIZE_RATIO, fitted

FAINT = BRIGHTNESS[0]  # the noise is the sky's


def _one(bulge: float, ratio: float, disc: float, brightness: float = FAINT) -> dict[str, float]:
    arguments = (np.array(value) for value in (bulge, ratio, disc, brightness))
    return {name: float(value) for name, value in fitted(*arguments).items()}


@pytest.mark.parametrize("disc", [0.04, 0.5, 2.0, 10.0, 25.0])
def test_a_pure_disc_is_fitted_by_itself(disc: float) -> None:
    fit = _one(0.0, 0.5, disc)
    assert fit["exp_disc"] == pytest.approx(1, abs=0.002)
    assert fit["ln_exp_size"] == pytest.approx(0, abs=0.003)
    if disc > 0.1:  # smaller ones are points, which any combination fits
        assert fit["fracDeV"] == pytest.approx(0, abs=0.005)
        assert fit["preference"] < 0


@pytest.mark.parametrize("disc", [0.8, 3.0, 20.0])
@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_a_pure_bulge_is_fitted_by_itself(ratio: float, disc: float) -> None:
    fit = _one(1.0, ratio, disc)
    assert fit["deV_bulge"] == pytest.approx(1, abs=0.002)
    assert fit["ln_deV_size"] == pytest.approx(np.log(ratio), abs=0.003)
    assert fit["fracDeV"] == pytest.approx(1, abs=0.005)
    assert fit["preference"] > 0


def test_a_de_vaucouleurs_fit_to_a_large_disc_is_several_times_larger() -> None:
    assert np.exp(_one(0.0, 0.1, 25.0)["ln_deV_size"]) > 5


@pytest.mark.parametrize(
    ("b", "r", "d", "k"), [(0, 4, 9, 0), (6, 6, 8, 0), (4, 3, 9, 0), (11, 5, 8, 0), (6, 6, 8, 2), (4, 3, 9, 3)]
)
def test_best_fits_are_least_squares_on_galsims_images(b: int, r: int, d: int, k: int) -> None:
    """Chi^2 with the noise of sky and galaxy in each pixel."""
    bulge, ratio, disc, brightness = BULGE_TO_TOTAL[b], SIZE_RATIO[r], DISC_SIZE[d], BRIGHTNESS[k]
    galaxy = bulge * seen("deV", ratio * disc) + (1 - bulge) * seen("exp", disc)
    weight = 1 / (1 + brightness * np.maximum(galaxy, 0) / SCALE**2)  # per pixel -> per square FWHM
    fit, power = _one(bulge, ratio, disc, brightness), (weight * galaxy**2).sum()
    best, chi2 = {}, {}
    for name in ("exp", "deV"):
        size = disc * np.exp(fit[f"ln_{name}_size"])
        at_sizes = []
        for stretched in (0.95, 1.0, 1.05):
            model = seen(name, size * stretched)
            model *= (weight * model * galaxy).sum() / (weight * model**2).sum()
            at_sizes.append((weight * (galaxy - model) ** 2).sum() / power)
            if stretched == 1.0:
                best[name], chi2[name] = model, at_sizes[-1]
        assert min(at_sizes) == at_sizes[1], name
        found = bulge * fit[f"{name}_bulge"] + (1 - bulge) * fit[f"{name}_disc"]
        assert found == pytest.approx(best[name].sum(), rel=0.02)
    assert fit["preference"] == pytest.approx(chi2["exp"] - chi2["deV"], rel=0.03, abs=5e-4)
    assert fit["distance"] == pytest.approx((weight * (best["exp"] - best["deV"]) ** 2).sum() / power, rel=0.1)


def test_a_bright_galaxy_is_fitted_by_its_outskirts() -> None:
    """Photons of the centre are noise: an exponential fit to a bulge grows with brightness, one to a disc is right."""
    bulges = [_one(1.0, 1.0, 2.0, brightness)["ln_exp_size"] for brightness in BRIGHTNESS]
    assert np.all(np.diff(bulges) > 0)
    for brightness in BRIGHTNESS:
        assert _one(0.0, 1.0, 2.0, brightness)["ln_exp_size"] == pytest.approx(0, abs=0.003)


def test_two_fits_can_be_equally_good_and_yet_far_apart() -> None:
    fits = [_one(bulge, 1.0, 3.0) for bulge in np.linspace(0.1, 0.9, 30)]
    undecided = min(fits, key=lambda fit: abs(fit["preference"]))
    assert undecided["distance"] > 5 * abs(undecided["preference"])


def test_the_wrong_profile_biases_the_flux_as_sdss_knows() -> None:
    """A de Vaucouleurs fit to a disc counts light that is not there, an exponential one to a bulge misses some."""
    assert _one(0.0, 0.5, 2.0)["deV_disc"] > 1.2
    assert _one(1.0, 1.0, 2.0)["exp_bulge"] < 0.9


def test_an_unresolved_source_keeps_its_flux_whatever_the_profile() -> None:
    fit = _one(0.5, 0.5, 0.03)
    for part in ("exp_bulge", "exp_disc", "deV_bulge", "deV_disc"):
        assert fit[part] == pytest.approx(1, abs=0.02)
    assert abs(fit["preference"]) < 1e-8
    assert fit["distance"] < 1e-8


def test_fracdev_follows_the_bulge() -> None:
    fractions = [_one(bulge, 0.7, 3.0)["fracDeV"] for bulge in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert np.all(np.diff(fractions) > -0.02)


def test_shapes_are_kept() -> None:
    bulge = np.full((4, 5), 0.3)
    assert all(value.shape == (4, 5) for value in fitted(bulge, bulge, bulge, bulge).values())
