"""The generator and the critic: convolutions on a periodic cube.

The generator takes white noise, as an N-body code does. It gives the noise a power spectrum (learned, as an isotropic
filter in Fourier space that starts as that of a log-normal field), and lets convolutions make of it a field of
log-density. Nothing in it prefers a place: all padding is periodic. The Wasserstein critic (Arjovsky et al. 2017) looks
at the log-density with convolutions, of which it takes the means over the box at every level, and at its Fourier
amplitudes; its gradient is held near one (Gulrajani et al. 2017).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_GRID = (-3, -2, -1)


@dataclass(frozen=True)
class Shape:
    """Sizes of both networks.

    Attributes
    ----------
    cells : int
        Cells of a box's side, a multiple of 4.
    noise : int
        Fields of white noise that a box is made of.
    generator_channels, generator_blocks : int
        Of the generator: width, and residual blocks.
    critic_channels : int
        Of the critic at full resolution; doubled each time the resolution is halved.
    floor : float
        Density, in units of the mean, below which the scale is linear rather than logarithmic.
    """

    cells: int
    noise: int
    generator_channels: int
    generator_blocks: int
    critic_channels: int
    floor: float


def scale_density(density: Tensor, floor: float) -> Tensor:
    """Return ln(1 + density / floor): what the networks see. Invertible, and it keeps the tail."""
    return torch.log1p(density / floor)


def draw_noise(boxes: int, shape: Shape, generator: torch.Generator | None = None) -> Tensor:
    """Draw the generator's input, shape (boxes, noise, n, n, n)."""
    return torch.randn(boxes, shape.noise, *(shape.cells,) * 3, generator=generator)


class IsotropicFilter(nn.Module):
    """Fourier filters, one for each pair of channels, that depend on the length of the wave vector alone.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    cells : int
        Of a box's side.
    """

    def __init__(self, inputs: int, outputs: int, cells: int) -> None:
        super().__init__()
        axis = torch.fft.fftfreq(cells, 1 / cells)
        length = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis[: cells // 2 + 1] ** 2).sqrt()
        knots = math.ceil(float(length.max())) + 1
        below = length.floor().long()
        self.register_buffer("below", below, persistent=False)
        self.register_buffer("share", length - below, persistent=False)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, knots) / math.sqrt(inputs))

    def forward(self, fields: Tensor) -> Tensor:
        """Filter fields (boxes, inputs, n, n, n) into (boxes, outputs, n, n, n)."""
        last = self.weight.shape[-1] - 1
        low, high = self.weight[..., self.below], self.weight[..., (self.below + 1).clamp_max(last)]
        transfer = low + (high - low) * self.share
        modes = torch.einsum("bixyz,oixyz->boxyz", torch.fft.rfftn(fields, dim=_GRID), transfer.to(torch.complex64))
        return torch.fft.irfftn(modes, s=fields.shape[-3:], dim=_GRID)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, stride, padding=1, padding_mode="circular")


class Generator(nn.Module):
    """White noise -> density, of unit mean in every box.

    Parameters
    ----------
    shape : Shape
    power : Tensor, shape (n, n, n)
        Power of the Gaussian field that the untrained generator exponentiates (`controls.log_normal_power`).
    """

    def __init__(self, shape: Shape, power: Tensor) -> None:
        super().__init__()
        self.shape = shape
        channels = shape.generator_channels
        self.register_buffer("amplitude", power.clamp_min(0).sqrt()[..., : shape.cells // 2 + 1].clone())
        self.amplitude[0, 0, 0] = 0
        self.filter = IsotropicFilter(1, channels // 2, shape.cells)
        self.enter = _convolution(1 + channels // 2 + shape.noise - 1, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(0.2), _convolution(channels, channels), nn.LeakyReLU(0.2), _convolution(channels, channels)
            )
            for _ in range(shape.generator_blocks)
        )
        self.leave = nn.Conv3d(channels, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, noise: Tensor) -> Tensor:
        """Return densities (boxes, n, n, n) of noise (boxes, noise, n, n, n)."""
        seed = torch.fft.irfftn(
            torch.fft.rfftn(noise[:, :1], dim=_GRID) * self.amplitude, s=noise.shape[-3:], dim=_GRID
        )
        hidden = self.enter(torch.cat([seed, self.filter(seed), noise[:, 1:]], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        density = (seed + self.leave(hidden))[:, 0].clamp_max(12).exp()
        return density / density.mean(dim=_GRID, keepdim=True)


class Critic(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        c = shape.critic_channels
        self.point = nn.Sequential(nn.Linear(1, 2 * c), nn.LeakyReLU(0.2))
        self.levels = nn.ModuleList(
            [
                nn.Sequential(_convolution(1, c, 2), nn.LeakyReLU(0.2)),
                nn.Sequential(_convolution(c, 2 * c), nn.LeakyReLU(0.2)),
                nn.Sequential(_convolution(2 * c, 2 * c, 2), nn.LeakyReLU(0.2)),
            ]
        )
        n = shape.cells
        axis = torch.fft.fftfreq(n, 1 / n)
        length = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis[: n // 2 + 1] ** 2).sqrt()
        shell = (length + 0.5).floor().long()
        shell = torch.where(shell > n // 2, 0, shell)
        w = torch.full(length.shape, 2.0)
        w[..., 0] = 1
        w[..., -1] = 1
        m = torch.zeros(n // 2 + 1, shell.numel())
        m[shell.flatten(), torch.arange(shell.numel())] = w.flatten()
        m = (m / m.sum(1, keepdim=True))[1:]
        self.register_buffer("shells", m.T.contiguous(), persistent=False)
        k = 2 * c + c + 2 * c + 2 * c + n // 2 * 2
        self.norm = nn.Identity()
        self.head = nn.Sequential(
            nn.Linear(k, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
        )

    def forward(self, scaled: Tensor) -> Tensor:
        h = scaled[:, None]
        f = [self.point(scaled.flatten(1)[..., None]).mean(1)]
        for level in self.levels:
            h = level(h)
            f.append(h.mean(_GRID))
        rho = torch.expm1(scaled) * self.shape.floor
        for q in (scaled, rho):
            p = torch.fft.rfftn(q, dim=_GRID)
            p = (p.real**2 + p.imag**2).flatten(1) / scaled[0].numel()
            f.append(torch.log(p @ self.shells + 1e-3))
        return self.head(torch.cat(f, 1))[:, 0]
