"""From simulation to the sky: blurring does what seeing does, halves do not know each other, fine-tuning learns."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from analysis import paths
from analysis.errors import InputError
from analysis.star_galaxy import transfer
from analysis.star_galaxy.convnet import ConvNet
from analysis.star_galaxy.network import WEIGHTS, How, save_network
from analysis.star_galaxy.seeing import blurred
from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.luptitudes import SDSS_SOFTENING
from analysis.survey.stamps_file import PIXEL_SCALE, Stamps, StampsWriter

SIDE, NOISE = 44, 0.02
FWHM = np.sqrt(8 * np.log(2))  # of a Gaussian of unit sigma
HOW = How(shift=2, pixel_scale=PIXEL_SCALE, seeing=(1.4,) * 5, softening=SDSS_SOFTENING, passes=3, seed=1)
FINE_TUNE = {"epochs": 10, "batch_size": 16, "learning_rate": 0.003, "weight_decay": 1e-4}
SETTINGS = {"seed": 1, "n_bootstrap": 50, "r_limit": 20.5, "colour_noise": 0.1, "fine_tune": FINE_TUNE}


def stamps_of(sigma: np.ndarray, flux: float, noise: float, seeing: float, seed: int = 1) -> Stamps:
    """Draw Gaussians of so many pixels at the centre of stamps, in the sky's noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * sigma[:, None, None] ** 2)) / (2 * np.pi * sigma[:, None, None] ** 2)
    pixels = (flux * profile)[:, None].repeat(5, axis=1) + noise * rng.standard_normal((len(sigma), 5, SIDE, SIDE))
    shape = (len(sigma), 5)
    widths, noises = np.full(shape, seeing, np.float32), np.full(shape, max(noise, 1e-3), np.float32)
    return Stamps(pixels.astype(np.float32), np.arange(len(sigma)), widths, noises)


def test_blurring_adds_widths_in_quadrature_and_keeps_flux() -> None:
    before, wanted = 1.0, 1.5  # arcsec
    stamps = stamps_of(np.array([before / FWHM / PIXEL_SCALE]), 10.0, 0, before)
    stamps.sky_noise[:] = 0
    after = blurred(stamps, np.full(5, wanted), PIXEL_SCALE, np.random.default_rng(99))
    y, _ = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    for image in after.pixels[0]:
        assert image.sum() == pytest.approx(10, rel=1e-3)
        assert FWHM * PIXEL_SCALE * np.sqrt((image * y**2).sum() / image.sum()) == pytest.approx(wanted, rel=5e-3)
    np.testing.assert_allclose(after.psf_fwhm, wanted)


def test_blurring_keeps_the_noise_of_the_sky() -> None:
    stamps = stamps_of(np.full(30, 1.0), 0.0, NOISE, 1.0)
    after = blurred(stamps, np.full(5, 1.5), PIXEL_SCALE, np.random.default_rng(99))
    np.testing.assert_allclose(after.pixels.std(), NOISE, rtol=0.02)


def test_seeing_that_is_worse_already_is_left_alone() -> None:
    stamps = stamps_of(np.full(3, 1.5), 5.0, NOISE, 1.8)
    after = blurred(stamps, np.full(5, 1.4), PIXEL_SCALE, np.random.default_rng(99))
    np.testing.assert_allclose(after.pixels, stamps.pixels, atol=1e-6)
    np.testing.assert_allclose(after.psf_fwhm, 1.8)


@pytest.fixture
def field(tmp_path):
    """A field of stars, as narrow as its PSF, and galaxies, twice as wide, all over the sky; half too faint."""
    n = 120
    is_galaxy = np.arange(n) % 2 == 1
    stamps = stamps_of(np.where(is_galaxy, 2.4, 1.2), 30.0, NOISE, 1.1)
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "object_id": stamps.object_id,
            "ra": 200 + rng.uniform(0, 0.2, n),
            "dec": 30 + rng.uniform(0, 0.2, n),
            "class": np.where(is_galaxy, "GALAXY", "STAR"),
            "psfMag_r": np.where(np.arange(n) < 80, 19.0, 21.0).astype(np.float32),
        }
    )
    folder = tmp_path / "field"
    write_survey(table, folder, {"kind": "ingested", "source": "tests"})
    with StampsWriter(folder / STAMPS) as writer:
        writer.append(stamps)
    return folder


@pytest.fixture
def untrained() -> ConvNet:
    torch.manual_seed(2)
    return ConvNet(side=20, width=0.1).eval()


def test_fine_tuning_teaches_a_network_that_knows_nothing(field, untrained) -> None:
    weights = {name: tensor.clone() for name, tensor in untrained.state_dict().items()}
    longer = SETTINGS | {"fine_tune": FINE_TUNE | {"epochs": 40}}
    found = transfer.measure_transfer(field, untrained, HOW, longer)
    assert (found["n_stars"], found["n_galaxies"]) == (40, 40)  # the bright ones
    assert found["after"]["auc"] > 0.98
    assert found["after"]["stars_called_galaxies"] + found["after"]["galaxies_called_stars"] < 5
    assert found["gain"]["auc"] == pytest.approx(found["after"]["auc"] - found["before"]["auc"])
    assert "at_learnt_seeing" in found
    assert found["psf_fwhm"]["r"] == pytest.approx(1.1)
    for name, tensor in untrained.state_dict().items():
        assert torch.equal(tensor, weights[name]), "the network itself must stay as it was"


def test_each_half_of_the_field_is_judged_by_what_learnt_from_the_other(field, untrained, monkeypatch) -> None:
    learnt, judged = [], []
    monkeypatch.setattr(transfer, "fine_tune", lambda _net, _how, _cache, rows, *_: learnt.append(set(rows)))
    monkeypatch.setattr(
        transfer, "combined", lambda _net, _how, _cache, rows: (judged.append(set(rows)), (np.zeros(len(rows)), 0))[1]
    )
    objects = transfer.labelled_stamps(field, limit=30)
    transfer.cross_fitted(untrained, HOW, None, np.arange(120), objects, SETTINGS)
    assert learnt[0] == judged[1]
    assert learnt[1] == judged[0]
    assert not learnt[0] & judged[0]
    assert len(learnt[0] | judged[0]) == 120
    dec = objects["dec"].to_numpy()
    assert min(dec[list(learnt[0])]) > max(dec[list(judged[0])])  # halves of the sky, not of the list


def test_a_half_with_one_class_is_refused(field, untrained) -> None:
    objects = transfer.labelled_stamps(field, limit=30)
    objects["dec"] = np.where(objects["is_galaxy"], 31.0, 30.0)
    with pytest.raises(InputError, match="half of the field shows one class only"):
        transfer.cross_fitted(untrained, HOW, None, np.arange(120), objects, SETTINGS)


@pytest.mark.real
@pytest.mark.slow
def test_real_stamps_are_scaled_as_the_mock_and_judged(real_data, untrained, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "REAL_RESULTS", tmp_path / "real")
    monkeypatch.setattr(transfer.params, "load", lambda _: SETTINGS | {"fine_tune": FINE_TUNE | {"epochs": 1}})
    save_network(tmp_path / "models" / "star_galaxy_convnet" / WEIGHTS, untrained, HOW)
    seen = {}
    of_survey = transfer.stamps_for

    def watched(how, survey, caches):
        cache = of_survey(how, survey, caches)
        seen[len(seen)] = np.concatenate([cache.pixels[:, :4].ravel(), cache.pixels[:, -4:].ravel()])
        return cache

    monkeypatch.setattr(transfer, "stamps_for", watched)
    transfer.run_on_real_stamps(real_data)
    found = {
        source.folder: json.loads((tmp_path / "real" / source.folder / "star_galaxy" / "metrics.json").read_text())
        for source in transfer.SOURCES
    }
    assert (found["sas"]["n_stars"], found["sas"]["n_galaxies"]) == (48, 27)
    assert (found["kim_brunner_stamps"]["n_stars"], found["kim_brunner_stamps"]["n_galaxies"]) == (5, 15)
    assert {"before", "after", "gain", "at_learnt_seeing"} <= set(found["sas"])
    assert "after" not in found["kim_brunner_stamps"]  # no positions, and too few
    for border in seen.values():  # asinh(f / 2b): the sky is at zero, its noise a tenth, in every survey
        assert abs(np.median(border.astype(float))) < 0.02
        assert 0.05 < 1.4826 * np.median(np.abs(border.astype(float))) < 0.2
