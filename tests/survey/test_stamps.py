"""Augmentation of stamps: the group of the square, crops, colour noise; the same for the same seed, however read."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from analysis import training
from analysis.errors import InputError
from analysis.survey.stamps import Augmentation, StampImages, look_up, principal_colours, symmetric_views
from analysis.survey.stamps_cache import StampCache

N, SIDE = 300, 12


@pytest.fixture(scope="module")
def cache() -> StampCache:
    rng = np.random.default_rng(3)
    mixing = rng.normal(size=(5, 5))
    pixels = (rng.normal(size=(N, SIDE, SIDE, 5)) @ mixing).astype(np.float16)
    return StampCache(pixels, np.arange(N) * 11, {})


def _turned(stamp: np.ndarray) -> list[np.ndarray]:
    """All eight pictures of a stamp (y, x, band), by NumPy's own rotations."""
    return [np.rot90(picture, k) for picture in (stamp, stamp[:, ::-1]) for k in range(4)]


def _all_symmetries(pixels: torch.Tensor, side: int, top: int = 0, left: int = 0) -> np.ndarray:
    eight = torch.arange(8)
    same = torch.zeros_like(eight)
    found = look_up(pixels, same, eight, same + top, same + left, side)
    return found.permute(0, 2, 3, 1).numpy()


def test_symmetries_are_the_eight_of_the_square(cache):
    pixels = torch.from_numpy(cache.pixels)
    found = {picture.tobytes() for picture in _all_symmetries(pixels, SIDE)}
    expected = {np.ascontiguousarray(p, np.float32).tobytes() for p in _turned(cache.pixels[0])}
    assert len(found) == 8
    assert found == expected


def test_symmetries_are_closed_under_composition(cache):
    once = _all_symmetries(torch.from_numpy(cache.pixels), SIDE)
    group = {picture.tobytes() for picture in once}
    for picture in once:
        again = _all_symmetries(torch.from_numpy(np.ascontiguousarray(picture[None])), SIDE)
        assert {p.tobytes() for p in again} == group


def test_a_turned_crop_is_the_crop_turned(cache):
    crop = cache.pixels[0, 3:11, 1:9].astype(np.float32)
    found = _all_symmetries(torch.from_numpy(cache.pixels), 8, top=3, left=1)
    assert {p.tobytes() for p in found} == {np.ascontiguousarray(p).tobytes() for p in _turned(crop)}


def test_the_views_to_average_over_are_the_eight_symmetries(cache):
    images = torch.from_numpy(cache.pixels[:1].astype(np.float32)).permute(0, 3, 1, 2)
    found = {view[0].permute(1, 2, 0).contiguous().numpy().tobytes() for view in symmetric_views(images)}
    assert found == {np.ascontiguousarray(p, np.float32).tobytes() for p in _turned(cache.pixels[0])}


def test_stamps_need_not_be_square():
    pixels = np.random.default_rng(1).normal(size=(1, 7, 9, 5)).astype(np.float16)
    found = _all_symmetries(torch.from_numpy(pixels), 6, top=1, left=3)
    crop = pixels[0, 1:7, 3:9].astype(np.float32)
    assert {p.tobytes() for p in found} == {np.ascontiguousarray(p).tobytes() for p in _turned(crop)}


def test_crops_and_symmetries_are_drawn_evenly_and_reach_every_place(cache):
    images = StampImages(cache, np.arange(N), 8, augmentation=Augmentation(colour_noise=0))
    counts = np.zeros((5, 5, 8))
    for epoch in range(40):
        images.set_epoch(epoch)
        np.add.at(counts, (images.draws.top, images.draws.left, images.draws.symmetry), 1)
    expected = 40 * N / counts.size
    assert counts.min() > 0
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 == pytest.approx(counts.size - 1, abs=5 * np.sqrt(2 * counts.size))


def test_without_augmentation_the_centre_is_given_as_it_is(cache):
    images = StampImages(cache, np.array([5, 2]), 8, labels=(torch.tensor([50, 20]),))
    found, label = images[torch.tensor([1, 0])]
    assert torch.equal(found.permute(0, 2, 3, 1), torch.from_numpy(cache.pixels[[2, 5], 2:10, 2:10]).float())
    assert label.tolist() == [20, 50]
    images.set_epoch(4)
    assert torch.equal(images[torch.tensor([1, 0])][0], found)


def test_batches_are_float32_and_channels_last(cache):
    images = StampImages(cache, np.arange(N), 8, augmentation=Augmentation())
    batch = images[torch.arange(4)][0]
    assert batch.shape == (4, 5, 8, 8)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_colour_noise_has_the_covariance_of_the_pixels(cache):
    with_noise, without = (
        StampImages(cache, np.arange(N), 8, augmentation=Augmentation(colour_noise=amplitude), seed=2)
        for amplitude in (0.3, 0)
    )
    noise = []
    for epoch in range(30):
        for images in (with_noise, without):
            images.set_epoch(epoch)
        difference = with_noise[torch.arange(N)][0] - without[torch.arange(N)][0]
        assert difference.std(dim=(2, 3)).max() < 1e-5  # one colour for all pixels of a stamp
        noise.append(difference[:, :, 0, 0])
    found = np.cov(torch.cat(noise).numpy().T)
    expected = 0.3**2 * np.cov(cache.pixels.reshape(-1, 5).T.astype(float))
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((found - expected) / scale).max() < 5 * np.sqrt(2 / (30 * N))


def test_principal_colours_are_those_of_scikit_learn(cache):
    from sklearn.decomposition import PCA

    components = principal_colours(torch.from_numpy(cache.pixels)).numpy()
    pca = PCA().fit(cache.pixels.reshape(-1, 5).astype(float))
    ours = components[:, ::-1].T / np.linalg.norm(components[:, ::-1].T, axis=1, keepdims=True)
    assert np.abs((ours * pca.components_).sum(axis=1)) == pytest.approx(np.ones(5), abs=1e-4)
    assert (components**2).sum(axis=0)[::-1] == pytest.approx(pca.explained_variance_, rel=1e-4)


def test_what_a_stamp_gets_depends_on_seed_epoch_and_stamp_alone(cache):
    def of(rows, epoch=3, seed=1, batch=64, threads=1, stamp=17):
        torch.set_num_threads(threads)
        images = StampImages(cache, rows, 8, augmentation=Augmentation(colour_noise=0.0), seed=seed)
        images.set_epoch(epoch)
        found = {int(rows[k]): i for part, ks in images.batches(batch, True) for i, k in zip(part, ks, strict=True)}
        return found[stamp]

    before = torch.get_num_threads()
    try:
        first = of(np.arange(N))
        assert torch.equal(first, of(np.arange(N), threads=2))
        assert torch.equal(first, of(np.arange(N), batch=7))
        assert torch.equal(first, of(np.array([200, 17, 3])))  # in another sample
        assert not torch.equal(first, of(np.arange(N), epoch=4))
        assert not torch.equal(first, of(np.arange(N), seed=2))
    finally:
        torch.set_num_threads(before)


def test_an_epoch_can_be_entered_directly(cache):
    went, came = (StampImages(cache, np.arange(N), 8, augmentation=Augmentation(), seed=5) for _ in range(2))
    for epoch in range(3):
        went.set_epoch(epoch)
        list(went.batches(100, shuffle=True))
    came.set_epoch(2)
    for (ours, numbers), (theirs, same) in zip(went.batches(50, True), came.batches(50, True), strict=True):
        assert torch.equal(ours, theirs)
        assert torch.equal(numbers, same)


def test_an_epoch_has_each_stamp_once(cache):
    images = StampImages(cache, np.arange(100), 8, seed=1)
    parts = [numbers for _, numbers in images.batches(32, shuffle=True)]
    assert [len(part) for part in parts] == [32, 32, 32, 4]
    order = torch.cat(parts)
    assert sorted(order.tolist()) == list(range(100))
    assert order.tolist() != list(range(100))


def test_a_stamp_too_small_is_refused(cache):
    with pytest.raises(InputError, match="12 x 12 pixels; expected at least 13 x 13"):
        StampImages(cache, np.arange(3), 13)


def test_reading_a_cache_needs_numpy_and_torch_alone():
    code = "import sys, analysis.survey.stamps; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"h5py", "hdf5plugin", "pandas", "pyarrow", "pandera", "dvc", "astropy"} & set(loaded)


def test_the_training_loop_takes_them(tmp_path):
    rng = np.random.default_rng(2)
    brightness = rng.normal(size=(N, 1)).astype(np.float32)
    pixels = (brightness[:, :, None, None] + rng.normal(size=(N, SIDE, SIDE, 5))).astype(np.float16)
    cache = StampCache(pixels, np.arange(N), {})

    def sample(rows, augmentation):
        return StampImages(cache, rows, 8, (torch.from_numpy(brightness[rows]),), augmentation)

    def loss(net, batch):
        return ((net(batch[0]) - batch[1]) ** 2).mean()

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(5, 1))
    train, validation = sample(np.arange(200), Augmentation(colour_noise=0)), sample(np.arange(200, N), None)
    settings = training.Settings(epochs=25, batch_size=50, learning_rate=0.1, weight_decay=0.0, patience=25)
    history = training.train(model, loss, train, validation, settings, tmp_path)
    assert history[-1]["validation_loss"] < 0.1 * brightness[200:].var()
