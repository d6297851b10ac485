"""Random fields that are not N-body: the yardstick that lets them pass measures nothing."""

import torch
from torch import Tensor

WHITE_NOISE, GAUSSIAN, LOG_NORMAL = "white_noise", "gaussian", "log_normal"

_GRID = (-3, -2, -1)


def mean_power(density: Tensor) -> Tensor:
    """Return the mean over boxes of |delta_k|^2 / cells, isotropic: averaged over the modes of each wavenumber.

    Parameters
    ----------
    density : Tensor, shape (boxes, n, n, n)

    Returns
    -------
    Tensor, shape (n, n, n)
        In the order of `torch.fft.fftn`; the variance of each mode in units of that of white noise of unit variance.
    """
    n = density.shape[-1]
    contrast = density / density.mean(dim=_GRID, keepdim=True) - 1
    power = torch.zeros(n, n, n, dtype=density.dtype)
    for part in contrast.split(256):
        power += torch.fft.fftn(part, dim=_GRID).abs().square().sum(0)
    power /= len(density) * n**3
    axis = torch.fft.fftfreq(n, 1 / n).square().round().long()
    length = (axis[:, None, None] + axis[:, None] + axis).flatten()
    sums = torch.bincount(length, power.flatten().double())
    return (sums / torch.bincount(length).clamp_min(1))[length].view(n, n, n).to(density.dtype)


def log_normal_power(power: Tensor) -> Tensor:
    """Return the power of the Gaussian field whose exponential has a given power, xi_g = ln(1 + xi).

    Coles & Jones (1991), eq. 15. Where no such field exists its power is set to zero.
    """
    correlation = torch.fft.ifftn(power).real
    return torch.fft.fftn(torch.log1p(correlation.clamp_min(-0.99))).real.clamp_min(0)


def gaussian_field(power: Tensor, boxes: int, generator: torch.Generator) -> Tensor:
    """Draw Gaussian fields of zero mean, shape (boxes, n, n, n), with the power of `mean_power`."""
    return colour(torch.randn(boxes, *power.shape, generator=generator, dtype=power.dtype), power)


def colour(white: Tensor, power: Tensor) -> Tensor:
    """Return white noise (…, n, n, n) of unit variance with a given power, and no mean."""
    amplitude = power.clamp_min(0).sqrt()[..., : power.shape[-1] // 2 + 1].clone()
    amplitude[0, 0, 0] = 0
    return torch.fft.irfftn(torch.fft.rfftn(white, dim=_GRID) * amplitude, s=power.shape, dim=_GRID)


def log_normal_field(power: Tensor, boxes: int, generator: torch.Generator) -> Tensor:
    """Draw log-normal boxes of unit mean density whose own power is given, shape (boxes, n, n, n)."""
    density = gaussian_field(log_normal_power(power), boxes, generator).exp()
    return density / density.mean(dim=_GRID, keepdim=True)


def draw_controls(density: Tensor, boxes: int, seed: int) -> dict[str, Tensor]:
    """Draw boxes of each control, with the power of some N-body boxes; white noise with their variance."""
    generator = torch.Generator().manual_seed(seed)
    power = mean_power(density)
    flat = torch.full_like(power, float(power.mean()))
    return {
        WHITE_NOISE: 1 + gaussian_field(flat, boxes, generator),
        GAUSSIAN: 1 + gaussian_field(power, boxes, generator),
        LOG_NORMAL: log_normal_field(power, boxes, generator),
    }
