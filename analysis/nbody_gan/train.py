"""N-body boxes -> a generator that draws such boxes."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from analysis import params, paths, training
from analysis.errors import InputError
from analysis.files import write_json
from analysis.loop.processes import rank
from analysis.nbody_gan import names, statistics
from analysis.nbody_gan.boxes import Boxes, read_boxes
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.covariance import correlation_distance
from analysis.nbody_gan.gan import Gan, draw_boxes
from analysis.nbody_gan.layers import Shape, scale_density
from analysis.nbody_gan.learning import TrainingBoxes, gan_turns
from analysis.nbody_gan.mock import linear_modes
from analysis.nbody_gan.statistics import Binning

Array = np.ndarray

_STANDARDS = 500  # boxes that the untrained networks are fitted to


def mean_distance(one: Array, other: Array) -> float:
    """Return the root mean square, over bins, of the differences of the means in units of the deviation of `other`."""
    difference = (one.mean(axis=0) - other.mean(axis=0)) / other.std(axis=0)
    return float(np.sqrt(np.mean(difference**2)))


def validation_score(
    training_boxes: dict[str, Array], validation: dict[str, Array]
) -> Callable[[dict[str, Array]], float]:
    """Return the score by which the checkpoint is chosen: the lower the better, about one for N-body boxes.

    Of each statistic, the distances of correlation matrices and of means between drawn and validation boxes, in units
    of those between training and validation boxes; averaged.

    Parameters
    ----------
    training_boxes, validation : dict of ndarray
        Data vectors, by statistic; as many training boxes are used as there are validation boxes.
    """
    distances = (correlation_distance, mean_distance)
    alike = {name: training_boxes[name][: len(validation[name])] for name in validation}
    units = {name: [of(alike[name], validation[name]) for of in distances] for name in validation}

    def score(drawn: dict[str, Array]) -> float:
        return float(
            np.mean(
                [
                    of(drawn[name], validation[name]) / unit
                    for name in validation
                    for of, unit in zip(distances, units[name], strict=True)
                ]
            )
        )

    return score


def densities_for(boxes: Boxes, path: Path, split: str, cells: int) -> Tensor:
    """Return the densities of a split as a tensor.

    Raises
    ------
    InputError
        If they are of another size than the networks, or not periodic.
    """
    found = boxes.density.shape[-1]
    if found != cells:
        raise InputError(f"{path}: {split}/density: boxes of {found} cells a side; expected {cells}, as the networks")
    if not boxes.periodic:
        raise InputError(f"{path}: boxes are cut from larger runs; expected periodic ones (simulate_boxes: cut: 1)")
    return torch.from_numpy(boxes.density)


def write_binning(path: Path, binning: Binning) -> None:
    """Write the bins of the statistics as JSON."""
    write_json(path, asdict(binning))


def untrained(density: Tensor, power: Tensor, shape: Shape, seed: int) -> Gan:
    """Return a GAN before training: its generator draws Zel'dovich mocks with the voxel masses and power of boxes.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
        Of N-body boxes.
    power : Tensor, shape (n, n, n)
        From `mock.linear_modes`.
    shape : Shape
    seed : int
    """
    some = density[:_STANDARDS]
    model = Gan(shape, power)
    model.generator.fit(some, torch.Generator().manual_seed(seed))
    model.critic.standardise(scale_density(some, shape.floor))
    return model


def train_gan(
    model: Gan, density: Tensor, validation: Tensor, cell: float, settings: dict[str, Any], folder: Path
) -> None:
    """Train a GAN on boxes, and write its generator, before and after, and the bins of the statistics into a folder.

    Parameters
    ----------
    model : Gan
        From `untrained`; changed in place.
    density, validation : Tensor, shape (boxes, n, n, n)
        In units of the mean density.
    cell : float
        Side of a cell (Mpc/h).
    settings : dict
        As the block `train_nbody_gan` of params.yaml.
    folder : pathlib.Path

    Raises
    ------
    InputError
        If there are too few boxes for the statistics, or training diverges.
    """
    binning = statistics.choose_binning(density, cell, settings["statistics"])
    score = validation_score(statistics.measure(density, binning), statistics.measure(validation, binning))
    model.generator.save(folder / names.UNTRAINED)

    def validate(judged: nn.Module) -> float:
        generator = cast(Gan, judged).generator
        drawn = draw_boxes(generator, len(validation), settings["seed"])
        return score(statistics.measure(drawn.to(next(generator.parameters()).device), binning))

    how = training.Settings(seed=settings["seed"], **settings["network"])
    data = TrainingBoxes(density, model.shape.floor, settings["seed"])
    about = {name: settings[name] for name in ("gradient_penalty", "statistics")}
    turns = gan_turns(model, settings)
    training.train(model, turns, data, validate, how, folder, "GAN", about)
    if rank():
        return  # of several, the first process writes
    model.generator.save(folder / names.GENERATOR)
    write_binning(folder / names.BINNING, binning)


def train_nbody_gan(_: argparse.Namespace) -> None:
    """Boxes and params.yaml -> models/nbody_gan/gan/."""
    settings = params.load("train_nbody_gan")
    torch.manual_seed(settings["seed"])
    path = paths.MODELS / names.NAME / names.BOXES
    boxes = {split: read_boxes(path, split) for split in ("train", "validation")}
    cells = boxes["train"].density.shape[-1]
    density = {split: densities_for(of_split, path, split, cells) for split, of_split in boxes.items()}
    side = boxes["train"].side
    power = linear_modes(Cosmology(**params.load("nbody")["cosmology"]), side, cells, boxes["train"].redshift)
    model = untrained(density["train"], power, Shape(cells=cells, **settings["shape"]), settings["seed"])
    train_gan(
        model, density["train"], density["validation"], side / cells, settings, paths.MODELS / names.NAME / names.GAN
    )
