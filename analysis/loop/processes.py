"""One process or several, each with a part of every batch: data-parallel training under plain `torchrun`.

`torchrun --nproc-per-node 4 -m analysis …` starts four; without it there is one, and nothing here does anything. The
gradients are averaged by hand rather than by DistributedDataParallel, which knows neither losses that take a model
apart (a critic and a generator) nor gradients of gradients.
"""

import atexit
import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from analysis.errors import InputError


def rank() -> int:
    """Return the number of this process among those that torchrun started; the first, 0, writes files."""
    return int(os.environ.get("RANK", "0"))


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Attributes
    ----------
    rank : int
        Number of this one; the first, 0, writes files.
    size : int
        How many there are.
    device : torch.device
        Of this one.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> "Processes":
        """Join the processes that torchrun started, if it did; 'auto' is a GPU where there is one.

        Raises
        ------
        InputError
            If there is no such device.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        found = pick_device(device)
        if found.type == "cuda" and size > 1:
            found = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(found)
        if size > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if found.type == "cuda" else "gloo")
            atexit.register(distributed.destroy_process_group)
        return cls(rank(), size, found)

    def share(self, chosen: Tensor) -> Tensor:
        """Return this process's share of a batch: all of it, where there are fewer objects than processes."""
        return chosen[self.rank :: self.size] if len(chosen) >= self.size else chosen

    def weight(self, chosen: Tensor) -> float:
        """Return what this process's share weighs in the mean over a batch."""
        shares = len(chosen) if len(chosen) >= self.size else len(chosen) * self.size
        return len(self.share(chosen)) / shares

    def average_gradients(self, parameters: Iterable[nn.Parameter], weight: float) -> None:
        """Replace the gradients by their mean over processes, each with its weight."""
        if self.size == 1:
            return
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad * weight
            distributed.all_reduce(parameter.grad)

    def total(self, value: float) -> float:
        """Return the sum of a number over processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        return tensor.item()

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Take over what the first process has, in place: statistics of its batches, what it decided."""
        for tensor in tensors if self.size > 1 else ():
            distributed.broadcast(tensor, 0)


def pick_device(name: str) -> torch.device:
    """Return the device of a name; 'auto' is a GPU where there is one.

    Raises
    ------
    InputError
        If there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise InputError(f"device {name!r}; expected 'cpu', 'cuda' or 'auto'")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda', but PyTorch finds no GPU here; expected 'cpu' or 'auto'")
    return torch.device(name)
