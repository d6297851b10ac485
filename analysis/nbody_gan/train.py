"""N-body boxes -> a generator that draws such boxes."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis import params, paths, training
from analysis.errors import InputError
from analysis.files import replacing
from analysis.nbody_gan import names, statistics
from analysis.nbody_gan.boxes import Boxes, read_boxes
from analysis.nbody_gan.controls import copula
from analysis.nbody_gan.covariance import correlation_distance
from analysis.nbody_gan.gan import Gan, Shape, critic_loss, draw_noise, generator_loss, scale_density
from analysis.nbody_gan.statistics import Binning

Array = np.ndarray

_GRID = (1, 2, 3)
_BATCH = 250  # boxes drawn at once
_SYMMETRIES = 48  # of the cube


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
        return (self._now[chosen],)


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
def draw_boxes(model: nn.Module, shape: Shape, boxes: int, seed: int) -> Tensor:
    """Draw boxes from a generator, shape (boxes, n, n, n), on the CPU; the noise depends on the seed alone."""
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    sizes = [min(_BATCH, boxes - start) for start in range(0, boxes, _BATCH)]
    return torch.cat([model(draw_noise(size, shape, generator).to(device)).cpu() for size in sizes])


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


def train_gan(density: Tensor, validation: Tensor, cell: float, settings: dict[str, Any], folder: Path) -> Gan:
    """Train a GAN on boxes, and write its generator and the bins of the statistics into a folder.

    Parameters
    ----------
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
    shape = Shape(cells=density.shape[-1], **settings["shape"])
    torch.manual_seed(settings["seed"])
    model = Gan(shape, *copula(density, shape.knots))
    model.critic.standardise(scale_density(density[:500], shape.floor))

    def validate(judged: Gan) -> float:
        drawn = draw_boxes(judged.generator, shape, len(validation), settings["seed"])
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
    data = TrainingBoxes(density, shape.floor, settings["seed"])
    training.train(model, turns, data, validate, how, folder, "GAN")
    model.generator.save(folder / names.GENERATOR)
    write_binning(folder / names.BINNING, binning)
    return model


def train_nbody_gan(_: argparse.Namespace) -> None:
    """Boxes and params.yaml -> models/nbody_gan/gan/."""
    settings = params.load("train_nbody_gan")
    path = paths.MODELS / names.NAME / names.BOXES
    boxes = {split: read_boxes(path, split) for split in ("train", "validation")}
    cells = boxes["train"].density.shape[-1]
    density = {split: check_boxes(of_split, path, split, cells) for split, of_split in boxes.items()}
    folder = paths.MODELS / names.NAME / names.GAN
    train_gan(density["train"], density["validation"], boxes["train"].side / cells, settings, folder)
