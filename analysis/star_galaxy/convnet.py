"""ConvNet: the convolutional network of Kim & Brunner (2017, MNRAS 464, 4463, table 1), stamps in, classes out.

It runs on a bare machine: PyTorch and safetensors suffice.
"""

import json
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from analysis.errors import InputError
from analysis.tensor_files import load_weights, read_tensors, write_tensors

_SLOPE = 0.01  # of the leaky ReLU
_SMALLEST_SIDE = 12  # pixels of a stamp, of which one is left for the dense layers


class ConvNet(nn.Module):
    """Eleven layers: two, three and three convolutions, each group followed by 2 x 2 max pooling, and three dense ones.

    The first convolution, 5 x 5, is not padded and takes 44 pixels to 40; the others, 3 x 3, are, so that 5 x 5
    pixels of 128 channels are left for the dense layers. At `width` 1 there are 11.2 million parameters.

    Parameters
    ----------
    n_outputs : int
        Classes; 2 for star and galaxy.
    side : int
        Pixels of the stamps.
    bands : int
    width : float
        Factor on the channels and units of every layer but the last.
    dropout : float
        Fraction of the dense layers' units that is left out in training.

    Raises
    ------
    InputError
        If the stamps are too small.
    """

    def __init__(
        self, n_outputs: int = 2, side: int = 44, bands: int = 5, width: float = 1.0, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if side < _SMALLEST_SIDE:
            raise InputError(f"stamps of {side} pixels a side; expected at least {_SMALLEST_SIDE}", "stamp-shape")
        self.shape = {"n_outputs": n_outputs, "side": side, "bands": bands, "width": width, "dropout": dropout}
        few, more, most, units = (max(1, round(width * full)) for full in (32, 64, 128, 2048))
        left = (side - 4) // 8  # pixels a side after the first convolution and three poolings
        self.convolutions = nn.Sequential(
            *_convolution(bands, few, 5, padding=0), *_convolution(few, few), nn.MaxPool2d(2),
            *_convolution(few, more), *_convolution(more, more), *_convolution(more, more), nn.MaxPool2d(2),
            *_convolution(more, most), *_convolution(most, most), *_convolution(most, most), nn.MaxPool2d(2),
        )  # fmt: skip
        self.dense = nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(most * left**2, units), nn.LeakyReLU(_SLOPE), nn.Dropout(dropout)),
            *(nn.Linear(units, units), nn.LeakyReLU(_SLOPE), nn.Dropout(dropout)),
            nn.Linear(units, n_outputs),
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (n, n_outputs) of scaled stamps (n, bands, side, side).

        Raises
        ------
        InputError
            If the stamps are of another size.
        """
        expected = (self.shape["bands"], self.shape["side"], self.shape["side"])
        if tuple(images.shape[1:]) != expected:
            raise InputError(
                f"stamps of shape {tuple(images.shape[1:])}; expected {expected}: bands, rows, columns", "stamp-shape"
            )
        return self.dense(self.convolutions(images))

    def save(self, path: Path, **about: Any) -> None:
        """Write the weights, the shape of the network, and what else is to be known about it, as safetensors."""
        write_tensors(path, self.state_dict(), {"shape": json.dumps(self.shape), "about": json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """Read what `save` wrote: the network, in evaluation mode, and what else is known about it.

        Raises
        ------
        InputError
            If the file is damaged or holds another network.
        """
        tensors, written = read_tensors(path)
        try:
            network, about = cls(**json.loads(written["shape"])), json.loads(written["about"])
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(
                f"{path}: no ConvNet ({error!r}); expected a file that ConvNet.save wrote", "other-model"
            ) from None
        load_weights(network, tensors, path)
        return network.eval(), about


def class_loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the mean cross entropy of a batch: images, labels."""
    images, labels = batch
    return cross_entropy(network(images).float(), labels)


def _convolution(before: int, after: int, size: int = 3, padding: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, size, padding=padding), nn.LeakyReLU(_SLOPE)


def _initialise(layer: nn.Module) -> None:
    """Draw orthogonal weights (Saxe, McClelland & Ganguli 2013) that keep the variance through leaky ReLUs; no bias."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.orthogonal_(layer.weight, gain=nn.init.calculate_gain("leaky_relu", _SLOPE))
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
