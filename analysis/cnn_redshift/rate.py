"""How much of what a machine can compute a training uses: its floating-point operations over the rate of matrices."""

import time

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


def matrix_rate(
    device: torch.device, size: int = 8192, repeats: int = 20, dtype: torch.dtype = torch.bfloat16
) -> float:
    """Return the operations per second of this machine in products of matrices (size, size)."""
    a = torch.randn(size, size, device=device, dtype=dtype)

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(repeats):
            product = a @ a
        float(product[0, 0])  # waits for the device
        return time.perf_counter() - started

    seconds()  # the first products choose their kernels
    return repeats * 2 * size**3 / seconds()
