"""A network that says spiral or not, in the manner of Dieleman, Willett & Dambre (2015, MNRAS 450, 1441).

As there: the centre of the cut-out, made coarser; galaxies turned by any angle, mirrored, zoomed and shifted in
training; dropout in the dense layers; predictions averaged over views. Unlike there, it is small (a thousand images and
two cores, not sixty thousand and a GPU), it tells two classes apart, and the views are the eight symmetries of the
square, each seen alone. Twenty votes for each image come from Monte-Carlo dropout, as in Zoobot (Walmsley et al. 2022,
MNRAS 509, 3966): networks thinned at random, the same twenty for all images.

It runs on a bare machine: PyTorch suffices.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from analysis.errors import InputError
from analysis.survey.stamps import symmetric_views

FULL = 255.0  # counts, the largest that an image holds
SPIRAL = 1  # output of the network; the other one is of galaxies that are no spirals
_ZOOM, _SHIFT = 1.2, 0.06  # of a galaxy in training: largest factor either way, largest shift over half the image
_BRIGHTNESS = 0.1  # standard deviation, of the logarithm of a factor on all pixels


class MorphologyNet(nn.Module):
    """Four convolutions in three groups, each followed by 2 x 2 max pooling, and two dense layers, with dropout.

    Parameters
    ----------
    side : int
        Pixels of the images, a multiple of 8.
    channels : int
        Of the first convolution; the last ones have four times as many.
    units : int
        Of the dense layer.
    dropout : float
        Share of the values before each dense layer that is left out.

    Raises
    ------
    InputError
        If the side is no multiple of 8.
    """

    def __init__(self, side: int = 32, channels: int = 16, units: int = 128, dropout: float = 0.5) -> None:
        super().__init__()
        if side < 8 or side % 8:
            raise InputError(f"images of {side} pixels a side; expected a multiple of 8")
        self.side, most = side, 4 * channels
        self.convolutions = nn.Sequential(
            *_convolution(3, channels, 5), nn.MaxPool2d(2),
            *_convolution(channels, 2 * channels, 3), nn.MaxPool2d(2),
            *_convolution(2 * channels, most, 3), *_convolution(most, most, 3), nn.MaxPool2d(2),
            nn.Flatten(),
        )  # fmt: skip
        self.dense = nn.Sequential(
            *(nn.Dropout(dropout), nn.Linear(most * (side // 8) ** 2, units), nn.ReLU()),
            *(nn.Dropout(dropout), nn.Linear(units, 2)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (n, 2) of images (n, 3, side, side) in counts from 0 to 255.

        Raises
        ------
        InputError
            If the images are of another size.
        """
        if tuple(images.shape[1:]) != (expected := (3, self.side, self.side)):
            raise InputError(f"images of shape {tuple(images.shape[1:])}; expected {expected}: channels, rows, columns")
        return self.dense(self.convolutions(images / FULL))


def _convolution(before: int, after: int, size: int) -> tuple[nn.Module, ...]:
    # without batch normalisation, a thousand images were too few to learn from in a minute
    return nn.Conv2d(before, after, size, padding=size // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()


def log_probabilities(network: MorphologyNet, images: Tensor) -> Tensor:
    """Return the logarithm of the probabilities (n, 2), averaged over the eight symmetries of the square.

    They are logits as well: their softmax is the probabilities. This is the classifier that is used, and attacked.
    """
    views = torch.cat(list(symmetric_views(images)))
    of_views = network(views).log_softmax(dim=1).view(-1, len(images), 2)
    return of_views.logsumexp(dim=0) - math.log(len(of_views))


@torch.no_grad()
def votes(network: MorphologyNet, images: Tensor, number: int, seed: int) -> Tensor:
    """Return the probability of a spiral (number, n) by networks thinned at random, each averaged over the views.

    A thinned network leaves out the same units for all images and views, so that the votes on an image do not depend on
    what else is judged with it.
    """
    features = [network.convolutions(view / FULL) for view in symmetric_views(images)]
    cast = []
    for vote in range(number):
        p = torch.zeros(len(images))
        for values in features:
            generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, vote)).generate_state(1)[0]))
            p += _thinned(network.dense, values, generator).softmax(dim=1)[:, SPIRAL] / len(features)
        cast.append(p)
    return torch.stack(cast)


def _thinned(layers: nn.Sequential, values: Tensor, generator: torch.Generator) -> Tensor:
    """Run layers with the same values left out for all images."""
    for layer in layers:
        if isinstance(layer, nn.Dropout):
            left = torch.rand(values.shape[1:], generator=generator) >= layer.p
            values = values * left / (1 - layer.p)
        else:
            values = layer(values)
    return values


def class_loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean cross-entropy of a batch: images, classes."""
    images, classes = batch
    return cross_entropy(network(images).float(), classes)


class TurnedGalaxies:
    """Training images, turned, mirrored, zoomed, shifted and brightened anew in every epoch (`training.Data`).

    What image k gets in an epoch depends on the seed, the epoch and k alone.

    Parameters
    ----------
    images : Tensor (n, 3, wide, wide)
        Counts; wider than `side`, so that corners are known when an image is turned.
    classes : Tensor of int (n,)
    side : int
        Pixels of the images given.
    seed : int
    """

    def __init__(self, images: Tensor, classes: Tensor, side: int, seed: int) -> None:
        self._images, self._classes, self._side, self._seed = images, classes, side, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw what happens to each image in an epoch."""
        rng, n = np.random.default_rng((self._seed, epoch)), len(self._images)
        angle = 2 * math.pi * rng.random(n)
        mirror = rng.choice([-1.0, 1.0], n)
        scale = self._side / self._images.shape[-1] * _ZOOM ** rng.uniform(-1, 1, n)
        shift = rng.uniform(-_SHIFT, _SHIFT, (n, 2))
        rows = [
            [scale * np.cos(angle), -scale * mirror * np.sin(angle), shift[:, 0]],
            [scale * np.sin(angle), scale * mirror * np.cos(angle), shift[:, 1]],
        ]
        self._geometry = torch.from_numpy(np.array(rows).transpose(2, 0, 1)).float()
        self._brightness = torch.from_numpy(np.exp(_BRIGHTNESS * rng.normal(size=n))).float()[:, None, None, None]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """Return images (m, 3, side, side) and their classes (m,)."""
        size = (len(chosen), 3, self._side, self._side)
        grid = affine_grid(self._geometry[chosen], list(size), align_corners=False)
        seen = grid_sample(self._images[chosen], grid, align_corners=False)
        return (seen * self._brightness[chosen]).clamp(max=FULL), self._classes[chosen]
