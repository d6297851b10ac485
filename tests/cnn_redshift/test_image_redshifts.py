"""The estimator: it learns redshifts from pixels alone, keeps to the interface, says what is wrong."""

import numpy as np
import pytest
from blobs import blob_cache, draw

from analysis import metrics, pdf_metrics
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.errors import InputError
from analysis.survey.stamps_cache import StampCache

pytestmark = pytest.mark.usefixtures("one_thread")
GRID = np.linspace(0, 0.7, 301)
SMALL = {"channels": [4, 8], "apertures": 2, "hidden": [16], "epochs": 12, "least_steps": 150, "dropout": 0.0}
N_TRAIN, N_TEST = 300, 100


def estimator(z: np.ndarray, cache: StampCache, grid: np.ndarray = GRID, **settings) -> ImageRedshifts:
    model = ImageRedshifts(grid, **(SMALL | settings))
    model.cache = cache
    model.validation = rows(N_TRAIN, len(z)), z[N_TRAIN:]
    return model.fit(rows(0, N_TRAIN), None, z[:N_TRAIN])


def rows(start: int, stop: int) -> np.ndarray:
    return np.column_stack([np.arange(start, stop), np.full(stop - start, 0.03)])


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, StampCache]:
    z, r = draw(N_TRAIN + N_TEST)
    return z, blob_cache(z, r)


@pytest.fixture(scope="module")
def trained(blobs) -> ImageRedshifts:
    return estimator(*blobs)


@pytest.mark.parametrize("head", ["bins", "regression", "mixture"])
def test_every_head_learns_the_redshift_from_the_pixels(blobs, head):
    z, cache = blobs
    model = estimator(z, cache, head=head, smoothing=0.03)
    pdfs = model.pdf(rows(N_TRAIN, len(z)), None)
    np.testing.assert_allclose(np.trapezoid(pdfs, GRID, axis=1), 1)
    predicted = pdf_metrics.mean(GRID, pdfs)
    assert metrics.sigma68(z[N_TRAIN:], predicted) < 0.4 * metrics.sigma68(z[N_TRAIN:], np.zeros(N_TEST))
    assert pdf_metrics.coverage(pdf_metrics.pit(GRID, pdfs, z[N_TRAIN:]), 0.95) > 0.6


def test_saved_and_loaded_it_predicts_the_same(blobs, trained, tmp_path):
    trained.save(tmp_path)
    loaded = ImageRedshifts.load(tmp_path)
    loaded.cache = blobs[1]
    np.testing.assert_array_equal(loaded.pdf(rows(0, 20), None), trained.pdf(rows(0, 20), None))
    assert loaded.settings == trained.settings


def test_how_a_stamp_lies_does_not_matter(blobs, trained):
    expected = trained.pdf(rows(0, 10), None)
    cache = blobs[1]
    turned = StampCache(np.ascontiguousarray(np.rot90(cache.pixels, axes=(1, 2))), cache.object_id, cache.about)
    trained.cache = turned
    found = trained.pdf(rows(0, 10), None)
    trained.cache = cache
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_same_seed_gives_the_same_network_another_one_another(blobs):
    quick = {"epochs": 1, "least_steps": 1}
    first, again, other = (estimator(*blobs, **quick, seed=seed).pdf(rows(0, 5), None) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_an_ensemble_is_the_mean_of_its_networks(blobs):
    quick = {"epochs": 1, "least_steps": 1}
    both = estimator(*blobs, **quick, members=2)
    pdfs = both.pdf(rows(0, 5), None)
    networks = both.networks
    alone = []
    for network in networks:
        both.networks = [network]
        alone.append(both.pdf(rows(0, 5), None))
    np.testing.assert_allclose(pdfs, np.mean(alone, axis=0), rtol=1e-3, atol=1e-6)


def test_small_samples_get_more_epochs_and_no_batch_of_one():
    model = ImageRedshifts(GRID, epochs=10, least_steps=400, batch_size=64)
    assert model._how(6400, 1).epochs == 10
    small = model._how(129, 1)
    assert small.epochs * np.ceil(129 / small.batch_size) >= 400
    assert all(n % model._how(n, 1).batch_size != 1 for n in range(17, 1000))


def test_a_redshift_outside_the_bins_is_named(blobs):
    z, cache = blobs
    with pytest.raises(InputError, match=r"grid, 0 to 0.3, does not cover .* training redshifts, first"):
        estimator(z, cache, np.linspace(0, 0.3, 301))


def test_what_is_missing_is_said(blobs):
    model = ImageRedshifts(GRID, **SMALL)
    with pytest.raises(InputError, match="set `validation`"):
        model.fit(rows(0, 50), None, blobs[0][:50])
    model.validation = rows(50, 60), blobs[0][50:60]
    with pytest.raises(InputError, match="no stamps"):
        model.fit(rows(0, 50), None, blobs[0][:50])
    model.cache = blobs[1]
    with pytest.raises(InputError, match="row 400 of the stamps; expected 0 to 399"):
        model.fit(rows(351, 401), None, blobs[0][:50])
    with pytest.raises(InputError, match="head 'bin'; expected one of bins, regression, mixture"):
        ImageRedshifts(GRID, head="bin")


def test_a_cut_model_file_is_named(trained, tmp_path):
    trained.save(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model.safetensors: not a whole safetensors file"):
        ImageRedshifts.load(tmp_path)


def test_a_training_of_another_head_does_not_resume(blobs, tmp_path):
    z, cache = blobs
    pdfs = []
    for folder, smoothing in (("same", 0.01), ("same", 0.1), ("other", 0.1)):
        model = ImageRedshifts(GRID, **(SMALL | {"epochs": 1, "least_steps": 1, "smoothing": smoothing}))
        model.cache, model.validation, model.checkpoints = cache, (rows(50, 60), z[50:60]), tmp_path / folder
        pdfs.append(model.fit(rows(0, 50), None, z[:50]).pdf(rows(0, 5), None))
    np.testing.assert_array_equal(pdfs[1], pdfs[2])
    assert not np.allclose(pdfs[0], pdfs[1])
