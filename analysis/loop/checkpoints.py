"""Checkpoints of the training loop: all that the rest of a run depends on, in one safetensors file.

Data order, learning rate and random numbers are functions of seed, epoch and step: no state of theirs is needed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from analysis.errors import InputError
from analysis.tensor_files import check_tensors, read_tensors, write_tensors

Tensors = dict[str, Tensor]


@dataclass
class State:
    """All that the rest of a run depends on.

    Attributes
    ----------
    model : torch.nn.Module
    average : AveragedModel or None
        The moving average of its weights, if there is one.
    optimizers : dict
        By the name of their turn.
    precision : str
        In which it computes; 'auto' until that is decided.
    best : dict
        Weights of the best epoch.
    history : list of dict
        What is known about each epoch.
    """

    model: nn.Module
    average: AveragedModel | None
    optimizers: dict[str, torch.optim.Optimizer]
    precision: str
    best: Tensors = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def tensors(self) -> Tensors:
        """Return model, average, best weights and optimizers as tensors with one name each."""
        parts: dict[str, Mapping[str, Tensor]] = {"model": self.model.state_dict(), "best": self.best}
        if self.average:
            parts["average"] = self.average.state_dict()
        for name, optimizer in self.optimizers.items():
            for number, values in optimizer.state_dict()["state"].items():
                parts[f"optimizer.{name}.{number}"] = values
        return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def fingerprint(about: Mapping[str, Any], model: nn.Module, samples: Mapping[str, Iterable[tuple[Tensor, ...]]]) -> str:
    """Return a digest of all that a result depends on: settings, initial weights, every object of the data.

    Parameters
    ----------
    about : mapping
        Settings, as JSON takes them.
    model : torch.nn.Module
        With its initial weights.
    samples : mapping
        By name, batches of the data: they may not fit into memory at once.
    """
    digest = hashlib.sha256(json.dumps(about).encode())

    def add(name: str, tensor: Tensor) -> None:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)

    for name, tensor in model.state_dict().items():
        add(name, tensor)
    for name, batches in samples.items():
        for batch in batches:
            for tensor in batch:
                add(name, tensor)
    return digest.hexdigest()


def save(path: Path, run: str, state: State) -> None:
    """Write the state of a run; the file is there whole, or as it was before."""
    about = {"run": run, "precision": state.precision, "history": json.dumps(state.history)}
    write_tensors(path, state.tensors(), about)


def resume(path: Path, run: str, state: State) -> None:
    """Put a run where its checkpoint stands; the checkpoint of another run of the same architecture is passed over.

    Raises
    ------
    InputError
        If the checkpoint is damaged, or its tensors do not fit the model: it may be precious to somebody.
    """
    if not path.exists():
        return
    advice = "move it away to train anew"
    try:
        tensors, about = read_tensors(path)
        if not {"run", "precision", "history"} <= set(about):
            raise InputError(f"{path}: no checkpoint; expected one that the training loop wrote", "other-model")
        check_tensors(_part(tensors, "model."), state.model.state_dict(), path)
    except InputError as error:
        raise InputError(f"{error}; {advice}", error.kind) from None
    if about["run"] != run:
        return
    state.model.load_state_dict(_part(tensors, "model."))
    if state.average:
        state.average.load_state_dict(_part(tensors, "average."))
    for name, optimizer in state.optimizers.items():
        _restore(optimizer, _part(tensors, f"optimizer.{name}."))
    state.best = _part(tensors, "best.")
    state.precision, state.history = about["precision"], json.loads(about["history"])


def _part(tensors: Tensors, prefix: str) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put the optimizer where it stood, its moments laid out in memory as the parameters: for the same last bits."""
    groups = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, Tensors] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})
