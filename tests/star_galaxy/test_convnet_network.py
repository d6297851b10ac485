"""The network in use: it tells point sources from extended ones, turned or not, and knows what it does not know."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from analysis import paths
from analysis.errors import InputError
from analysis.star_galaxy import network, train_convnet
from analysis.star_galaxy.convnet import ConvNet
from analysis.star_galaxy.network import (
    GALAXY_OUTPUT,
    STAR_OUTPUT,
    WEIGHTS,
    How,
    combined,
    dropout_masks,
    predict,
    probabilities,
)
from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.luptitudes import SDSS_SOFTENING, asinh_scaled
from analysis.survey.stamps_cache import StampCache, scaled_stamps
from analysis.survey.stamps_file import SIDE, Stamps, StampsWriter

CROP = 20  # pixels: seconds of training
NOISE = 0.02  # nanomaggies
HOW = How(shift=2, pixel_scale=0.396, seeing=(1.3,) * 5, softening=SDSS_SOFTENING, passes=8, seed=1)
SETTINGS = {
    "seed": 1,
    "side": CROP,
    "width": 0.1,
    "dropout": 0.5,
    "colour_noise": 0.1,
    "network": {"epochs": 8, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 1e-4, "patience": 8}
    | {"device": "cpu"},
}


def blobs(width: np.ndarray, flux: np.ndarray, seed: int = 1, side: int = CROP + 4) -> np.ndarray:
    """Draw Gaussians of so many pixels (sigma) and nanomaggies, grey, in the sky's noise: (n, 5, side, side)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * width[:, None, None] ** 2)) / (2 * np.pi * width[:, None, None] ** 2)
    pixels = (flux[:, None, None] * profile)[:, None].repeat(5, axis=1)
    return pixels + NOISE * rng.standard_normal(pixels.shape)


def cache_of(pixels: np.ndarray) -> StampCache:
    scaled = np.moveaxis(asinh_scaled(pixels), 1, -1).astype(np.float16)
    return StampCache(np.ascontiguousarray(scaled), np.arange(len(pixels)), {})


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw widths and fluxes: stars as wide as the PSF, galaxies 1.6 to 3 times as wide."""
    rng = np.random.default_rng(seed)
    is_galaxy = np.arange(n) % 2 == 1
    width = 1.4 * np.where(is_galaxy, rng.uniform(1.6, 3, n), 1)
    return width, 10 ** rng.uniform(0.5, 2, n), is_galaxy


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> ConvNet:
    width, flux, is_galaxy = sample(600, seed=1)
    objects = pd.DataFrame(
        {"row": np.arange(600), "is_galaxy": is_galaxy, "split": ["train"] * 500 + ["validation"] * 100}
    )
    found, history = train_convnet.fit_network(
        cache_of(blobs(width, flux)), objects, SETTINGS, tmp_path_factory.mktemp("checkpoints")
    )
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]
    return found


def test_it_tells_point_sources_from_extended_ones(trained: ConvNet) -> None:
    width, flux, is_galaxy = sample(200, seed=2)
    p, _ = combined(trained, HOW, cache_of(blobs(width, flux, seed=2)), np.arange(200))
    assert np.mean((p > 0.5) == is_galaxy) > 0.97
    assert p[is_galaxy].mean() > 0.9
    assert p[~is_galaxy].mean() < 0.1


def test_the_flux_of_a_star_makes_it_no_galaxy(trained: ConvNet) -> None:
    flux = np.geomspace(5, 80, 40)
    p, _ = combined(trained, HOW, cache_of(blobs(np.full(40, 1.4), flux)), np.arange(40))
    assert p.max() < 0.5


def test_a_turned_stamp_has_the_same_probability_and_error(trained: ConvNet) -> None:
    rng = np.random.default_rng(5)
    stamp = blobs(np.array([2.0]), np.array([10.0]))[0] + 0.3 * rng.random((5, CROP + 4, CROP + 4))  # of no symmetry
    turned = [np.rot90(picture, k, axes=(1, 2)) for picture in (stamp, stamp[:, :, ::-1]) for k in range(4)]
    p, error = combined(trained, HOW, cache_of(np.stack(turned)), np.arange(8))
    np.testing.assert_allclose(p, p[0], atol=1e-6)
    np.testing.assert_allclose(error, error[0], atol=1e-6)
    with torch.no_grad():
        crops = [torch.tensor(t[None, :, 2:-2, 2:-2].copy(), dtype=torch.float32) for t in turned]
        one_copy = [float(trained(crop).softmax(dim=1)[0, GALAXY_OUTPUT]) for crop in crops]
    assert np.ptp(one_copy) > 1e-6  # the network by itself is not: it is the copies that do it


def test_the_error_is_largest_between_the_classes(trained: ConvNet) -> None:
    between = 1.4 * 1.3  # a third wider than the PSF: the training set has none
    width, flux = np.repeat([1.4, between, 1.4 * 2.5], 40), np.tile(np.geomspace(10, 80, 40), 3)
    _, error = combined(trained, HOW, cache_of(blobs(width, flux)), np.arange(120))
    star, ambiguous, galaxy = error.reshape(3, 40).mean(axis=1)
    assert ambiguous > 2 * star
    assert ambiguous > 2 * galaxy


def test_the_error_is_the_same_each_time_and_whatever_else_is_predicted(trained: ConvNet) -> None:
    width, flux, _ = sample(30, seed=3)
    cache = cache_of(blobs(width, flux))
    p, error = combined(trained, HOW, cache, np.arange(30))
    again = combined(trained, HOW, cache, np.arange(30)[::-1])
    alone = combined(trained, HOW, cache, np.array([7]))
    np.testing.assert_allclose(again, (p[::-1], error[::-1]), atol=1e-6)
    np.testing.assert_allclose(alone, ([p[7]], [error[7]]), atol=1e-6)
    assert not np.allclose(combined(trained, HOW._replace(seed=2), cache, np.arange(30))[1], error, rtol=1e-3)


def test_thinned_networks_are_those_of_dropout(trained: ConvNet) -> None:
    """A thinned network is PyTorch's own in training, where its masks are those drawn."""
    width, flux, _ = sample(4, seed=4)
    cache = cache_of(blobs(width, flux, side=CROP))  # one crop
    [mask] = dropout_masks(trained, 1, seed=9)
    _, thinned = probabilities(trained, cache, np.arange(4), 0, [mask])
    handles = []
    layers = [layer for layer in trained.dense if isinstance(layer, torch.nn.Dropout)]
    for layer, kept in zip(layers, mask, strict=True):
        handles.append(layer.register_forward_hook(lambda _, given, __, kept=kept: given[0] * kept))
    expected = mean_over_symmetries(trained, cache)
    for handle in handles:
        handle.remove()
    np.testing.assert_allclose(thinned[0], expected, atol=1e-6)
    assert all(set(np.unique(kept)) == {0, 2} for kept in mask)  # half is left out, the rest is doubled


def mean_over_symmetries(net: ConvNet, cache: StampCache) -> np.ndarray:
    pictures = np.moveaxis(cache.pixels.astype(np.float32), -1, 1)
    found = []
    with torch.no_grad():
        for flipped in (pictures, pictures[..., ::-1]):
            for k in range(4):
                images = torch.from_numpy(np.rot90(flipped, k, axes=(2, 3)).copy())
                found.append(net(images).softmax(dim=1)[:, GALAXY_OUTPUT].numpy())
    return np.mean(found, axis=0)


def test_the_probability_is_the_mean_over_the_eight_symmetries_of_five_crops(trained: ConvNet) -> None:
    width, flux, _ = sample(4, seed=6)
    pixels = blobs(width, flux)
    whole, _ = probabilities(trained, cache_of(pixels), np.arange(4), 2, [])
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    crops = [mean_over_symmetries(trained, cache_of(pixels[:, :, i : i + CROP, j : j + CROP])) for i, j in corners]
    np.testing.assert_allclose(whole, np.mean(crops, axis=0), atol=1e-5)


def test_stamps_larger_than_those_of_the_training_are_cut_at_their_centre(trained: ConvNet) -> None:
    width, flux, _ = sample(10, seed=8)
    pixels = blobs(width, flux)
    larger = np.pad(pixels, ((0, 0), (0, 0), (5, 5), (5, 5)), constant_values=50.0)  # a bright frame must not be seen
    found, expected = (combined(trained, HOW, cache_of(p), np.arange(10)) for p in (larger, pixels))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_outputs_are_star_then_galaxy() -> None:
    images = train_convnet.images_of(
        cache_of(np.ones((2, 5, 12, 12))), np.arange(2), np.array([False, True]), 12, None, 0
    )
    assert images[torch.arange(2)][1].tolist() == [STAR_OUTPUT, GALAXY_OUTPUT]


# Errors


@pytest.fixture
def survey(tmp_path):
    """A survey of four stamps and a folder with an untrained network for it."""
    pixels = blobs(np.full(4, 1.5), np.full(4, 10.0), side=SIDE).astype(np.float32)
    ids = np.array([40, 10, 30, 20])
    folder = tmp_path / "survey"
    write_survey(pd.DataFrame({"object_id": ids}), folder, {"kind": "mock", "source": "tests"})
    with StampsWriter(folder / STAMPS) as writer:
        writer.append(Stamps(pixels, ids, np.full((4, 5), 1.3, np.float32), np.full((4, 5), NOISE, np.float32)))
    torch.manual_seed(0)
    network.save_network(tmp_path / "model" / WEIGHTS, ConvNet(side=CROP, width=0.1).eval(), HOW)
    return folder


def test_objects_are_found_by_their_number(survey, tmp_path) -> None:
    p, _ = predict(tmp_path / "model", survey, np.array([10, 20, 40]), tmp_path / "caches")
    net, how = network.load_network(tmp_path / "model" / WEIGHTS)
    cache = scaled_stamps(survey, folder=tmp_path / "caches")
    np.testing.assert_allclose(p, combined(net, how, cache, np.array([1, 3, 0]))[0])
    assert how == HOW


def test_an_object_without_stamp_is_named(survey, tmp_path) -> None:
    with pytest.raises(InputError, match=r"stamps\.h5: no stamp of object 25"):
        predict(tmp_path / "model", survey, np.array([10, 25]), tmp_path / "caches")


def test_stamps_smaller_than_the_network_takes_are_refused(survey, tmp_path) -> None:
    network.save_network(tmp_path / "model" / WEIGHTS, ConvNet(side=48, width=0.05), HOW)
    with pytest.raises(InputError, match="stamps of 44 x 44 pixels; expected at least 48 x 48"):
        predict(tmp_path / "model", survey, np.array([10]), tmp_path / "caches")


def test_stamps_of_other_pixels_are_refused(survey, tmp_path) -> None:
    network.save_network(tmp_path / "model" / WEIGHTS, ConvNet(side=CROP, width=0.05), HOW._replace(pixel_scale=0.2))
    with pytest.raises(InputError, match=r"pixels of 0\.396 arcsec; the network learnt from 0\.2"):
        predict(tmp_path / "model", survey, np.array([10]), tmp_path / "caches")


def test_a_folder_without_network_says_how_to_make_one(survey, tmp_path) -> None:
    with pytest.raises(InputError, match="star-galaxy train-convnet"):
        predict(tmp_path / "nothing", survey, np.array([10]), tmp_path / "caches")


def test_a_network_that_does_not_say_how_to_use_it_is_refused(survey, tmp_path) -> None:
    ConvNet(side=CROP, width=0.05).save(tmp_path / "model" / WEIGHTS, shift=2)
    with pytest.raises(InputError, match=r"convnet\.safetensors: says shift; expected shift, pixel_scale"):
        predict(tmp_path / "model", survey, np.array([10]), tmp_path / "caches")


# The stage


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Let the stage run on objects of a small survey, in a folder of its own; return what it is told."""
    width, flux, is_galaxy = sample(90, seed=1)
    pixels = blobs(width, flux, side=24).astype(np.float32)
    ids = np.arange(90) * 3
    objects = pd.DataFrame(
        {"object_id": ids, "is_galaxy": is_galaxy, "split": np.repeat(["train", "validation", "test"], 30)}
    )
    write_survey(pd.DataFrame({"object_id": ids}), tmp_path / "data", {"kind": "mock", "source": "tests"})
    with StampsWriter(tmp_path / "data" / STAMPS, (24, 24)) as writer:
        writer.append(Stamps(pixels, ids, np.full((90, 5), 1.3, np.float32), np.full((90, 5), NOISE, np.float32)))
    told = {"objects": objects, "about": {}, "settings": SETTINGS | {"passes": 3, "most_training": 20}}
    told["settings"]["network"] = SETTINGS["network"] | {"epochs": 2}
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "models" / "checkpoints")
    monkeypatch.setattr(train_convnet, "star_galaxy_sample", lambda _: (told["objects"].copy(), told["about"]))
    monkeypatch.setattr(train_convnet.params, "load", lambda _: told["settings"])
    monkeypatch.setattr(
        train_convnet, "scaled_stamps", lambda survey: scaled_stamps(survey, folder=tmp_path / "caches")
    )
    return told


def test_no_more_than_so_many_training_stamps_are_drawn(stage) -> None:
    objects = stage["objects"]
    fewer = train_convnet.at_most(objects, 20, seed=1)
    assert fewer["split"].value_counts().to_dict() == {"train": 20, "validation": 30, "test": 30}
    assert fewer["object_id"].is_monotonic_increasing  # those left out are anywhere, the rest as it was
    assert set(fewer["object_id"][:20]) != set(objects["object_id"][:20])
    pd.testing.assert_frame_equal(fewer, train_convnet.at_most(objects, 20, seed=1))
    assert len(train_convnet.at_most(objects, None, seed=1)) == len(train_convnet.at_most(objects, 30, seed=1)) == 90


def test_training_took_what_all_epochs_took_not_the_last_process_alone(stage, tmp_path, monkeypatch) -> None:
    fit = train_convnet.fit_network

    def resumed(*given):
        network, history = fit(*given)
        return network, [epoch | {"seconds": seconds} for epoch, seconds in zip(history, (1000.0, 0.5), strict=True)]

    monkeypatch.setattr(train_convnet, "fit_network", resumed)
    train_convnet.train_star_galaxy_convnet(None)
    choices = json.loads((tmp_path / "models" / "star_galaxy_convnet" / "choices.json").read_text())
    assert choices["training_seconds"] == 1000.5


@pytest.mark.parametrize("scale", ["full", "smoke"])
def test_crops_can_be_shifted_at_every_scale(scale) -> None:
    blocks = [yaml.safe_load(path.read_text()) for path in (paths.PARAMS, paths.SCALES / f"{scale}.yaml")]
    settings = blocks[0]["train_star_galaxy_convnet"] | blocks[1]["train_star_galaxy_convnet"]
    assert settings["side"] <= SIDE - 4


def test_the_stage_writes_a_network_that_can_be_used(stage, tmp_path) -> None:
    train_convnet.train_star_galaxy_convnet(None)
    folder = tmp_path / "models" / "star_galaxy_convnet"
    choices = json.loads((folder / "choices.json").read_text())
    assert choices["epochs"] == 2
    assert choices["n_training"] == 20  # of 30
    assert 0 <= choices["validation"]["auc"] <= 1
    assert not (tmp_path / "models" / "checkpoints" / "star_galaxy_convnet").exists()
    p, error = predict(folder, tmp_path / "data", stage["objects"]["object_id"].to_numpy(), tmp_path / "caches")
    assert ((p > 0) & (p < 1)).all()
    assert (error > 0).all()


def test_without_stamps_the_stage_says_so_and_leaves_no_network(stage, tmp_path) -> None:
    train_convnet.train_star_galaxy_convnet(None)
    stage["about"] = {"no_stamps": "the survey has no stamps"}
    train_convnet.train_star_galaxy_convnet(None)
    folder = tmp_path / "models" / "star_galaxy_convnet"
    assert json.loads((folder / "choices.json").read_text()) == {"not_run": "the survey has no stamps"}
    assert not (folder / WEIGHTS).exists()


def test_crops_larger_than_the_stamps_are_refused_and_nothing_is_overwritten(stage, tmp_path) -> None:
    train_convnet.train_star_galaxy_convnet(None)
    folder = tmp_path / "models" / "star_galaxy_convnet"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    stage["settings"]["side"] = 40
    with pytest.raises(InputError, match="stamps of 24 x 24 pixels; expected at least 40 x 40"):
        train_convnet.train_star_galaxy_convnet(None)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
