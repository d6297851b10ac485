"""aNN: the artificial neural network of Hoyle et al. (2015), inputs to redshift."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from analysis.errors import InputError
from analysis.tensor_files import load_weights, read_tensors, write_tensors


class RedshiftNetwork(nn.Module):
    """A multi-layer perceptron that standardises its inputs itself; a missing one (NaN) counts as the median.

    Parameters
    ----------
    n_inputs : int
        Number of features.
    hidden : sequence of int
        Units of each hidden layer.
    """

    median: Tensor
    centre: Tensor
    scale: Tensor
    z_centre: Tensor
    z_scale: Tensor

    def __init__(self, n_inputs: int, hidden: Sequence[int]):
        super().__init__()
        self.hidden = list(hidden)
        widths = [n_inputs, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        self.register_buffer("median", torch.zeros(n_inputs))
        self.register_buffer("centre", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))
        self.register_buffer("z_centre", torch.tensor(0.0))
        self.register_buffer("z_scale", torch.tensor(1.0))

    @classmethod
    def for_sample(cls, X: np.ndarray, z: np.ndarray, hidden: Sequence[int], seed: int) -> Self:
        """Make an untrained network for features `X` (objects, features) and redshifts `z` (objects,)."""
        torch.manual_seed(seed)
        network = cls(X.shape[1], hidden)
        empty = np.isnan(X).all(axis=0)
        median = np.nanmedian(np.where(empty, 0.0, X), axis=0)
        filled = np.where(np.isnan(X), median, X)
        statistics = {"median": median, "centre": filled.mean(axis=0), "scale": _spread(filled)}
        for name, values in (statistics | {"z_centre": z.mean(), "z_scale": _spread(z)}).items():
            network.get_buffer(name).copy_(torch.as_tensor(values))
        return network

    def forward(self, x: Tensor) -> Tensor:
        """Return the redshift, shape (objects,), for features, shape (objects, features)."""
        x = torch.where(torch.isnan(x), self.median, x)
        return self.z_centre + self.z_scale * self.layers((x - self.centre) / self.scale).squeeze(1)

    @torch.no_grad()
    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the redshift, shape (objects,), for features, shape (objects, features)."""
        batches = torch.tensor(X, dtype=torch.float32, device=self.centre.device).split(65536)
        return torch.cat([self(batch) for batch in batches]).double().cpu().numpy()

    def save(self, path: Path) -> None:
        """Write weights and layer widths as safetensors."""
        write_tensors(path, self.state_dict(), {"hidden": json.dumps(self.hidden)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; InputError where it is damaged, or of another architecture."""
        weights, about = read_tensors(path)
        if "centre" not in weights or "hidden" not in about:
            raise InputError(f"{path}: not a network that estimates redshifts from features", "other-model")
        network = cls(len(weights["centre"]), json.loads(about["hidden"]))
        load_weights(network, weights, path)
        return network.eval()


def _spread(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation, one where there is none."""
    spread = values.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def squared_error(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean squared error of a batch (features, redshift), in units of the redshifts' variance."""
    features, redshift = batch
    return torch.mean(((network(features) - redshift) / network.z_scale) ** 2)
