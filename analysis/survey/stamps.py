"""Stamps as training data: scaled images from a cache, turned, cropped and coloured anew in every epoch.

The augmentation is that of Kim & Brunner (2017, MNRAS 464, 4463, section 3.3): rotations by 90 degrees, reflections,
crops, and noise along the principal components of the colours (Krizhevsky, Sutskever & Hinton 2012, section 4.1).
It depends on seed, epoch and stamp alone: not on the batch, the other stamps chosen or the number of threads.

All of a batch is one look-up: pixel (r, c) of an augmented stamp is pixel `start + r * down + c * across` of the cache,
and the eight symmetries of the square differ in the strides `down` and `across` only.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.errors import InputError
from analysis.survey.stamps_cache import StampCache

SYMMETRIES = 8  # of the square: bit 0 exchanges the axes, then bit 1 reverses rows and bit 2 columns
_COLOUR_SAMPLE = 1000  # stamps for the principal components of the colours


@dataclass(frozen=True)
class Augmentation:
    """What is random in training.

    Attributes
    ----------
    turn : bool
        Whether one of the eight rotations and reflections is drawn.
    shift : bool
        Whether the place of the crop is drawn; else it is central.
    colour_noise : float
        Standard deviation of the noise along each principal component, in standard deviations of the pixels along it.
        (Krizhevsky et al. multiply by the variance, which would make the noise depend on the unit of the pixels.)
    """

    turn: bool = True
    shift: bool = True
    colour_noise: float = 0.1


@dataclass(frozen=True)
class Draws:
    """What was drawn for n stamps: symmetry (n,), top and left of the crop (n,), noise by band (n, 5)."""

    symmetry: Tensor
    top: Tensor
    left: Tensor
    colour: Tensor

    def __getitem__(self, chosen: Tensor) -> "Draws":
        return Draws(self.symmetry[chosen], self.top[chosen], self.left[chosen], self.colour[chosen])


def look_up(pixels: Tensor, chosen: Tensor, symmetry: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Crop stamps, then turn them.

    Parameters
    ----------
    pixels : Tensor (n, ny, nx, bands)
        Contiguous.
    chosen, symmetry, top, left : Tensor (m,)
        Stamp, one of the eight symmetries, corner of the crop.
    side : int
        Of the crop.

    Returns
    -------
    Tensor (m, bands, side, side)
        Float32, channels last.
    """
    n, ny, nx, bands = pixels.shape
    swap, reverse_rows, reverse_columns = ((symmetry & bit).bool() for bit in (1, 2, 4))
    down = torch.where(swap, 1, nx)
    across = torch.where(swap, nx, 1)
    start = (chosen * ny + top) * nx + left
    start = start + (side - 1) * (down * reverse_rows + across * reverse_columns)
    down = torch.where(reverse_rows, -down, down)
    across = torch.where(reverse_columns, -across, across)
    step = torch.arange(side)
    places = start[:, None, None] + down[:, None, None] * step[:, None] + across[:, None, None] * step
    found = pixels.reshape(n * ny * nx, bands).index_select(0, places.reshape(-1))
    return found.reshape(len(chosen), side, side, bands).permute(0, 3, 1, 2).float()


def symmetric_views(images: Tensor) -> Iterator[Tensor]:
    """Yield a batch of images (m, bands, side, side) in each of the eight symmetries: to average predictions over."""
    for turned in (images, images.transpose(2, 3)):
        for reversed_axes in ((), (2,), (3,), (2, 3)):
            yield turned.flip(reversed_axes).contiguous(memory_format=torch.channels_last)


def principal_colours(pixels: Tensor) -> Tensor:
    """Return the principal components of the bands, each as long as its standard deviation, as columns (5, 5)."""
    every = max(1, len(pixels) // _COLOUR_SAMPLE)
    values = pixels[::every].reshape(-1, pixels.shape[-1]).double()
    variance, axes = torch.linalg.eigh(torch.cov(values.T))
    return (axes * variance.clamp(min=0).sqrt()).float()


class StampImages:
    """Stamps of a cache as the training loop takes them (`training.Data`): `images[chosen]` is a tuple of tensors.

    Parameters
    ----------
    cache : StampCache
    rows : ndarray of int (n,)
        The stamps of the cache that are in this sample.
    side : int
        Pixels of the images given.
    labels : tuple of Tensor, each (n, …)
        Given with the images.
    augmentation : Augmentation, optional
        None, for validation and test: central crops, as they are.
    seed : int

    Raises
    ------
    InputError
        If the stamps are smaller than `side`.
    """

    def __init__(
        self,
        cache: StampCache,
        rows: np.ndarray,
        side: int,
        labels: tuple[Tensor, ...] = (),
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._pixels = torch.from_numpy(cache.pixels)
        self._rows = torch.from_numpy(np.asarray(rows, np.int64))
        self._labels = labels
        self._augmentation = augmentation
        self._seed = seed
        self.side = side
        ny, nx = self._pixels.shape[1:3]
        if side > min(ny, nx):
            raise InputError(f"stamps of {ny} x {nx} pixels; expected at least {side} x {side}")
        self._spare = (ny - side, nx - side)
        if augmentation and augmentation.colour_noise:
            every = max(1, len(self._rows) // _COLOUR_SAMPLE)
            self._colours = principal_colours(self._pixels[self._rows[::every]])
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the augmentation of an epoch (as of PyTorch's DistributedSampler): the same for the same seed."""
        self._epoch = epoch
        n, how = len(self._pixels), self._augmentation
        ny, nx = self._spare
        symmetry, top, left = (torch.full((n,), value) for value in (0, ny // 2, nx // 2))
        colour = torch.zeros(n, self._pixels.shape[-1])
        # row k of an array drawn at once is the same whatever the number of rows: what stamp k gets is its own
        for_geometry, for_colour = np.random.default_rng((self._seed, epoch)).spawn(2)
        uniform = torch.from_numpy(for_geometry.random((n, 3)))
        if how and how.turn:
            symmetry = (SYMMETRIES * uniform[:, 0]).long()
        if how and how.shift:
            top, left = ((spare + 1) * uniform[:, k] for k, spare in ((1, ny), (2, nx)))
            top, left = top.long(), left.long()
        if how and how.colour_noise:
            normal = torch.from_numpy(for_colour.standard_normal((n, colour.shape[1]), np.float32))
            colour = how.colour_noise * normal @ self._colours.T
        self.draws = Draws(symmetry, top, left, colour)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: Tensor) -> tuple[Tensor, ...]:
        """Return images (m, 5, side, side), float32 and channels last, and the labels, of stamps of this sample."""
        rows = self._rows[chosen]
        drawn = self.draws[rows]
        images = look_up(self._pixels, rows, drawn.symmetry, drawn.top, drawn.left, self.side)
        if self._augmentation and self._augmentation.colour_noise:
            images += drawn.colour[:, :, None, None]
        return images, *(label[chosen] for label in self._labels)

    def batches(self, batch_size: int, shuffle: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (images, their numbers in this sample) of one epoch; the next batch is made meanwhile."""
        order = np.arange(len(self))
        if shuffle:
            order = np.random.default_rng((self._seed, self._epoch)).permutation(len(self))
        numbers = torch.from_numpy(order).split(batch_size)
        with ThreadPoolExecutor(1) as worker:
            waiting = worker.submit(self.__getitem__, numbers[0])
            for here, following in zip(numbers, [*numbers[1:], None], strict=True):
                images = waiting.result()[0]
                if following is not None:
                    waiting = worker.submit(self.__getitem__, following)
                yield images, here
