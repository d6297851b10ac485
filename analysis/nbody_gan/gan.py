"""The generator, and its training with a critic.

The generator takes white noise, as an N-body code does. Before training it is a Zel'dovich mock with the voxel masses
of the training boxes. Training changes how its Fourier modes are weighted, and adds what convolutions make of the field
and of more noise. All padding is periodic: no place is preferred.

The gradient of the critic (`critic`) is held near one (Gulrajani et al. 2017).
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Self, cast

import torch
from torch import Tensor, nn

from analysis.errors import InputError
from analysis.nbody_gan.critic import Critic
from analysis.nbody_gan.layers import (
    CELLS_AT_ONCE,
    GRID,
    SLOPE,
    Shape,
    convolution,
    in_parts,
    scale_density,
    wave_lengths,
)
from analysis.nbody_gan.mock import Zeldovich, voxel_map
from analysis.nbody_gan.statistics import power_spectrum
from analysis.tensor_files import load_weights, read_tensors, write_tensors

_TAIL = 8  # knots at either end of the map, whose mean slope goes on beyond it

Loss = Callable[[nn.Module, tuple[Tensor, ...]], Tensor]


def draw_noise(boxes: int, shape: Shape, generator: torch.Generator | None = None) -> Tensor:
    """Draw the generator's input, shape (boxes, noise, n, n, n)."""
    return torch.randn(boxes, shape.noise, *(shape.cells,) * 3, generator=generator)


class IsotropicFilters(nn.Module):
    """Fourier filters that depend on the length of the wave vector alone: one field in, several out.

    The first leaves the field as it is, before training.

    Parameters
    ----------
    outputs : int
    cells : int
        Of a box's side.
    """

    below: Tensor
    share: Tensor

    def __init__(self, outputs: int, cells: int) -> None:
        super().__init__()
        length = wave_lengths(cells)
        below = length.floor().long()
        self.register_buffer("below", below, persistent=False)
        self.register_buffer("share", length - below, persistent=False)
        transfer = torch.randn(outputs, int(below.max()) + 2)  # at 0, 1, 2, … fundamental modes
        transfer[0] = 1.0
        self.transfer = nn.Parameter(transfer)

    def forward(self, field: Tensor) -> Tensor:
        """Filter fields (boxes, 1, n, n, n) into (boxes, outputs, n, n, n)."""
        transfer = torch.lerp(self.transfer[:, self.below], self.transfer[:, self.below + 1], self.share)
        return torch.fft.irfftn(torch.fft.rfftn(field, dim=GRID) * transfer, s=field.shape[-3:], dim=GRID)


class Generator(nn.Module):
    """White noise -> density, of unit mean in every box.

    Parameters
    ----------
    shape : Shape
    power : Tensor, shape (n, n, n)
        Of the mock (`mock.linear_modes`).

    Attributes
    ----------
    values, image : Tensor, shape (knots,)
        The map from the field to the logarithm of the density (`mock.voxel_map`).
    """

    values: Tensor
    image: Tensor

    def __init__(self, shape: Shape, power: Tensor) -> None:
        super().__init__()
        self.shape = shape
        channels, filters = shape.generator_channels, shape.generator_channels // 2
        self.mock = Zeldovich(power)
        self.register_buffer("values", torch.linspace(-1, 1, shape.knots))
        self.register_buffer("image", torch.linspace(-1, 1, shape.knots))
        self.filters = IsotropicFilters(1 + filters, shape.cells)
        self.enter = convolution(filters + shape.noise + 1, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(SLOPE),
                convolution(channels, channels),
                nn.LeakyReLU(SLOPE),
                convolution(channels, channels),
            )
            for _ in range(shape.generator_blocks)
        )
        self.leave = nn.Conv3d(channels, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, noise: Tensor) -> Tensor:
        """Return densities (boxes, n, n, n) of noise (boxes, noise, n, n, n)."""
        density, linear = self.mock(noise[:, 0]).split(1, dim=1)
        filtered = self.filters(density)
        hidden = self.enter(torch.cat([filtered, linear, noise[:, 1:]], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self._density((filtered[:, :1] + self.leave(hidden))[:, 0])

    @torch.no_grad()
    def fit(self, density: Tensor, random: torch.Generator, rounds: int = 5) -> None:
        """Give the untrained mock the voxel masses and the mean power spectrum of boxes (boxes, n, n, n), in turn."""
        noise = torch.randn(density.shape, generator=random)
        mock = torch.cat([self.mock(part)[:, :1] for part in in_parts(noise)])
        wanted = power_spectrum(density, 1.0).mean(0)
        for _ in range(rounds):
            field = torch.cat([self.filters(part)[:, 0] for part in in_parts(mock)])
            values, image = voxel_map(field, density, self.shape.knots)
            self.values.copy_(values)
            self.image.copy_(image)
            drawn = self._density(field)
            factor = (wanted / power_spectrum(drawn, 1.0).mean(0)).sqrt()
            self.filters.transfer[0, 1 : len(factor) + 1] *= factor
            self.filters.transfer[0, len(factor) + 1 :] *= factor[-1]  # in the corners of the cube, beyond any shell

    def _density(self, field: Tensor) -> Tensor:
        density = self._mapped(field).exp()
        return density / density.mean(dim=GRID, keepdim=True)

    def _mapped(self, field: Tensor) -> Tensor:
        """Return the logarithm of the density at values of the field; beyond its ends the map goes on at its slope."""
        last = len(self.values) - 1
        place = (field - self.values[0]) / (self.values[1] - self.values[0])
        below = place.detach().floor().long().clamp(0, last - 1)
        inside = torch.lerp(self.image[below], self.image[below + 1], (place - below).clamp(0, 1))
        rise = (self.image[-1] - self.image[-1 - _TAIL]) / _TAIL
        fall = (self.image[_TAIL] - self.image[0]) / _TAIL
        return inside + rise * (place - last).clamp_min(0) + fall * place.clamp_max(0)

    def save(self, path: Path) -> None:
        """Write the weights and the shape as safetensors."""
        write_tensors(path, self.state_dict(), {"shape": json.dumps(asdict(self.shape))})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote: the generator, in evaluation mode.

        Raises
        ------
        InputError
            If the file is damaged, or holds a network of another shape.
        """
        tensors, about = read_tensors(path)
        try:
            shape = Shape(**json.loads(about["shape"]))
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{path}: no generator ({error!r}); expected a file that Generator.save wrote") from None
        generator = cls(shape, torch.ones((shape.cells,) * 3))
        load_weights(generator, tensors, path)
        return generator.eval()


@torch.no_grad()
def draw_boxes(generator: Generator, boxes: int, seed: int) -> Tensor:
    """Draw boxes from a generator, shape (boxes, n, n, n), on the CPU; the noise depends on the seed alone."""
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(seed)
    at_once = max(1, CELLS_AT_ONCE // generator.shape.cells**3)
    sizes = [min(at_once, boxes - start) for start in range(0, boxes, at_once)]
    return torch.cat([generator(draw_noise(size, generator.shape, random).to(device)).cpu() for size in sizes])


class Gan(nn.Module):
    """Generator and critic; the arguments are the generator's."""

    def __init__(self, shape: Shape, power: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.generator = Generator(shape, power)
        self.critic = Critic(shape)


def _drawn(model: Gan, boxes: int, device: torch.device) -> Tensor:
    noise = torch.randn(boxes, model.shape.noise, *(model.shape.cells,) * 3, device=device)
    return scale_density(model.generator(noise), model.shape.floor)


def critic_loss(penalty: float) -> Loss:
    """Return the critic's loss: drawn minus N-body boxes, and the gradient penalty (Gulrajani et al. 2017, eq. 3).

    The penalty is taken on half of each batch: its double back-propagation is what costs most.
    """

    def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        gan, nbody = cast(Gan, model), batch[0][:, 0]
        with torch.no_grad():
            drawn = _drawn(gan, len(nbody), nbody.device)
        half = (len(nbody) + 1) // 2
        share = torch.rand(half, 1, 1, 1, device=nbody.device)
        between = torch.lerp(drawn[:half], nbody[:half], share).requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(gan.critic(between).sum(), between, create_graph=True)
        excess = slope.flatten(1).norm(dim=1) - 1
        return gan.critic(drawn).mean() - gan.critic(nbody).mean() + penalty * excess.square().mean()

    return loss


def generator_loss(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the generator's loss: how little its boxes look like N-body ones to the critic."""
    gan = cast(Gan, model)
    return -gan.critic(_drawn(gan, len(batch[0]), batch[0].device)).mean()
