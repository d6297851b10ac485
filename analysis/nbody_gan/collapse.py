"""Does the generator copy its training boxes, or draw the same few again and again? Tests that would notice.

Boxes are compared by what neither shifts nor the symmetries of the cube change, so that a copy is found whichever way
it was turned: the amplitude of each Fourier mode of the log-density, averaged over the modes that symmetries take into
each other.
"""

import math

import numpy as np
import torch
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chi2
from torch import Tensor

from analysis.nbody_gan.layers import scale_density

Array = np.ndarray

_GRID = (-3, -2, -1)


def fingerprints(density: Tensor, floor: float) -> Array:
    """Describe boxes (boxes, n, n, n) by numbers that symmetries do not change, shape (boxes, features).

    Parameters
    ----------
    density : Tensor
        In units of the mean.
    floor : float
        Of `gan.scale_density`.

    Returns
    -------
    ndarray
        Logarithms of the power in each orbit of wave vectors under the 48 symmetries of the cube.
    """
    n = density.shape[-1]
    axis = torch.fft.fftfreq(n, 1 / n).abs().long()
    vectors = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3).sort(dim=1).values
    orbits, orbit = torch.unique(vectors, dim=0, return_inverse=True)
    members = torch.bincount(orbit)
    rows = []
    for part in density.split(256):
        scaled = scale_density(part, floor)
        power = torch.fft.fftn(scaled, dim=_GRID).abs().square().flatten(1) / n**3
        sums = torch.zeros(len(part), len(orbits), dtype=power.dtype).index_add_(1, orbit, power)
        rows.append((sums / members)[:, 1:].log())  # without the mean
    return torch.cat(rows).double().numpy()


def standardise(prints: Array, nbody: Array) -> Array:
    """Return fingerprints less the mean of those of N-body boxes, in units of their deviation."""
    return (prints - nbody.mean(axis=0)) / nbody.std(axis=0)


def nearest_is_training(drawn: Array, training: Array, held_out: Array) -> tuple[float, float]:
    """Return the share of drawn boxes whose nearest N-body box is one of training, and its standard error.

    Parameters
    ----------
    drawn, training, held_out : ndarray, shapes (n, features), (m, features), (m, features)
        Standardised fingerprints, as many held-out boxes as training boxes.

    Returns
    -------
    share : float
        A half where the generator does not know its training boxes better than others.
    error : float
        By how much the share scatters if N-body boxes are called training or held out at random. A few boxes near the
        mean are the nearest of many, so that it is larger than that of n independent draws.
    """
    nearest = cdist(drawn, np.concatenate([training, held_out])).argmin(axis=1)
    boxes = len(training) + len(held_out)
    weights = np.bincount(nearest, minlength=boxes) / len(drawn)
    variance = 0.25 * (np.sum(weights**2) - 1 / boxes) * boxes / (boxes - 1)
    return float(np.mean(nearest < len(training))), float(np.sqrt(variance))


def close_pairs(drawn: Array, nbody: Array) -> int:
    """Count the pairs of drawn boxes that are closer than 0.8 times the closest pair of as many N-body boxes.

    Parameters
    ----------
    drawn, nbody : ndarray, shape (n, features)
        Standardised fingerprints.
    """
    return int(np.sum(pdist(drawn) < 0.8 * pdist(nbody).min()))


def distinct_boxes(boxes: int, pairs: int) -> float:
    """Return the 95% lower limit on the number of distinct boxes that a generator can draw.

    The birthday test of Arora & Zhang (2017, arXiv:1706.08224): among n boxes of N equally likely ones there are
    n (n - 1) / 2N pairs of the same, a Poisson number.
    """
    most = 0.5 * chi2.ppf(0.95, 2 * (pairs + 1))
    return math.comb(boxes, 2) / float(most)


def large_scale_variance(density: Tensor) -> Array:
    """Return the power of each box in the six modes of the fundamental wavenumber, shape (boxes,).

    Their mean over the boxes is the variance of the largest scale that a box has.
    """
    n = density.shape[-1]
    modes = torch.fft.rfftn(density, dim=_GRID)
    axes = torch.stack([modes[:, 1, 0, 0], modes[:, 0, 1, 0], modes[:, 0, 0, 1]], dim=1)
    return (axes.abs().square().mean(dim=1) / n**3).double().numpy()


def copies(training: Tensor, boxes: int, noise: float, seed: int) -> Tensor:
    """Draw what a generator would that has learned its training boxes by heart: turned, shifted and a little noisy.

    Parameters
    ----------
    training : Tensor, shape (n, cells, cells, cells)
    boxes : int
    noise : float
        Standard deviation of the logarithm of each cell's density.
    seed : int
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = training[torch.randint(len(training), (boxes,), generator=generator)]
    cells = training.shape[-1]
    shifts = tuple(int(shift) for shift in torch.randint(cells, (3,), generator=generator))
    turned = chosen.roll(shifts, _GRID).transpose(-1, -3).flip(-2)
    noisy = turned * torch.randn(turned.shape, generator=generator).mul(noise).exp()
    return noisy / noisy.mean(dim=_GRID, keepdim=True)
