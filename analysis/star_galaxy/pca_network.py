"""Principal components of the catalogue parameters, fed to a network: Soumagnac et al. (2015, MNRAS 450, 666)."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from analysis.tensor_files import load_weights, read_tensors, write_tensors

_FARTHEST = 5.0  # scatters from the median: what is farther out (a radius of a failed fit, say) counts as this far
_LEAST_VARIANCE = 1e-6  # of all: a component with less is rounding, where a parameter is the difference of others


class PcaNetwork(nn.Module):
    """A perceptron on the principal components of standardised parameters; it standardises and projects itself.

    Parameters are taken relative to their median, in units of half the width of their central 68%; a missing one (NaN)
    counts as the median.

    Parameters
    ----------
    n_inputs, n_components : int
        Catalogue parameters, and principal components of them.
    hidden : sequence of int
        Units of each hidden layer.
    """

    median: Tensor
    width: Tensor
    projection: Tensor

    def __init__(self, n_inputs: int, n_components: int, hidden: Sequence[int]):
        super().__init__()
        self.hidden = list(hidden)
        widths = [n_components, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        self.register_buffer("median", torch.zeros(n_inputs))
        self.register_buffer("width", torch.ones(n_inputs))
        self.register_buffer("projection", torch.zeros(n_inputs, n_components))

    @classmethod
    def for_sample(cls, X: np.ndarray, n_components: int, hidden: Sequence[int], seed: int) -> Self:
        """Make an untrained network for parameters `X` (objects, parameters), its components of unit variance."""
        torch.manual_seed(seed)
        empty = np.isnan(X).all(axis=0)  # of what no object has, nothing is known
        low, median, high = np.nanpercentile(np.where(empty, 0.0, X), [16, 50, 84], axis=0)
        width = np.where(high > low, (high - low) / 2, 1.0)
        components = PCA(min(n_components, *X.shape), random_state=seed).fit(_standardised(X, median, width))
        real = components.explained_variance_ > _LEAST_VARIANCE * components.explained_variance_.sum()
        projection = components.components_[real].T / np.sqrt(components.explained_variance_[real])
        network = cls(X.shape[1], projection.shape[1], hidden)
        for name, values in {"median": median, "width": width, "projection": projection}.items():
            network.get_buffer(name).copy_(torch.as_tensor(values))
        return network

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithm of the odds of being a galaxy, shape (objects,), for parameters."""
        standardised = ((x - self.median) / self.width).nan_to_num(nan=0.0).clamp(-_FARTHEST, _FARTHEST)
        return self.layers(standardised @ self.projection).squeeze(1)

    @torch.no_grad()
    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of being a galaxy, shape (objects,), for parameters, shape (objects, parameters)."""
        batches = torch.tensor(X, dtype=torch.float32, device=self.median.device).split(65536)
        return torch.cat([torch.sigmoid(self(batch).double()) for batch in batches]).cpu().numpy()

    def save(self, path: Path) -> None:
        """Write weights and layer widths as safetensors."""
        write_tensors(path, self.state_dict(), {"hidden": json.dumps(self.hidden)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; InputError where it is damaged, or of another architecture."""
        weights, about = read_tensors(path)
        n_inputs, n_components = weights["projection"].shape
        network = cls(n_inputs, n_components, json.loads(about["hidden"]))
        load_weights(network, weights, path)
        return network.eval()


def _standardised(X: np.ndarray, median: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return parameters (objects, parameters) as `PcaNetwork` sees them."""
    return np.nan_to_num((X - median) / width, nan=0.0).clip(-_FARTHEST, _FARTHEST)


def cross_entropy(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean cross-entropy of a batch (parameters, 1 for a galaxy and 0 for a star)."""
    parameters, is_galaxy = batch
    return nn.functional.binary_cross_entropy_with_logits(network(parameters), is_galaxy)
