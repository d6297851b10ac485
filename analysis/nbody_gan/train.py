"""N-body boxes -> a generator that draws such boxes."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from analysis import params, paths, training
from analysis.errors import InputError
from analysis.files import replacing
from analysis.nbody_gan import names, statistics
from analysis.nbody_gan.boxes import Boxes, read_boxes
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.covariance import correlation_distance
from analysis.nbody_gan.gan import Gan, Generator, Shape, critic_loss, draw_noise, generator_loss, scale_density
from analysis.nbody_gan.mock import linear_modes
from analysis.nbody_gan.statistics import Binning

Array = np.ndarray

_GRID = (1, 2, 3)
_BATCH = 250  # boxes drawn at once
_SYMMETRIES = 48  # of the cube
_STANDARDS = 500  # boxes that the untrained networks are fitted to


class TrainingBoxes:
    """Scaled densities, each epoch shifted and turned anew by the symmetries of the periodic cube.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)
    floor : float
        Of `gan.scale_density`.
    seed : int
    """

    def __init__(self, density: Tensor, floor: float, seed: int) -> None:
        self._scaled = scale_density(density, floor)
        self._seed = seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Give each box one of the 48 symmetries, and those that share it the same shift."""
        generator = np.random.default_rng((self._seed, epoch))
        symmetry = torch.from_numpy(generator.integers(0, _SYMMETRIES, len(self._scaled)))
        self._now = torch.empty_like(self._scaled)
        for number in range(_SYMMETRIES):
            chosen = symmetry == number
            shift = generator.integers(0, self._scaled.shape[-1], 3).tolist()
            self._now[chosen] = turn(self._scaled[chosen], number).roll(shift, _GRID)

    def __len__(self) -> int:
        return len(self._scaled)

    def __getitem__(self, chosen: Tensor, /) -> tuple[Tensor, ...]:
        return (self._now[chosen][:, None],)


def turn(boxes: Tensor, symmetry: int) -> Tensor:
    """Apply one of the 48 symmetries of the cube, 0 to 47, to boxes (boxes, n, n, n): axes exchanged and mirrored."""
    order, mirrored = divmod(symmetry, 8)
    first, second = divmod(order, 2)
    rest = [axis for axis in range(3) if axis != first]
    axes = (first, *(rest if second == 0 else rest[::-1]))
    turned = boxes.permute(0, *(1 + axis for axis in axes))
    return turned.flip([1 + axis for axis in range(3) if mirrored >> axis & 1])


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


@torch.no_grad()
def draw_boxes(generator: Generator, boxes: int, seed: int) -> Tensor:
    """Draw boxes from a generator, shape (boxes, n, n, n), on the CPU; the noise depends on the seed alone."""
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(seed)
    sizes = [min(_BATCH, boxes - start) for start in range(0, boxes, _BATCH)]
    return torch.cat([generator(draw_noise(size, generator.shape, random).to(device)).cpu() for size in sizes])


def check_boxes(boxes: Boxes, path: Path, split: str, cells: int) -> Tensor:
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
    with replacing(path) as partial:
        partial.write_text(json.dumps(asdict(binning), indent=1) + "\n")


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
        drawn = draw_boxes(cast(Gan, judged).generator, len(validation), settings["seed"])
        return score(statistics.measure(drawn, binning))

    turns = [
        training.Turn("critic", critic_loss(settings["gradient_penalty"]), model.critic, betas=(0.0, 0.9)),
        training.Turn(
            "generator",
            generator_loss,
            model.generator,
            every=settings["critic_steps"],
            rate=settings["generator_rate"],
            betas=(0.0, 0.9),
        ),
    ]
    how = training.Settings(seed=settings["seed"], **settings["network"])
    data = TrainingBoxes(density, model.shape.floor, settings["seed"])
    about = {name: settings[name] for name in ("gradient_penalty", "statistics")}
    training.train(model, turns, data, validate, how, folder, "GAN", about)
    model.generator.save(folder / names.GENERATOR)
    write_binning(folder / names.BINNING, binning)


def train_nbody_gan(_: argparse.Namespace) -> None:
    """Boxes and params.yaml -> models/nbody_gan/gan/."""
    settings = params.load("train_nbody_gan")
    torch.manual_seed(settings["seed"])
    path = paths.MODELS / names.NAME / names.BOXES
    boxes = {split: read_boxes(path, split) for split in ("train", "validation")}
    cells = boxes["train"].density.shape[-1]
    density = {split: check_boxes(of_split, path, split, cells) for split, of_split in boxes.items()}
    side = boxes["train"].side
    power = linear_modes(Cosmology(**params.load("nbody")["cosmology"]), side, cells, boxes["train"].redshift)
    model = untrained(density["train"], power, Shape(cells=cells, **settings["shape"]), settings["seed"])
    train_gan(
        model, density["train"], density["validation"], side / cells, settings, paths.MODELS / names.NAME / names.GAN
    )
