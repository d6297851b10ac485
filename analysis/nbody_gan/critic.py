"""The critic: how much a box looks like N-body.

It is a Wasserstein one (Arjovsky et al. 2017) and sees the log-density. It averages over the box its voxels, the
features of convolutions at three levels and the power in shells of wavenumber, and judges by these means.
"""

import math

import torch
from torch import Tensor, nn

from analysis.nbody_gan.layers import GRID, SLOPE, Shape, convolution, in_parts, wave_lengths

_UNITS = 64  # of its dense layers
_LEAST_POWER = 1e-3
_LEAST_DEVIATION = 1e-3


class Critic(nn.Module):
    """Log-density of a box -> a number, the higher the more it looks like N-body.

    Parameters
    ----------
    shape : Shape
    """

    shells: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.floor = shape.floor
        channels, n = shape.critic_channels, shape.cells
        self.voxels = nn.Linear(1, 2 * channels)
        self.levels = nn.ModuleList(
            [
                convolution(1, channels, stride=2),
                convolution(channels, 2 * channels),
                convolution(2 * channels, 2 * channels, stride=2),
            ]
        )
        self.active = nn.LeakyReLU(SLOPE)
        self.register_buffer("shells", _shell_averages(n), persistent=False)
        features = (2 + 1 + 2 + 2) * channels + 2 * (n // 2)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.judge = nn.Sequential(
            nn.Linear(features, _UNITS),
            nn.LeakyReLU(SLOPE),
            nn.Linear(_UNITS, _UNITS),
            nn.LeakyReLU(SLOPE),
            nn.Linear(_UNITS, 1),
        )

    def forward(self, scaled: Tensor) -> Tensor:
        """Return a number for each scaled box (boxes, n, n, n), shape (boxes,)."""
        return self.judge((self._features(scaled) - self.mean) / self.deviation)[:, 0].float()

    def _features(self, scaled: Tensor) -> Tensor:
        hidden = scaled[:, None]
        found = [self.active(self.voxels(scaled.flatten(1)[..., None])).mean(1)]
        for level in self.levels:
            hidden = self.active(level(hidden))
            found.append(hidden.mean(GRID))
        for field in (scaled, self.floor * torch.expm1(scaled)):
            with torch.autocast(scaled.device.type, enabled=False):  # power spans decades: not in bfloat16
                modes = torch.fft.rfftn(field.float(), dim=GRID)
                power = (modes.real.square() + modes.imag.square()).flatten(1) / scaled[0].numel()
                found.append(torch.log(power @ self.shells + _LEAST_POWER))
        return torch.cat(found, dim=1)

    @torch.no_grad()
    def standardise(self, scaled: Tensor) -> None:
        """Set the means and deviations of the features, before training, to those of N-body boxes."""
        features = torch.cat([self._features(part) for part in in_parts(scaled)])
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0).clamp_min(_LEAST_DEVIATION))


def _shell_averages(cells: int) -> Tensor:
    """Return the matrix (modes, shells) that averages the modes of `torch.fft.rfftn` in shells of wavenumber."""
    shell = (wave_lengths(cells) + 0.5).floor().long().flatten()
    copies = torch.full((cells, cells, cells // 2 + 1), 2.0)  # rfftn leaves out half of the modes but in two planes
    copies[..., [0, -1]] = 1.0
    matrix = torch.zeros(len(shell), math.ceil(math.sqrt(3) * cells / 2) + 1)
    matrix[torch.arange(len(shell)), shell] = copies.flatten()
    matrix = matrix[:, 1 : cells // 2 + 1]
    return matrix / matrix.sum(0)
