"""MDN: an ensemble of mixture density networks on magnitudes, colours, errors and what is missing."""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from analysis.cores import cores
from analysis.photoz_pdf.interface import Array, PdfEstimator
from analysis.photoz_pdf.kernels import cell_edges
from analysis.photoz_pdf.mixture_network import MixtureLoss, MixtureNetworks
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.training import Settings, train

Result = TypeVar("Result")

_NETWORK = "network."  # before the names of their weights among the model's arrays
_CHUNK = 4096  # objects that are computed at a time
_NEWTON_STEPS = 6
_COARSE_POINTS = 65  # of the CDF in which quantiles are looked for first


class MixtureDensityNetworks(PdfEstimator):
    """The mean of the Gaussian mixtures of several networks.

    Each network leaves out a part of the training objects of its own; training stops when those are predicted
    worse. So the ensemble has seen all objects, and its stopping none.

    Parameters
    ----------
    members, components, waves, hidden
        Networks, Gaussians of each, its Fourier features and hidden layers (`MixtureNetworks`).
    cde_weight : float
        Of the CDE loss beside the log score.
    held_out : float
        Fraction of the training objects that a network leaves out.
    batch_size, steps, least_epochs, most_epochs : int
        Objects in a minibatch (fewer for small samples); steps wanted, as far as the limits of epochs allow.
    learning_rate, weight_decay, patience : float
        `patience` is the fraction of all epochs without improvement that ends the training.
    seed : int
    device, deterministic
        Of `training.Settings`, for the training; predictions are made on the processor.
    """

    name = "mdn"
    threads: int | None = None  # of prediction; None: one for each core
    defaults: ClassVar = {
        "members": 6,
        "components": 5,
        "waves": 32,
        "hidden": [64, 64],
        "cde_weight": 0.3,
        "held_out": 0.05,
        "batch_size": 256,
        "steps": 1800,
        "least_epochs": 20,
        "most_epochs": 200,
        "learning_rate": 0.005,
        "weight_decay": 0.1,
        "patience": 0.25,
        "seed": 1,
        "device": "cpu",
        "deterministic": False,
    }

    def _fit(self, features: Array, errors: Array, z: Array) -> None:
        inputs = PhotometricInputs.for_sample(features, errors)
        x = torch.from_numpy(inputs(features, errors))
        scale = np.array([z.mean(), z.std()])
        t = torch.from_numpy(((z - scale[0]) / scale[1]).astype(np.float32))
        learnt_from, held_out = self._parts(len(z))
        torch.manual_seed(self.settings["seed"])
        networks = self._networks(x.shape[1])
        loss = MixtureLoss(self.settings["cde_weight"])
        how = self._how(learnt_from.shape[0])
        with tempfile.TemporaryDirectory() as temporary, one_torch_thread():
            folder = self.checkpoints or Path(temporary)
            bar = "mixture density networks" if self.checkpoints else None
            train(networks, loss, _Parts(x, t, learnt_from), _Parts(x, t, held_out), how, folder, bar)
        weights = {f"{_NETWORK}{name}": tensor.cpu().numpy() for name, tensor in networks.state_dict().items()}
        self.arrays = inputs.for_model() | weights
        self.arrays |= {"redshift_scale": scale}
        self._prepare()

    def _parts(self, n: int) -> tuple[Tensor, Tensor]:
        """Return the numbers of the objects that each network learns from and leaves out, (objects, members) each."""
        generator = np.random.default_rng(self.settings["seed"])
        left_out = max(1, round(self.settings["held_out"] * n))
        start = generator.permutation(n)  # the parts left out follow each other, as far as the objects last
        rolled = [np.roll(start, -left_out * member) for member in range(self.settings["members"])]
        rest = [generator.permutation(order[left_out:]) for order in rolled]
        held_out = [order[:left_out] for order in rolled]
        return torch.from_numpy(np.stack(rest, axis=1)), torch.from_numpy(np.stack(held_out, axis=1))

    def _how(self, n: int) -> Settings:
        wanted = self.settings
        batch_size = min(wanted["batch_size"], max(16, n // 8))
        epochs = round(wanted["steps"] / math.ceil(n / batch_size))
        epochs = min(max(epochs, wanted["least_epochs"]), wanted["most_epochs"])
        patience = max(1, round(wanted["patience"] * epochs))
        rates = (wanted["learning_rate"], wanted["weight_decay"])
        machine = {name: wanted[name] for name in ("device", "deterministic")}
        return Settings(epochs, batch_size, *rates, patience, seed=wanted["seed"], **machine)

    def _networks(self, n_inputs: int) -> MixtureNetworks:
        return MixtureNetworks(n_inputs, *(self.settings[k] for k in ("members", "hidden", "waves", "components")))

    def _prepare(self) -> None:
        self._inputs = PhotometricInputs.from_model(self.arrays)
        weights = {name: values for name, values in self.arrays.items() if name.startswith(_NETWORK)}
        self._trained = self._networks(weights[f"{_NETWORK}wave_numbers"].shape[1])
        self._trained.load_state_dict({n.removeprefix(_NETWORK): torch.from_numpy(w) for n, w in weights.items()})
        self._trained.eval()

    def mixtures(self, features: Array, errors: Array | None) -> tuple[Tensor, ...]:
        """Return weights, means and standard deviations of the Gaussians of each object's PDF, in redshift.

        Each of shape (n, members times components), float32; not cut at the ends of the grid.
        """
        features, errors = self._checked(features, errors)
        centre, scale = (float(value) for value in self.arrays["redshift_scale"])
        members = self._trained.members

        def of_chunk(x: Tensor) -> tuple[Tensor, ...]:
            log_weights, means, sigmas = self._trained(x.expand(members, -1, -1))
            mixture = (log_weights.exp() / members, centre + scale * means, scale * sigmas)
            return tuple(values.transpose(0, 1).flatten(1) for values in mixture)

        chunks = in_threads(of_chunk, (torch.from_numpy(self._inputs(features, errors)),), self.threads)
        return tuple(torch.cat(values) for values in zip(*chunks, strict=True))

    def qp_parameters(self, features: Array, errors: Array | None) -> tuple[str, dict[str, Array]]:
        """Return the mixtures as qp's mixmod: not cut at the ends of the grid."""
        weights, means, sigmas = (values.numpy() for values in self.mixtures(features, errors))
        return "mixmod", {"weights": weights, "means": means, "stds": sigmas}

    def _pdf(self, features: Array, errors: Array) -> Array:
        edges = cell_edges(self.grid)

        def of_chunk(*mixture: Tensor) -> Tensor:
            return mixture_cdf(torch.from_numpy(edges).expand(len(mixture[0]), -1), *mixture)

        mixtures = [values.double() for values in self.mixtures(features, errors)]
        cdf = torch.cat(in_threads(of_chunk, mixtures, self.threads)).numpy()
        return np.maximum(np.diff(cdf, axis=1), 0) / np.diff(edges)

    def quantiles(self, features: Array, errors: Array | None, levels: Array) -> Array:
        """Return the redshifts at which the CDFs reach `levels` (n_levels,), shape (n, n_levels).

        Of the mixtures cut at the ends of the grid.
        """
        wanted = torch.tensor(levels, dtype=torch.float32)
        ends = (float(self.grid[0]), float(self.grid[-1]))
        work = partial(mixture_quantiles, wanted, ends)
        chunks = in_threads(work, self.mixtures(features, errors), self.threads)
        return torch.cat(chunks).double().numpy()


class _Parts:
    """Training data of which each network sees its own objects: `numbers` (objects, members) says which."""

    def __init__(self, x: Tensor, t: Tensor, numbers: Tensor):
        self.x, self.t, self.numbers = x, t, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        rows = self.numbers[chosen]
        return self.x[rows], self.t[rows]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute each operation on one core: these are small, and on a busy machine its threads wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_threads(work: Callable[..., Result], tensors: Sequence[Tensor], threads: int | None) -> list[Result]:
    """Return `work` of chunks of tensors, side by side on all cores, or on so many threads."""

    def without_gradients(*chunks: Tensor) -> Result:
        with torch.inference_mode():
            return work(*chunks)

    with one_torch_thread(), ThreadPoolExecutor(threads or cores()) as pool:
        return list(pool.map(without_gradients, *(tensor.split(_CHUNK) for tensor in tensors)))


def mixture_cdf(z: Tensor, weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Return the CDFs of Gaussian mixtures (n, components) at redshifts (n, k), shape (n, k)."""
    result = torch.zeros_like(z)
    scales = math.sqrt(0.5) / sigmas
    for weight, mean, scale in zip(weights.T, means.T, scales.T, strict=True):  # less memory than all at once
        result += weight[:, None] * torch.erf((z - mean[:, None]) * scale[:, None])
    return (weights.sum(dim=1, keepdim=True) + result) / 2


def mixture_density(z: Tensor, weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Return the densities of Gaussian mixtures (n, components) at redshifts (n, k), shape (n, k)."""
    result = torch.zeros_like(z)
    heights, scales = weights / sigmas / math.sqrt(2 * math.pi), math.sqrt(0.5) / sigmas
    for height, mean, scale in zip(heights.T, means.T, scales.T, strict=True):
        result += height[:, None] * torch.exp(-(((z - mean[:, None]) * scale[:, None]) ** 2))
    return result


def coarse_cdf(ends: tuple[float, float], weights: Tensor, means: Tensor, sigmas: Tensor) -> tuple[Tensor, Tensor]:
    """Return redshifts from end to end, dense about the mean of each mixture, and its CDF there: both (n, points)."""
    mean = torch.sum(weights * means, dim=1, keepdim=True)
    spread = torch.sqrt(torch.sum(weights * (sigmas**2 + (means - mean) ** 2), dim=1, keepdim=True))
    coarse = mean + 8 * spread * torch.linspace(-1, 1, _COARSE_POINTS) ** 3
    coarse = torch.clamp(coarse, *ends)
    coarse[:, 0], coarse[:, -1] = ends
    return coarse, mixture_cdf(coarse, weights, means, sigmas).cummax(dim=1).values


def mixture_quantiles(
    levels: Tensor, ends: tuple[float, float], weights: Tensor, means: Tensor, sigmas: Tensor
) -> Tensor:
    """Return the quantiles of Gaussian mixtures (n, components), cut at two ends; shape (n, n_levels).

    They are looked for in a coarse CDF, then by Newton's method, or by bisection where that would leave the bracket.
    """
    mixture = (weights, means, sigmas)
    coarse, cdf = coarse_cdf(ends, *mixture)
    target = cdf[:, :1] + levels * (cdf[:, -1:] - cdf[:, :1])
    cell = torch.searchsorted(cdf, target).clamp(1, _COARSE_POINTS - 1)
    low, high = coarse.gather(1, cell - 1), coarse.gather(1, cell)
    below, above = cdf.gather(1, cell - 1), cdf.gather(1, cell)
    z = low + (high - low) * ((target - below) / (above - below).clamp_min(1e-12)).clamp(0, 1)
    for _ in range(_NEWTON_STEPS):
        excess = mixture_cdf(z, *mixture) - target
        low, high = torch.where(excess < 0, z, low), torch.where(excess < 0, high, z)
        newton = z - excess / mixture_density(z, *mixture).clamp_min(1e-12)
        z = torch.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
    return z
