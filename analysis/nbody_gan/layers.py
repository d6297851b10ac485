"""What generator and critic have in common: their sizes, the scale of densities, convolutions on a periodic cube."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analysis.errors import InputError

GRID = (-3, -2, -1)  # axes of a box
SLOPE = 0.2  # of the leaky ReLU
CELLS_AT_ONCE = 250 * 16**3  # of boxes that networks take outside of training: bounds the memory


@dataclass(frozen=True)
class Shape:
    """Sizes of both networks.

    Attributes
    ----------
    cells : int
        Cells of a box's side, a multiple of 4.
    noise : int
        Fields of white noise that a box is made of: the first is that of the Zel'dovich mock.
    generator_channels, generator_blocks : int
        Of the generator: width, an even number, and residual blocks.
    critic_channels : int
        Of the critic's first convolution.
    floor : float
        Density, in units of the mean, below which the critic's scale is linear rather than logarithmic.
    knots : int
        Of the generator's map of voxels to densities.

    Raises
    ------
    InputError
        If the sides of the boxes cannot be halved twice, or there is no noise.
    """

    cells: int
    noise: int
    generator_channels: int
    generator_blocks: int
    critic_channels: int
    floor: float
    knots: int

    def __post_init__(self) -> None:
        if self.cells < 4 or self.cells % 4:
            raise InputError(f"boxes of {self.cells} cells a side; expected a multiple of 4")
        if self.noise < 1 or self.generator_channels % 2:
            raise InputError(
                f"noise {self.noise}, generator_channels {self.generator_channels}; expected at least 1, and even"
            )


def scale_density(density: Tensor, floor: float) -> Tensor:
    """Return ln(1 + density / floor), what the critic sees: invertible, and it keeps the tail."""
    return torch.log1p(density / floor)


def in_parts(boxes: Tensor) -> tuple[Tensor, ...]:
    """Split boxes (boxes, …, n, n, n) into parts that networks can take at once."""
    return boxes.split(max(1, CELLS_AT_ONCE // boxes[0].numel()))


def wave_lengths(cells: int) -> Tensor:
    """Return the length of each wave vector of `torch.fft.rfftn`, in fundamental modes."""
    axis = torch.fft.fftfreq(cells, 1 / cells).square()
    return (axis[:, None, None] + axis[:, None] + axis[: cells // 2 + 1]).sqrt()


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    """Return a 3 x 3 x 3 convolution with periodic padding: no place is preferred."""
    return nn.Conv3d(inputs, outputs, 3, stride, padding=1, padding_mode="circular")
