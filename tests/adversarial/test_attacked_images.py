"""Images as recorded, and the networks' view of them: the same pixels that the networks were trained on."""

import numpy as np
import pytest
import torch
from toy_images import SKY_NOISE, write_toy_survey

from analysis.adversarial.attacks import cross_entropy, fgsm
from analysis.adversarial.images import Images, read_images
from analysis.adversarial.models import classifier, used_classifier
from analysis.adversarial.remeasured import features
from analysis.errors import InputError
from analysis.star_galaxy.convnet import ConvNet
from analysis.star_galaxy.network import How, combined
from analysis.survey.luptitudes import SDSS_SOFTENING
from analysis.survey.stamps_cache import scaled_stamps
from analysis.survey.stamps_file import read_stamps

IDS = np.array([1007, 1001, 1003, 1010])


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked") / "survey"
    write_toy_survey(folder, n=16)
    return folder


@pytest.fixture(scope="module")
def images(survey) -> Images:
    return read_images(survey, IDS)


@pytest.fixture(scope="module")
def trained() -> tuple[ConvNet, How]:
    torch.manual_seed(2)
    seeing = (1.3,) * 5
    return ConvNet(side=40, width=0.1).eval(), How(2, 0.396, seeing, SDSS_SOFTENING, 2, 1)


def test_images_are_those_asked_for_in_their_order(survey, images: Images) -> None:
    stamps = read_stamps(survey / "stamps.h5")
    assert np.array_equal(images.object_id, IDS)
    for flux, number in zip(images.flux, IDS, strict=True):
        assert np.array_equal(flux, stamps.pixels[list(stamps.object_id).index(number)])
    assert images.sky_noise.shape == (4, 5, 1, 1)
    assert np.allclose(images.sky_noise[0, :, 0, 0], SKY_NOISE)
    assert np.allclose(images.high.ravel(), stamps.pixels.max(axis=(0, 2, 3)))
    assert np.allclose(images.low.ravel(), stamps.pixels.min(axis=(0, 2, 3)))


def test_an_object_without_stamp_is_named(survey) -> None:
    with pytest.raises(InputError, match="no stamp of object 5"):
        read_images(survey, np.array([1001, 5]))


def test_the_networks_see_what_they_were_trained_on(survey, images: Images, tmp_path) -> None:
    cache = scaled_stamps(survey, folder=tmp_path)
    rows = [list(cache.object_id).index(number) for number in IDS]
    theirs = np.moveaxis(cache.pixels[rows].astype(float), -1, 1)
    ours = images.scaled(images.flux, torch.tensor(SDSS_SOFTENING)).numpy()
    assert np.allclose(ours, theirs, atol=0.004)  # the cache is in half precision


def test_the_prediction_as_used_is_the_networks_own(survey, images: Images, trained, tmp_path) -> None:
    network, how = trained
    cache = scaled_stamps(survey, folder=tmp_path)
    rows = np.array([list(cache.object_id).index(number) for number in IDS])
    expected, _ = combined(network, how, cache, rows)
    with torch.no_grad():
        ours = used_classifier(network, how)(images)(images.flux).exp()[:, 1]
    assert np.allclose(ours, expected, atol=2e-3)


def test_both_models_can_be_attacked_and_images_stay_within_the_range(images: Images, trained) -> None:
    classes = torch.tensor([0, 1, 0, 1])
    for maker in (classifier, used_classifier):
        model = maker(*trained)(images)
        attacked = fgsm(model, images.flux, classes, 0.5, images.bounds)
        assert ((attacked - images.flux).abs() <= 0.5 * images.sky_noise + 1e-6).all()
        assert (attacked <= images.high).all() and (attacked >= images.low).all()
        with torch.no_grad():
            before, after = (cross_entropy(model(flux), classes).mean() for flux in (images.flux, attacked))
        assert after > before


def test_remeasured_stars_are_concentrated_and_galaxies_are_not(survey) -> None:
    ids = 1000 + np.arange(8)  # stars and galaxies in turn
    table = features(read_images(survey, ids))
    assert np.isfinite(table.filter(like="concentration")).all(axis=None)
    stars, galaxies = table["concentration_r"].to_numpy()[::2], table["concentration_r"].to_numpy()[1::2]
    assert stars.max() < galaxies.min() or stars.min() > galaxies.max()
