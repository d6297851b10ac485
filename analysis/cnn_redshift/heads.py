"""What the outputs of a network mean: a loss for training, and the CDF of an object's redshift.

- `bins`: classes of redshift, the published way (Hoyle 2016, Astronomy and Computing 16, 34, section 3), trained with
  cross-entropy. Neighbouring bins are neighbouring redshifts: the truth is spread over the bins by a Gaussian.
- `mixture`: a mixture density network (Bishop 1994), Gaussians trained with the log score.
- `regression`: the same with one Gaussian, so that there is a redshift, its error and a PDF (Nix & Weigend 1994).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from analysis.photoz_pdf.mixture_network import log_density

_SMALLEST_SIGMA, _FIRST_SIGMA = 1e-3, 0.05  # of a Gaussian, in units of the range of redshift


class Head(ABC):
    """Between the last layer of a network and redshifts."""

    outputs: int

    @abstractmethod
    def loss(self, outputs: Tensor, z: Tensor) -> Tensor:
        """Return the mean loss of outputs (n, outputs) for true redshifts (n,)."""

    @abstractmethod
    def cdf(self, outputs: Tensor, edges: Tensor) -> Tensor:
        """Return the CDFs of outputs (n, outputs) at ascending redshifts (k,), shape (n, k)."""

    def masses(self, outputs: Tensor, edges: Tensor) -> Tensor:
        """Return the probability between each two neighbouring redshifts of `edges` (k + 1,), shape (n, k), sum 1."""
        masses = self.cdf(outputs, edges).diff(dim=1).clamp_min(0)
        return masses / masses.sum(dim=1, keepdim=True)


class Bins(Head):
    """Classes of equal width, between which the density is constant.

    Parameters
    ----------
    low, high : float
        Redshifts at the ends.
    width : float
        Of a bin, about: they are made to fit.
    smoothing : float
        Standard deviation in redshift by which the truth is spread.
    """

    def __init__(self, low: float, high: float, width: float, smoothing: float) -> None:
        self.outputs = max(2, round((high - low) / width))
        self._edges = torch.linspace(low, high, self.outputs + 1)
        self._smoothing = smoothing

    def targets(self, z: Tensor) -> Tensor:
        """Return the smoothed classes (n, bins) of redshifts (n,), each of sum 1: nothing leaves the bins."""
        edges = self._edges.to(z)
        targets = torch.special.ndtr((edges - z[:, None]) / self._smoothing).diff(dim=1)
        return targets / targets.sum(dim=1, keepdim=True)

    def loss(self, outputs: Tensor, z: Tensor) -> Tensor:
        """Return the cross-entropy with the smoothed classes."""
        return functional.cross_entropy(outputs, self.targets(z))

    def cdf(self, outputs: Tensor, edges: Tensor) -> Tensor:
        """Return the CDFs: linear within a bin."""
        below = functional.pad(outputs.double().softmax(dim=1).cumsum(dim=1), (1, 0))
        low, high = (float(end) for end in self._edges[[0, -1]])
        place = (edges.double() - low) / (high - low) * self.outputs
        cell = place.floor().clamp(0, self.outputs - 1).long()
        part = (place - cell).clamp(0, 1)
        return below[:, cell] * (1 - part) + below[:, cell + 1] * part


class Gaussians(Head):
    """Gaussians in redshift.

    Parameters
    ----------
    low, high : float
        Redshifts between which the means start.
    components : int
        One is regression.
    """

    def __init__(self, low: float, high: float, components: int) -> None:
        self.outputs = 3 * components
        self._scale = high - low
        self._starts = low + self._scale * (torch.arange(components) + 0.5) / components

    def mixture(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights, means and widths in redshift, each (n, components)."""
        logits, means, widths = outputs.tensor_split(3, dim=1)
        widths = _FIRST_SIGMA * widths.exp() + _SMALLEST_SIGMA
        return torch.log_softmax(logits, dim=1), self._starts.to(outputs) + self._scale * means, self._scale * widths

    def loss(self, outputs: Tensor, z: Tensor) -> Tensor:
        """Return the mean of minus the log density at the truth."""
        return -log_density(z, *self.mixture(outputs)).mean()

    def cdf(self, outputs: Tensor, edges: Tensor) -> Tensor:
        """Return the CDFs, not cut at the ends."""
        log_weights, means, widths = (values.double()[:, None] for values in self.mixture(outputs))
        steps = torch.erf((edges.double()[None, :, None] - means) / widths / math.sqrt(2))
        return ((1 + steps) / 2 * log_weights.exp()).sum(dim=2)


def make_head(name: str, ends: Sequence[float], settings: dict[str, Any]) -> Head:
    """Return a head by name ('bins', 'regression' or 'mixture') for redshifts between two ends."""
    low, high = ends
    if name == "bins":
        return Bins(low, high, settings["bin_width"], settings["smoothing"])
    return Gaussians(low, high, settings["components"] if name == "mixture" else 1)


HEADS = ("bins", "regression", "mixture")
