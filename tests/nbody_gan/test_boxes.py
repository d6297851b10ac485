"""The file of boxes: its layout, that it resumes to the same, that it is there whole or not at all."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from analysis.errors import InputError
from analysis.nbody_gan import boxes
from analysis.nbody_gan.cosmology import Cosmology, PowerSpectrum

COSMOLOGY = Cosmology(omega_m=0.276, omega_b=0.045, h=0.7, sigma8=0.811, n_s=0.961)
SETTINGS: dict[str, Any] = {
    "seed": 1,
    "box": 80.0,
    "particles": 8,
    "mesh": 12,
    "cutoff": 0.8,
    "cells": 8,
    "cut": 1,
    "steps": 2,
    "z_start": 9.0,
    "redshift": 0.0,
    "batch": 2,
    "device": "cpu",
    "deterministic": False,
    "boxes": {"train": 3, "validation": 2, "test": 4},
}


@pytest.fixture(autouse=True)
def _no_camb(monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = PowerSpectrum(np.array([1e-3, 0.02, 0.2, 50.0]), np.array([8e3, 2.4e4, 2.3e3, 0.005]))
    monkeypatch.setattr(boxes, "linear_power", lambda _: spectrum)


def read_all(path: Path) -> dict[str, boxes.Boxes]:
    return {split: boxes.read_boxes(path, split) for split in boxes.SPLITS}


def test_file_has_the_boxes_of_each_split(tmp_path: Path) -> None:
    path = tmp_path / "boxes.h5"
    boxes.make_boxes(COSMOLOGY, SETTINGS, path)
    read = read_all(path)
    assert {split: of.density.shape for split, of in read.items()} == {
        "train": (3, 8, 8, 8),
        "validation": (2, 8, 8, 8),
        "test": (4, 8, 8, 8),
    }
    for of in read.values():
        assert (of.side, of.redshift, of.periodic) == (80.0, 0.0, True)
        np.testing.assert_allclose(of.density.mean((1, 2, 3)), 1, atol=1e-5)
    seeds = np.concatenate([of.seed for of in read.values()])
    assert len(np.unique(seeds)) == 9
    assert [file.name for file in tmp_path.iterdir()] == ["boxes.h5"]


def test_killed_run_goes_on_to_the_same_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes.make_boxes(COSMOLOGY, SETTINGS, tmp_path / "whole.h5")
    simulate, calls = boxes.simulate, []

    def dies_at_the_third(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return simulate(*arguments)

    monkeypatch.setattr(boxes, "simulate", dies_at_the_third)
    path = tmp_path / "boxes.h5"
    with pytest.raises(KeyboardInterrupt):
        boxes.make_boxes(COSMOLOGY, SETTINGS, path)
    assert not path.exists()
    boxes.make_boxes(COSMOLOGY, SETTINGS, path)
    assert len(calls) == 3 + 3  # of five batches, two were done
    for one, other in zip(read_all(path).values(), read_all(tmp_path / "whole.h5").values(), strict=True):
        np.testing.assert_array_equal(one.density, other.density)
        np.testing.assert_array_equal(one.seed, other.seed)


def test_batches_of_other_settings_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "boxes.parts" / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "0.npz").write_bytes(b"of another run")
    boxes.make_boxes(COSMOLOGY, SETTINGS, tmp_path / "boxes.h5")
    assert not left.exists()


def test_runs_are_cut_into_boxes_that_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "boxes.h5"
    cut = SETTINGS | {"cut": 2, "boxes": {"train": 16, "validation": 8, "test": 16}}
    boxes.make_boxes(COSMOLOGY, cut, path)
    of = boxes.read_boxes(path, "train")
    assert of.density.shape == (16, 4, 4, 4)
    assert (of.side, of.periodic) == (40.0, False)
    assert len(np.unique(of.seed[:8])) == 1
    assert of.seed[0] != of.seed[8]
    np.testing.assert_allclose(of.density[:8].mean(), 1, atol=1e-5)  # together, they are the run


def test_cutting_keeps_places() -> None:
    grid = np.arange(2 * 4**3).reshape(2, 4, 4, 4)
    cut = boxes.cut_boxes(grid, 2)
    np.testing.assert_array_equal(cut[0], grid[0, :2, :2, :2])
    np.testing.assert_array_equal(cut[1], grid[0, :2, :2, 2:])
    np.testing.assert_array_equal(cut[8 + 6], grid[1, 2:, 2:, :2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cut": 3}, "cut: 3 of 8 cells"),
        ({"cells": 7}, "an even number of cells"),
        ({"cut": 2}, "train: 3; expected a multiple of 8"),
        ({"boxes": {"train": 2, "validation": 2, "test": 3}}, "two halves"),
        ({"mesh": 13}, "mesh: 13"),
        ({"cutoff": 0.1}, "smaller than the smoothing"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        boxes.make_boxes(COSMOLOGY, SETTINGS | change, tmp_path / "boxes.h5")
    assert not list(tmp_path.iterdir())


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        boxes.read_boxes(tmp_path / "none.h5", "train")
    path = tmp_path / "boxes.h5"
    boxes.make_boxes(COSMOLOGY, SETTINGS, path)
    with pytest.raises(InputError, match="cannot be read"):
        boxes.read_boxes(path, "final")
    with h5py.File(path, "r+") as file:
        file["test/density"][2, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="test/density: box 2"):
        boxes.read_boxes(path, "test")
