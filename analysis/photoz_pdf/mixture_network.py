"""An ensemble of mixture density networks (Bishop 1994) in one module: inputs -> Gaussian mixtures of redshift.

It runs on a bare machine: PyTorch suffices.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_SMALLEST_SIGMA = 0.002  # of a component, in standard deviations of the training redshifts
_WAVE_NUMBER = 0.1  # standard deviation of the waves' initial wave numbers, per standard deviation of an input


class MixtureNetworks(nn.Module):
    """Networks of one shape side by side: their layers are batched matrices, so that a step trains them all.

    Each sees the inputs and cosines of learnt projections of them (Fourier features, Tancik et al. 2020,
    arXiv:2006.10739: colours turn quickly where a spectral break passes between bands), and says for each object
    weights, means and widths of Gaussians in standardised redshift.

    Parameters
    ----------
    n_inputs, members, waves, components : int
        Inputs of each network, networks, Fourier features, Gaussians.
    hidden : sequence of int
        Units of each hidden layer.
    """

    def __init__(self, n_inputs: int, members: int, hidden: Sequence[int], waves: int, components: int):
        super().__init__()
        self.members, self.components = members, components
        self.wave_numbers = nn.Parameter(_WAVE_NUMBER * torch.randn(members, n_inputs, waves))
        self.phases = nn.Parameter(2 * math.pi * torch.rand(members, 1, waves))
        widths = [n_inputs + waves, *hidden, 3 * components]
        gains = [1.0, *[math.sqrt(2)] * (len(hidden) - 1), 0.3 * math.sqrt(2)]
        self.weights = nn.ParameterList(
            gain / math.sqrt(before) * torch.randn(members, before, after)
            for gain, (before, after) in zip(gains, pairwise(widths), strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(members, 1, after) for after in widths[1:])
        with torch.no_grad():  # the Gaussians start side by side, or they would all do the same
            _, means, widths_ = self.biases[-1].tensor_split(3, dim=2)
            means.copy_(torch.linspace(-1.5, 1.5, components))
            widths_.fill_(-1.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights, means and widths of the Gaussians, each of shape (members, objects, components).

        `x` has the shape (members, objects, inputs).
        """
        x = torch.cat([x, torch.cos(torch.baddbmm(self.phases, x, self.wave_numbers))], dim=2)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = functional.silu(x)
        logits, means, widths = x.tensor_split(3, dim=2)
        return torch.log_softmax(logits, dim=2), means, functional.softplus(widths) + _SMALLEST_SIGMA


def log_density(t: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Return the log density of Gaussian mixtures (…, components) at `t` (…)."""
    terms = log_weights - 0.5 * ((t[..., None] - means) / sigmas) ** 2 - torch.log(sigmas)
    return torch.logsumexp(terms, dim=-1) - 0.5 * math.log(2 * math.pi)


def squared_norm(log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Return the integral of the squared density of Gaussian mixtures (…, components), in closed form."""
    weights, variances = log_weights.exp(), sigmas**2
    variance = variances[..., :, None] + variances[..., None, :]
    overlap = torch.exp(-0.5 * (means[..., :, None] - means[..., None, :]) ** 2 / variance) * torch.rsqrt(variance)
    return torch.einsum("...i,...j,...ij->...", weights, weights, overlap) / math.sqrt(2 * math.pi)


class MixtureLoss:
    """The log score and the CDE loss of mixtures, mixed.

    The log score learns from far away, the CDE loss (Izbicki & Lee 2017, arXiv:1704.08095, eq. 7) cares for the
    peaks and forgives a redshift that is wrong.

    Parameters
    ----------
    cde_weight : float
        Of the CDE loss, from 0 to 1.
    """

    def __init__(self, cde_weight: float):
        self.cde_weight = cde_weight

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Return the mean loss of a batch: inputs (objects, members, inputs), redshifts (objects, members)."""
        x, t = (tensor.transpose(0, 1) for tensor in batch)
        mixture = model(x)
        log_p = log_density(t, *mixture)
        cde = squared_norm(*mixture) - 2 * log_p.exp()
        return torch.mean(self.cde_weight * cde - (1 - self.cde_weight) * log_p)
