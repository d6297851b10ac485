"""What training chooses on validation galaxies, and the samples of the learning curve."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.cnn_redshift import train


def test_the_point_is_that_of_the_smallest_sigma68():
    grid = np.linspace(0, 1, 501)
    z = np.random.default_rng(1).uniform(0.2, 0.6, 300)
    # a narrow peak at the truth, and a shoulder of another height for each galaxy: the mode alone is right
    shoulder = np.random.default_rng(2).uniform(0, 0.8, 300)[:, None]
    pdfs = np.exp(-((grid - z[:, None]) ** 2) / (2 * 0.01**2)) + 0.02 * shoulder * (grid > z[:, None])
    pdfs /= np.trapezoid(pdfs, grid, axis=1)[:, None]
    point, widths = train.best_point(grid, pdfs, z)
    assert point == "mode"
    assert set(widths) == {"mean", "median", "mode"}
    assert widths["mode"] < 0.002 < widths["mean"]


def test_smaller_samples_are_in_the_larger_ones_and_draws_differ():
    training = pd.DataFrame({"object_id": np.arange(200)})
    drawn = [(draw, set(some["object_id"])) for draw, some in train.subsets(training, [0.1, 0.5, 1.0], 2, seed=1)]
    assert [(draw, len(ids)) for draw, ids in drawn] == [(0, 20), (0, 100), (0, 200), (1, 20), (1, 100), (1, 200)]
    (_, small), (_, half), (_, whole), (_, other), *_ = drawn
    assert small < half < whole
    assert len(small & other) < 10


def test_trees_take_the_depth_that_validates_best():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"a": rng.uniform(0, 1, 800), "b": rng.uniform(0, 1, 800)})
    table["redshift"] = np.sin(9 * table["a"]) * table["b"] + 0.02 * rng.normal(size=800)
    settings = {"seed": 1, "depths": [1, 8], "adaboost": {"n_estimators": 10, "min_samples_leaf": 3, "max_bins": 63}}
    model, depth = train.best_trees(table[:500], table[500:], ["a", "b"], settings)
    assert depth == 8
    residual = table["redshift"][500:] - model.predict(table[["a", "b"]][500:].to_numpy())
    assert residual.std() < 0.5 * table["redshift"].std()


@pytest.mark.parametrize(
    ("sizes", "high", "why"),
    [
        ((100, 30, 30), 1.0, ""),
        ((100, 30, 9), 1.0, "9 galaxies with redshift and stamp in the test sample; 10 are needed"),
        ((100, 30, 30), 2.1, "100 training galaxies for 21 bins of redshift; 5 a bin are needed on average"),
    ],
)
def test_how_many_galaxies_are_enough(sizes, high, why):
    splits = ("train", "validation", "test")
    galaxies = pd.DataFrame({"split": np.repeat(splits, sizes)})
    settings = {"min_galaxies": dict.fromkeys(splits, 10), "min_per_bin": 5, "network": {"bin_width": 0.1}}
    assert train.too_few(galaxies, settings, high).startswith(why)
    assert bool(train.too_few(galaxies, settings, high)) == bool(why)


def test_the_time_is_that_of_all_epochs_of_all_members(monkeypatch):
    network = SimpleNamespace(histories=[[{"seconds": 2.0, "cpu_seconds": 3.0}] * 5] * 2)
    monkeypatch.setattr(train, "speed", lambda _network, rate, _device: {"stamps_per_second": rate})
    found = train.compute(network, 100, "cpu")
    assert found == {"wall_seconds": 20, "cpu_seconds": 30, "stamps_per_second": 2 * 5 * 100 / 20}


def test_the_grid_does_not_know_the_test_galaxies():
    galaxies = pd.DataFrame({"split": ["train", "validation", "test"], "redshift": [0.3, 0.4, 0.9]})
    grid = train.redshift_grid(galaxies)
    assert 0.4 < grid[-1] < 0.5
