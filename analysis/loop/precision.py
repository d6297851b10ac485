"""How training computes: float32 or bfloat16, whichever is faster on this machine; deterministic where wanted."""

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

FLOAT32, BFLOAT16, AUTO = PRECISIONS = ("float32", "bfloat16", "auto")
_REPEATS = 7  # of a step in each precision, after one that does not count
LEAST_GAIN = 1.2  # by which bfloat16 is to be faster: what is gained with less is not worth its digits
# Objects of a trial. Smaller batches are judged as if they were of so many: a network computes alike whether it learns
# from few objects or from many, and small batches, in which neither precision gains much, do not come out by chance.
LEAST_TRIAL = 64
_NATIVE = ("avx512_bf16", "amx_bf16", "bf16")  # as PyTorch calls them on x86 and Arm

# cuBLAS reads it before its first product in a process, which may well come before a deterministic training
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in a precision; its weights are float32 in any."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


def has_native_bfloat16(device: torch.device) -> bool:
    """Return whether a processor or GPU multiplies bfloat16 numbers itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in _NATIVE)


def faster_precision(
    model: nn.Module,
    losses: list[Callable[[nn.Module, tuple[Tensor, ...]], Tensor]],
    batch: tuple[Tensor, ...],
    device: torch.device,
) -> str:
    """Return the precision in which this machine takes steps of this model on this batch faster: a short trial.

    So that the same machine decides alike each time, however busy it is: without native bfloat16 there is no trial;
    the least of several times counts, on a processor those that it worked rather than those that passed; and bfloat16
    has to be faster by a clear margin. The two take turns. The model stays as it is.
    """
    if not has_native_bfloat16(device):
        return FLOAT32
    model = copy.deepcopy(model).train()

    def seconds(precision: str) -> float:
        started = clock(device)
        for loss in losses:
            with autocast(device, precision):
                value = loss(model, batch)
            value.backward()
        return clock(device) - started

    trials = [[seconds(precision) for precision in (FLOAT32, BFLOAT16)] for _ in range(1 + _REPEATS)]
    in_float32, in_bfloat16 = (min(times) for times in zip(*trials[1:], strict=True))
    return BFLOAT16 if in_float32 >= LEAST_GAIN * in_bfloat16 else FLOAT32


def clock(device: torch.device) -> float:
    """Return a time in seconds, for differences: processor time; with a GPU, wall-clock time once it has finished.

    Other programs on the same processor hardly change the differences.
    """
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


@contextmanager
def kernels(device: torch.device, deterministic: bool) -> Iterator[None]:
    """Let PyTorch use deterministic kernels only, or else, on a GPU, the fastest that it finds.

    On a CPU training is deterministic without; a GPU needs it where two runs are to give the same bits.
    """
    before = (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
    if deterministic:
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = device.type == "cuda" and not deterministic
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
