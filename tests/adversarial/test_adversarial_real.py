"""Attacks on real images: what is read and refused, sky and duplicates, what a record keeps, a small run of all."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis import params
from analysis.adversarial import galaxy_zoo, names, plot_real, real, real_attacks
from analysis.adversarial.galaxy_zoo import Galaxies
from analysis.adversarial.morphology import MorphologyNet
from analysis.adversarial.real_attacks import Attacked
from analysis.errors import InputError

SMALL = {
    "n_bootstrap": 20, "block": 2, "side": 16, "margin": 2, "channels": 4, "votes": 4, "attacked": 20, "shown": 1,
    "network": {"epochs": 6, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 0.01},
    "epsilons": [1, 6, 12], "pgd": {"steps": 5, "restarts": 2},
}  # fmt: skip


@pytest.fixture
def settings() -> dict:
    whole = params.load("real_adversarial")
    light = whole["light"] | {"attacked": 10, "fainter": [2], "step": 5.0, "reach": 5.0}
    return whole | SMALL | {"light": light, "validation": 0.25}


def cut_outs(n: int, seed: int = 1, side: int = 40) -> np.ndarray:
    """Draw galaxies, every other one with arms, in sky of 3 counts of noise above 20: uint8 (n, 3, side, side)."""
    # of different sizes and shapes: they are no duplicates
    rng = np.random.default_rng(seed)
    along = np.linspace(-1, 1, side)
    steep, flat = rng.uniform(2, 5, (n, 1, 1)), rng.uniform(0.4, 2.5, (n, 1, 1))
    radius, angle = np.hypot(flat * along[:, None], along), np.arctan2(along[:, None], along)
    arms = np.cos(2 * (angle - 2 * np.pi * rng.random((n, 1, 1))) - 8 * radius)
    light = 150 * np.exp(-steep * radius) * (1 + 0.9 * (np.arange(n) % 2)[:, None, None] * arms)
    return np.clip(light[:, None] + 20 + 3 * rng.normal(size=(n, 3, side, side)), 0, 255).astype(np.uint8)


def drawn(n: int = 800) -> Galaxies:
    pixels = cut_outs(n)
    split = np.where(np.arange(n) < 0.75 * n, "train", "validation")
    table = pd.DataFrame({"GalaxyID": np.arange(n), "split": split, "spiral": np.arange(n) % 2, "duplicate": False})
    corners = np.random.default_rng(2).normal(20, 3, (n, 3, 4, 16, 16)).clip(0, 255).astype(np.uint8)
    return Galaxies(table, pixels, corners)


def write_folder(folder: Path, pixels: np.ndarray, mode: str = "RGB") -> Path:
    """Write labels.csv and images.tar of some cut-outs, without loss (PNG inside, as the reader looks at content)."""
    folder.mkdir()
    table = pd.DataFrame({"GalaxyID": 100 + np.arange(len(pixels)), "split": "train"})
    table.assign(spiral=table.index % 2).to_csv(folder / "labels.csv", index=False)
    with tarfile.open(folder / "images.tar", "w") as archive:
        for number, image in zip(table["GalaxyID"], pixels, strict=True):
            memory = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).convert(mode).save(memory, format="PNG")
            member = tarfile.TarInfo(f"train/{number}.jpg")
            member.size = memory.tell()
            memory.seek(0)
            archive.addfile(member, memory)
    return folder


def test_images_are_read_with_their_labels(tmp_path):
    pixels = cut_outs(6)
    read = galaxy_zoo.read_galaxies(write_folder(tmp_path / "zoo", pixels), side=36, corner=8)
    np.testing.assert_array_equal(read.pixels, pixels[..., 2:-2, 2:-2])
    np.testing.assert_array_equal(read.corners[:, :, 3], pixels[..., -8:, -8:])
    assert read.table["spiral"].tolist() == [0, 1] * 3 and not read.table["duplicate"].any()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "images.tar").unlink(), "images.tar: not readable as a tar file"),
        (lambda f: (f / "images.tar").write_bytes(b"x" * 2000), "images.tar: not readable as a tar file"),
        (lambda f: (f / "labels.csv").unlink(), "labels.csv: not readable as CSV"),
        (lambda f: (f / "labels.csv").write_text("GalaxyID,split\n100,train\n"), "no column 'spiral'"),
        (lambda f: (f / "labels.csv").write_text("GalaxyID,split,spiral\n100,train,2\n"), "row 2: spiral is 2"),
        (lambda f: (f / "labels.csv").write_text("GalaxyID,split,spiral\n100,dev,1\n"), "row 2: split is dev"),
        (lambda f: (f / "labels.csv").write_text("GalaxyID,split,spiral\n7,train,1\n"), "no image of GalaxyID 7"),
        (lambda f: (f / "labels.csv").write_text("GalaxyID,split,spiral\n" + "7,train,1\n" * 2), "7 is there twice"),
    ],
)
def test_bad_files_are_named(tmp_path, spoil, says):
    folder = write_folder(tmp_path / "zoo", cut_outs(2))
    spoil(folder)
    with pytest.raises(InputError, match=says):
        galaxy_zoo.read_galaxies(folder, 36, 8)


def test_images_without_colour_or_too_small_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"100\.jpg: 40 x 40 pixels in mode L; expected RGB of at least 36 x 36"):
        galaxy_zoo.read_galaxies(write_folder(tmp_path / "grey", cut_outs(1), "L"), 36, 8)
    with pytest.raises(InputError, match="expected RGB of at least 48 x 48"):
        galaxy_zoo.read_galaxies(write_folder(tmp_path / "small", cut_outs(1)), 48, 8)


def test_duplicates_are_found_and_are_in_no_sample():
    pixels = cut_outs(40, side=216)
    again = pixels[3].astype(int) + np.random.default_rng(1).integers(-1, 2, pixels[3].shape)
    pixels[20], pixels[30] = pixels[5], np.clip(again, 0, 255)
    same = galaxy_zoo.duplicates(pixels)
    assert same[20] and same[30] and not same[[3, 5]].any()
    table = pd.DataFrame({"split": ["train"] * 25 + ["validation"] * 15, "duplicate": same})
    sample = galaxy_zoo.split(table, 0.2, seed=1)
    assert sample[20] == sample[30] == "duplicate"
    assert (sample == "validation").sum() == round(0.2 * (~same[:25]).sum())
    assert set(sample[25:]) == {"test", "duplicate"}


def test_the_sky_s_noise_is_measured_in_pixels_and_in_means():
    sky = galaxy_zoo.sky(drawn(60), block=2)
    assert sky["level"] == pytest.approx(19.5, abs=1)  # counts are cut off to whole ones
    assert sky["noise"] == pytest.approx(3, abs=0.2) and sky["noise_coarse"] == pytest.approx(1.5, abs=0.2)


@pytest.fixture
def attacked(settings) -> Attacked:
    torch.manual_seed(1)
    network = MorphologyNet(settings["side"], settings["channels"]).eval().requires_grad_(False)
    pixels = cut_outs(8, side=32)
    return Attacked(network, pixels, torch.arange(8) % 2, settings, sky_noise=1.5)


def test_a_change_of_means_is_recorded_in_every_pixel_of_a_block(attacked):
    changed = attacked.images.clone()
    np.testing.assert_array_equal(attacked.recorded(changed), attacked.pixels)
    changed[0, 1, 3, 4] += 7
    record = attacked.recorded(changed).astype(int) - attacked.pixels
    assert (record[0, 1, 6:8, 8:10] == 7).all() and record.sum() == 4 * 7
    assert attacked.recorded(changed + 300).max() == 255  # what the image can hold
    saved = attacked.recorded(attacked.images, quality=95)
    assert saved.dtype == np.uint8 and 0 < np.abs(saved.astype(int) - attacked.pixels).mean() < 3


def test_attacks_stay_within_epsilon_and_within_counts(attacked):
    for name, images in real_attacks.adversarial_images(attacked, 2.0).items():
        assert float((images - attacked.images).abs().max()) == pytest.approx(2 * 1.5, rel=1e-4), name
        assert images.min() >= 0 and images.max() <= 255


def test_all_three_kinds_of_light_hold_the_same(attacked, settings):
    camera = real_attacks.physical.Camera(0.5, torch.full((4, 3), 1.3), (32, 32))
    light = torch.tensor([100.0, 200, 300, 400])
    for name, thing in real_attacks.disturbances(light, camera, settings["light"]).items():
        middle = real_attacks.physical.Places(*(torch.zeros(4) for _ in range(3)))
        added = thing.draw(middle, camera)
        torch.testing.assert_close(added.sum(dim=(1, 2, 3)), light, rtol=0.01, atol=0)
        assert (added[:, 0].sum() == 0) == (name != names.STAR)  # trail and ray are in one channel


def test_the_whole_runs_on_drawn_galaxies(settings):
    metrics, tables, picture = real.measure(drawn(), settings)
    assert metrics["sample"] == {
        "n_train": 450, "n_validation": 150, "n_test": 200, "n_duplicate": 0, "n_attacked": 20
    }  # fmt: skip
    curves = tables[names.CURVES].pivot(index="epsilon", columns="attack", values="accuracy")
    assert (curves["pgd"] <= curves["fgsm"] + 1e-9).all() and curves["pgd"].iloc[-1] < curves["noise"].iloc[-1]
    places = tables[names.PLACES].pivot(index="kind", columns="place", values="accuracy")
    assert (places["worst"] <= places["random"]).all() and set(places.index) == {names.STAR, names.TRAIL, names.HIT}
    assert tables[names.VOTES]["n"].sum() == 200
    tiles = tables[names.TILES]
    assert picture.shape == (32 * len(tiles), 3 * 32, 3)
    figure = plot_real.plot_curves(tables[names.CURVES], tables[names.PLACES], tables[names.VOTES])
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "accuracy",
        "mean confidence",
        "accuracy",
        "share of spirals",
    ]


def test_too_few_images_are_refused(settings):
    with pytest.raises(InputError, match=r"validation: .* images of a class; expected at least 50"):
        real.measure(drawn(200), settings | {"validation": 0.1})


@pytest.mark.real
def test_real_images_are_what_the_readme_says(real_data):
    galaxies = galaxy_zoo.read_galaxies(real_data / names.REAL_IMAGES, 216, 40)
    assert len(galaxies.table) == 2000 and galaxies.table["spiral"].mean() == 0.5
    sky = galaxy_zoo.sky(galaxies, 6)
    assert 1 < sky["noise_coarse"] < sky["noise"] < 6 and sky["level"] < 10
    centre, edge = galaxies.pixels[..., 98:118, 98:118].mean(), galaxies.corners.mean()
    assert centre > 10 * edge  # the galaxy is in the middle
