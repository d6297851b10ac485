"""How training computes: float32 or bfloat16, whichever is faster on this machine; deterministic where wanted."""

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

FLOAT32, BFLOAT16, AUTO = PRECISIONS = ("float32", "bfloat16", "auto")
_REPEATS = 3  # of a step in each precision, after one that does not count


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in a precision; its weights are float32 in any."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


def faster_precision(
    model: nn.Module,
    losses: list[Callable[[nn.Module, tuple[Tensor, ...]], Tensor]],
    batch: tuple[Tensor, ...],
    device: torch.device,
) -> str:
    """Return the precision in which this machine takes steps of this model on this batch faster: a short trial.

    The two take turns, so that what else the machine does meets both. The model stays as it is.
    """
    model = copy.deepcopy(model).train()

    def seconds(precision: str) -> float:
        started = time.perf_counter()
        for loss in losses:
            with autocast(device, precision):
                value = loss(model, batch)
            value.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    trials = [[seconds(FLOAT32), seconds(BFLOAT16)] for _ in range(1 + _REPEATS)]
    in_float32, in_bfloat16 = np.median(trials[1:], axis=0)
    return BFLOAT16 if in_bfloat16 < in_float32 else FLOAT32


@contextmanager
def kernels(device: torch.device, deterministic: bool) -> Iterator[None]:
    """Let PyTorch use deterministic kernels only, or else, on a GPU, the fastest that it finds.

    On a CPU training is deterministic without; a GPU needs it where two runs are to give the same bits.
    """
    before = (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = device.type == "cuda" and not deterministic
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
