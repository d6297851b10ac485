"""The boxes of the result: density grids of independent N-body runs, in one HDF5 file.

Layout of models/nbody_gan/boxes.h5, one group for each of `train`, `validation`, `test`:

- `density` (n, cells, cells, cells) float32: 1 + delta, of mean 1 in each run; consecutive boxes are independent, or
  come cut^3 at a time from one run, whose grid is cut along each axis;
- `seed` (n,) int64: of the run.

Attributes of the file: `box`, the side of one box in Mpc/h, `cells`, `redshift`, `periodic` (false where runs are cut),
`settings` (JSON), and `simulation_cpu_seconds` (on a GPU, those of the clock). The halves of `test` that are compared
with each other are its first and second: no run is in both.
"""

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from rich.progress import track

from analysis import params, paths
from analysis.errors import InputError
from analysis.files import replacing
from analysis.hdf5 import Disk
from analysis.loop.precision import clock
from analysis.loop.processes import pick_device
from analysis.nbody_gan.cosmology import Cosmology, linear_power
from analysis.nbody_gan.names import BOXES, NAME
from analysis.nbody_gan.nbody import run_settings, simulate

Array = np.ndarray

SPLITS = ("train", "validation", "test")
_PARTS = "boxes.parts"  # finished batches of a run that is not finished


@dataclass(frozen=True)
class Boxes:
    """The boxes of one split.

    Attributes
    ----------
    density : ndarray of float32, shape (n, cells, cells, cells)
        1 + delta.
    seed : ndarray of int64, shape (n,)
        Of the run that a box comes from.
    side : float
        Of a box, Mpc/h.
    redshift : float
    periodic : bool
        Whether a box is a whole run.
    simulation_cpu_seconds : float
        Of all runs of the file, those of other splits included.
    """

    density: Array
    seed: Array
    side: float
    redshift: float
    periodic: bool
    simulation_cpu_seconds: float


def read_boxes(path: Path, split: str) -> Boxes:
    """Read the boxes of a split: 'train', 'validation' or 'test'.

    Raises
    ------
    InputError
        If the file is none of `simulate-boxes`, or a density is not finite.
    """
    try:
        with h5py.File(path) as file:
            group, about = file[split], file.attrs
            boxes = Boxes(
                group["density"][:],
                group["seed"][:],
                about["box"],
                about["redshift"],
                bool(about["periodic"]),
                about["simulation_cpu_seconds"],
            )
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected what `nbody-gan simulate-boxes` writes", "damaged-file"
        ) from None
    if bad := np.flatnonzero(~np.isfinite(boxes.density).all(axis=(1, 2, 3))).tolist():
        raise InputError(
            f"{path}: {split}/density: box {bad[0]} has NaN or infinite values; expected finite ones", "bad-pixels"
        )
    return boxes


def run_seed(seed: int, number: int) -> int:
    """Return the seed of a run, by its number among all of them: no two alike, from 0 to 2^63 - 1."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def n_runs(settings: dict[str, Any]) -> dict[str, int]:
    """Return the number of runs of each split.

    Raises
    ------
    InputError
        If the runs cannot be cut like that, or the boxes of a split are not a whole number of runs.
    """
    cut, cells = settings["cut"], settings["cells"]
    if cut < 1 or cells % cut or (cells // cut) % 2:
        raise InputError(f"simulate_boxes: cut: {cut} of {cells} cells; expected boxes of an even number of cells")
    for split in SPLITS:
        if settings["boxes"][split] % cut**3:
            raise InputError(
                f"simulate_boxes: boxes: {split}: {settings['boxes'][split]}; expected a multiple of {cut**3}"
            )
    if settings["boxes"]["test"] // cut**3 % 2:
        raise InputError("simulate_boxes: boxes: test: expected an even number of runs, for two halves")
    return {split: settings["boxes"][split] // cut**3 for split in SPLITS}


def cut_boxes(density: Array, cut: int) -> Array:
    """Cut grids (runs, n, n, n) into cut^3 boxes each, those of a run together: (runs * cut^3, n/cut, …)."""
    side = density.shape[-1] // cut
    blocks = density.reshape(-1, cut, side, cut, side, cut, side).transpose(0, 1, 3, 5, 2, 4, 6)
    return np.ascontiguousarray(blocks).reshape(-1, side, side, side)


def _batches(settings: dict[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Yield the split and the seeds of each batch of runs, in order."""
    first = 0
    for split, runs in n_runs(settings).items():
        seeds = [run_seed(settings["seed"], first + number) for number in range(runs)]
        for start in range(0, runs, settings["batch"]):
            yield split, seeds[start : start + settings["batch"]]
        first += runs


def make_boxes(cosmology: Cosmology, settings: dict[str, Any], path: Path) -> None:
    """Simulate all boxes into one file; killed at any time, the next call goes on after the last finished batch.

    Parameters
    ----------
    cosmology : Cosmology
    settings : dict
        As the block `simulate_boxes` of params.yaml.
    path : pathlib.Path
        Written when all is there.
    """
    of_run, batches, spectrum = run_settings(settings), list(_batches(settings)), linear_power(cosmology)
    about = json.dumps({"cosmology": asdict(cosmology), **settings}, sort_keys=True)
    parts = path.with_name(_PARTS) / hashlib.sha256(about.encode()).hexdigest()[:16]
    for other in parts.parent.glob("*"):
        if other != parts:
            shutil.rmtree(other)  # of a run with other settings, given up
    device = pick_device(of_run.device)
    for number, (_, seeds) in enumerate(track(batches, "N-body boxes")):
        if not (parts / f"{number}.npz").is_file():
            started = clock(device)
            density = simulate(seeds, cosmology, of_run, settings["cells"], spectrum).cpu().numpy()
            spent = clock(device) - started
            with replacing(parts / f"{number}.npz") as partial, open(partial, "wb") as file:
                np.savez(file, density=cut_boxes(density, settings["cut"]), cpu_seconds=spent)
    _join(parts, batches, settings, about, path)
    shutil.rmtree(parts.parent)


def _join(parts: Path, batches: list[tuple[str, list[int]]], settings: dict[str, Any], about: str, path: Path) -> None:
    """Write finished batches into one file."""
    cut, side = settings["cut"], settings["cells"] // settings["cut"]
    spent, filled = 0.0, dict.fromkeys(SPLITS, 0)
    with replacing(path) as partial, Disk(partial) as disk:
        with h5py.File(disk, "w", libver="v110") as file:
            for split in SPLITS:
                file.create_dataset(f"{split}/density", (settings["boxes"][split], side, side, side), np.float32)
                file.create_dataset(f"{split}/seed", (settings["boxes"][split],), np.int64)
            for number, (split, seeds) in enumerate(batches):
                with np.load(parts / f"{number}.npz", allow_pickle=False) as part:
                    rows = slice(filled[split], filled[split] + len(part["density"]))
                    file[split]["density"][rows] = part["density"]
                    spent += float(part["cpu_seconds"])
                file[split]["seed"][rows] = np.repeat(seeds, cut**3)
                filled[split] = rows.stop
            file.attrs.update({"box": settings["box"] / cut, "cells": side, "redshift": settings["redshift"]})
            file.attrs.update({"periodic": cut == 1, "settings": about, "simulation_cpu_seconds": spent})
        disk.check()


def simulate_boxes(_: argparse.Namespace) -> None:
    """params.yaml -> models/nbody_gan/boxes.h5."""
    cosmology = Cosmology(**params.load("nbody")["cosmology"])
    settings = params.load("simulate_boxes")
    with torch.inference_mode():
        make_boxes(cosmology, settings, paths.MODELS / NAME / BOXES)
