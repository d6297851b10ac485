"""Batches of training data: their order, known for any epoch, and their way to the device."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from analysis.loop.processes import Processes

_AHEAD = 3  # batches that are made while a GPU computes

Batch = tuple[Tensor, ...]


class Data(Protocol):
    """Training data: indexed by a tensor of object numbers, a tuple of tensors (as TensorDataset is).

    The same numbers give the same tensors each time within an epoch. Data that differ between epochs, as augmented
    images do, have a method `set_epoch(epoch)`, after which they depend on nothing but the epoch; anything else that is
    random in training belongs into the loss.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, chosen: Tensor, /) -> Batch: ...


def set_epoch(data: Data, epoch: int) -> None:
    """Tell data which epoch it is, if they differ between epochs."""
    if hasattr(data, "set_epoch"):
        data.set_epoch(epoch)


def numbers(objects: int, batch_size: int, order: tuple[int, int] | None = None) -> Iterator[Tensor]:
    """Yield the object numbers of each batch; `order` seeds their order."""
    ordered = np.arange(objects) if order is None else np.random.default_rng(order).permutation(objects)
    yield from torch.from_numpy(ordered).split(batch_size)


def in_order(data: Data, batch_size: int) -> Iterator[Batch]:
    """Yield all data, where they are: they may not fit into memory at once."""
    for chosen in numbers(len(data), batch_size):
        yield data[chosen]


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move a batch to a device; images, of four dimensions, with channels last."""
    return tuple(
        tensor.to(device, non_blocking=True, memory_format=torch.channels_last)
        if tensor.dim() == 4
        else tensor.to(device, non_blocking=True)
        for tensor in batch
    )


def loaded(data: Data, batches: Iterable[Tensor], processes: Processes) -> Iterator[tuple[Tensor, Batch]]:
    """Yield the numbers of each batch, and this process's share of it; a GPU computes while the next are made."""
    device = processes.device
    if device.type == "cpu":
        for chosen in batches:
            yield chosen, to_device(data[processes.share(chosen)], device)
        return

    def load(chosen: Tensor) -> tuple[Tensor, Batch]:
        pinned = tuple(tensor.pin_memory() for tensor in data[processes.share(chosen)])
        return chosen, to_device(pinned, device)

    def use_device() -> None:
        if device.index is not None:  # of several; a thread starts on the first, and pinned memory would be of that one
            torch.cuda.set_device(device)

    with ThreadPoolExecutor(1, initializer=use_device) as worker:
        waiting: deque[Future[tuple[Tensor, Batch]]] = deque()
        for chosen in batches:
            waiting.append(worker.submit(load, chosen))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()
