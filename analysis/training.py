"""The one training loop, for every network of the compendium.

It runs on a bare machine: PyTorch, numpy and safetensors suffice. Kill it at any time: the next call with the
same model, data and settings goes on after the last finished epoch, and on the same processor ends with the same
weights, bit for bit.
"""

import csv
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from analysis.files import replacing

try:
    from rich.progress import track
except ImportError:  # a bare machine trains without a bar

    def track(sequence, **_):  # type: ignore[misc]
        """Iterate without a progress bar."""
        return sequence


CHECKPOINT = "checkpoint.safetensors"
LOG = "log.csv"

Loss = Callable[[nn.Module, tuple[Tensor, ...]], Tensor]


class Data(Protocol):
    """Training data: indexed by a tensor of object numbers, a tuple of tensors (as TensorDataset is).

    The same numbers give the same tensors each time within an epoch. Data that differ between epochs, as augmented
    images do, have a method `set_epoch(epoch)`, after which they depend on nothing but the epoch; anything else that is
    random in training belongs into the loss.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, chosen: Tensor, /) -> tuple[Tensor, ...]: ...


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    epochs : int
        Largest number of passes over the training data; the learning rate falls as a cosine until then.
    batch_size : int
        Objects in a minibatch.
    learning_rate : float
        Its largest value, reached after `warmup` of all steps.
    weight_decay : float
        Of AdamW.
    patience : int
        Stop after so many epochs without a lower validation loss.
    warmup : float
        Fraction of all steps in which the learning rate rises linearly.
    seed : int
        Of the data order and of everything random in the model.
    device : str
        'cpu', 'cuda', or 'auto' for a GPU where there is one.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    warmup: float = 0.05
    seed: int = 0
    device: str = "auto"


def train(
    model: nn.Module,
    loss: Loss,
    train_data: Data,
    validation_data: Data,
    settings: Settings,
    folder: Path,
    description: str | None = None,
) -> list[dict[str, float]]:
    """Train a model with early stopping; it ends with the weights of its best epoch, in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        With its initial weights; changed in place.
    loss : callable
        `loss(model, batch)`, the mean over the objects of a batch.
    train_data, validation_data : Data
        What `loss` takes, one row per object.
    settings : Settings
        How to train.
    folder : pathlib.Path
        Where to keep the checkpoint and a log, one line per epoch. A checkpoint of another run (other model, data or
        settings) is replaced.
    description : str, optional
        What the progress bar says; no bar without it.

    Returns
    -------
    list of dict
        For each epoch: epoch, learning_rate, train_loss, validation_loss, cpu_seconds (of all threads).

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    device = pick_device(settings.device)
    torch.manual_seed(settings.seed)
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    _set_epoch(train_data, 0)
    run = _fingerprint(model, train_data, validation_data, settings)
    best, history = _resume(folder / CHECKPOINT, run, model, optimizer)
    steps = math.ceil(len(train_data) / settings.batch_size)

    epochs = range(len(history), settings.epochs)
    for epoch in track(epochs, description=description) if description else epochs:
        if _epochs_since_best(history) >= settings.patience:
            break
        started = time.process_time()

        model.train()
        _set_epoch(train_data, epoch)
        train_loss = 0.0
        for number, chosen in enumerate(_batches(len(train_data), settings.batch_size, order=(settings.seed, epoch))):
            rate = _learning_rate(epoch * steps + number, settings.epochs * steps, settings)
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch = tuple(tensor.to(device) for tensor in train_data[chosen])
            value = loss(model, batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            train_loss += value.item() * len(chosen) / len(train_data)

        validation_loss = mean_loss(model, loss, validation_data, settings.batch_size, device)
        if not math.isfinite(train_loss + validation_loss):
            raise FloatingPointError(f"training diverged in epoch {epoch}: try a smaller learning rate")
        history.append(
            {
                "epoch": epoch,
                "learning_rate": rate,
                "train_loss": train_loss,
                "validation_loss": validation_loss,
                "cpu_seconds": time.process_time() - started,
            }
        )
        if _epochs_since_best(history) == 0:
            best = _copy(model)
        _save_checkpoint(folder / CHECKPOINT, run, model, best, optimizer, history)
        _write_log(folder / LOG, history)

    model.load_state_dict(best)
    model.eval()
    return history


def pick_device(name: str) -> torch.device:
    """Return the device of a name; 'auto' is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


@torch.no_grad()
def mean_loss(model: nn.Module, loss: Loss, data: Data, batch_size: int, device: torch.device) -> float:
    """Return the mean loss over data, the model in evaluation mode."""
    model.eval()
    total = 0.0
    for chosen in _batches(len(data), batch_size):
        batch = tuple(tensor.to(device) for tensor in data[chosen])
        total += loss(model, batch).item() * len(chosen)
    return total / len(data)


def _batches(objects: int, batch_size: int, order: tuple[int, int] | None = None) -> Iterator[Tensor]:
    """Yield the object numbers of each batch; `order` seeds their order, known for any epoch."""
    numbers = np.arange(objects) if order is None else np.random.default_rng(order).permutation(objects)
    yield from torch.from_numpy(numbers).split(batch_size)


def _set_epoch(data: Data, epoch: int) -> None:
    if hasattr(data, "set_epoch"):
        data.set_epoch(epoch)


def _learning_rate(step: int, steps: int, settings: Settings) -> float:
    """Rise linearly, then fall as a half cosine to zero: a function of the step, so without state."""
    warmup = max(1, round(settings.warmup * steps))
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    losses = [epoch["validation_loss"] for epoch in history]
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _fingerprint(model: nn.Module, train_data: Data, validation_data: Data, settings: Settings) -> str:
    """Return a digest of all that the result depends on: settings, initial weights, every object of the data."""
    digest = hashlib.sha256(json.dumps(asdict(settings)).encode())

    def add(name: str, tensor: Tensor) -> None:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())

    for name, tensor in model.state_dict().items():
        add(name, tensor)
    for name, data in {"train": train_data, "validation": validation_data}.items():
        for chosen in _batches(len(data), settings.batch_size):  # data may not fit into memory at once
            for tensor in data[chosen]:
                add(name, tensor)
    return digest.hexdigest()


def _save_checkpoint(
    path: Path,
    run: str,
    model: nn.Module,
    best: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    history: list[dict[str, float]],
) -> None:
    """Write all that the rest of the run depends on into one safetensors file."""
    tensors = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    tensors |= {f"model.{name}": tensor for name, tensor in _copy(model).items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in state.items()}
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={"run": run, "history": json.dumps(history)})


def _resume(
    path: Path, run: str, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Restore a run where its checkpoint stands; return the best weights so far, and the history."""
    if not path.is_file():
        return _copy(model), []
    with safe_open(path, framework="pt") as file:
        if file.metadata()["run"] != run:
            return _copy(model), []
        history = json.loads(file.metadata()["history"])
        parts: dict[str, dict[str, Tensor]] = {"random": {}, "model": {}, "best": {}, "optimizer": {}}
        for name in file.keys():  # noqa: SIM118 (a safetensors file is no mapping)
            part, key = name.split(".", 1)
            parts[part][key] = file.get_tensor(name)
    model.load_state_dict(parts["model"])
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in parts["optimizer"].items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    return parts["best"], history


def _write_log(path: Path, history: list[dict[str, float]]) -> None:
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)
