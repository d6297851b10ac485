"""Principal components of the catalogue parameters, fed to a network: Soumagnac et al. (2015, MNRAS 450, 666)."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.decomposition import PCA
from torch import Tensor, nn

from analysis.files import replacing

_FARTHEST = 5.0  # scatters from the median: what is farther out (a radius of a failed fit, say) counts as this far


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
        n_components = min(n_components, *X.shape)
        network = cls(X.shape[1], n_components, hidden)
        measured = np.where(np.isnan(X).all(axis=0), 0.0, X)  # of what no object has, nothing is known
        low, median, high = np.nanpercentile(measured, [16, 50, 84], axis=0)
        width = np.where(high > low, (high - low) / 2, 1.0)
        network.median.copy_(torch.as_tensor(median))
        network.width.copy_(torch.as_tensor(width))
        standardised = network.standardised(torch.tensor(X, dtype=torch.float32)).numpy()
        components = PCA(n_components, whiten=True, random_state=seed).fit(standardised)
        scale = np.sqrt(np.maximum(components.explained_variance_, 1e-12))  # of the whitened: one
        network.projection.copy_(torch.as_tensor(components.components_.T / scale))
        return network

    def standardised(self, x: Tensor) -> Tensor:
        """Return parameters (objects, parameters) in units of their scatter about the median."""
        return ((torch.where(torch.isnan(x), self.median, x) - self.median) / self.width).clamp(-_FARTHEST, _FARTHEST)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithm of the odds of being a galaxy, shape (objects,), for parameters."""
        return self.layers(self.standardised(x) @ self.projection).squeeze(1)

    @torch.no_grad()
    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of being a galaxy, shape (objects,), for parameters, shape (objects, parameters)."""
        batches = torch.tensor(X, dtype=torch.float32, device=self.median.device).split(65536)
        return torch.cat([torch.sigmoid(self(batch).double()) for batch in batches]).cpu().numpy()

    def save(self, path: Path) -> None:
        """Write weights and layer widths as safetensors."""
        with replacing(path) as partial:
            save_file(self.state_dict(), partial, metadata={"hidden": json.dumps(self.hidden)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            hidden = json.loads(file.metadata()["hidden"])
        n_inputs, n_components = weights["projection"].shape
        network = cls(n_inputs, n_components, hidden)
        network.load_state_dict(weights)
        return network.eval()


def cross_entropy(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean cross-entropy of a batch (parameters, 1 for a galaxy and 0 for a star)."""
    parameters, is_galaxy = batch
    return nn.functional.binary_cross_entropy_with_logits(network(parameters), is_galaxy)
