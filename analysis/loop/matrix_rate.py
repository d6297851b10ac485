"""What a machine can compute: the rate of its products of matrices."""

import time

import torch


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
