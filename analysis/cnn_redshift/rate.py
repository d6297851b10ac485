"""How many floating-point operations a training takes."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

_TRAINING = 3  # times the operations of a prediction: the gradients by inputs and by weights cost as much each


def operations_per_stamp(network: nn.Module, shape: tuple[int, int, int]) -> float:
    """Return the operations of training on a stamp of a shape (bands, ny, nx), those of convolutions and matrices."""
    stamps = torch.zeros(2, *shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.cpu()(stamps, torch.zeros(2))
    return _TRAINING * counter.get_total_flops() / len(stamps)
