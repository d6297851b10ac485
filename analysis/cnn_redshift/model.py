"""The network: stamps and E(B-V) -> what a head needs to say the redshift.

It sees a stamp in two ways. A convolutional trunk looks at its form. Apertures measure its light: the redshift is in
the colours, and few galaxies do not teach a convolution to add up flux over four decades. They are Gaussian weights
that are learnt like any other; nothing comes from the catalogue but the extinction (Pasquet et al. 2019, A&A 621, A26,
section 3).

It runs on a bare machine: PyTorch suffices.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

_BANDS = 5
_NARROWEST, _WIDEST = 1.0, 8.0  # pixels: standard deviations of the apertures before training


class Apertures(nn.Module):
    """Asinh magnitudes of stamps in round Gaussian apertures, and the colours between neighbouring bands.

    Parameters
    ----------
    softening : sequence of float (5,)
        b of each band, nanomaggies: pixels are asinh(f / 2b).
    number : int
        Of apertures in each band.
    """

    def __init__(self, softening: Sequence[float], number: int) -> None:
        super().__init__()
        self.softening: Tensor
        self.register_buffer("softening", torch.tensor(softening, dtype=torch.float32).view(-1, 1, 1))
        widths = torch.logspace(0, 1, number) ** torch.log10(torch.tensor(_WIDEST / _NARROWEST)) * _NARROWEST
        self.log_width = nn.Parameter(widths.log().repeat(len(softening), 1))
        self.size = number * (2 * len(softening) - 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, size) for images (n, 5, ny, nx); in single precision, whatever the rest runs in."""
        with torch.autocast(images.device.type, enabled=False):
            flux = 2 * self.softening * torch.sinh(images.float())
            ny, nx = images.shape[2:]
            y, x = (torch.arange(n, device=images.device) - (n - 1) / 2 for n in (ny, nx))
            r_squared = y[:, None] ** 2 + x**2
            weights = torch.exp(-r_squared / 2 * torch.exp(-2 * self.log_width)[..., None, None])
            measured = torch.einsum("nbyx,bkyx->nbk", flux, weights)
            magnitudes = torch.asinh(measured / (2 * self.softening[..., 0]))
            return torch.cat([magnitudes.flatten(1), magnitudes.diff(dim=1).flatten(1)], dim=1)


class RedshiftNetwork(nn.Module):
    """Apertures and a convolutional trunk, then fully connected layers.

    Parameters
    ----------
    outputs : int
        What the head needs of an object.
    softening : sequence of float (5,)
        Of the asinh scaling of the stamps, nanomaggies.
    channels : sequence of int
        Of each convolution (3 x 3, and 2 x 2 maxima after it).
    apertures : int
        In each band.
    hidden : sequence of int
        Units of each fully connected layer.
    dropout : float
        Before each of them.
    """

    def __init__(
        self,
        outputs: int,
        softening: Sequence[float],
        channels: Sequence[int],
        apertures: int,
        hidden: Sequence[int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.apertures = Apertures(softening, apertures)
        blocks: list[nn.Module] = []
        for before, after in pairwise([_BANDS, *channels]):
            blocks += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*blocks)
        widths = [self.apertures.size + 1 + 2 * channels[-1], *hidden]
        self.standardise = nn.BatchNorm1d(widths[0])
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU(), nn.Dropout(dropout)]
        self.dense = nn.Sequential(*layers)
        self.last = nn.Linear(widths[-1], outputs)

    def features(self, images: Tensor, reddening: Tensor) -> Tensor:
        """Return the last hidden layer (n, hidden[-1]) of stamps (n, 5, ny, nx) and E(B-V) (n,)."""
        form = self.trunk(images)
        form = torch.cat([form.mean((2, 3)), form.amax((2, 3))], dim=1).float()
        seen = torch.cat([self.apertures(images), reddening[:, None], form], dim=1)
        return self.dense(self.standardise(seen))

    def forward(self, images: Tensor, reddening: Tensor) -> Tensor:
        """Return (n, outputs)."""
        return self.last(self.features(images, reddening)).float()
