"""The one training loop, for every network of the compendium.

It runs on a bare machine: PyTorch, numpy and safetensors suffice. Kill it at any time: the next call with the
same model, data and settings goes on after the last finished epoch, and on the same processor ends with the same
weights, bit for bit. On several GPUs: `torchrun --nproc-per-node 4 -m analysis …`.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from analysis.errors import InputError
from analysis.loop import batches
from analysis.loop.batches import Batch, Data, set_epoch
from analysis.loop.checkpoints import State, fingerprint, resume, save
from analysis.loop.precision import AUTO, FLOAT32, LEAST_TRIAL, PRECISIONS, autocast, faster_precision, kernels
from analysis.loop.processes import Processes
from analysis.loop.progress import leaves_on_sigterm, live_metrics, progress_bar, write_log

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.csv"

Loss = Callable[[nn.Module, Batch], Tensor]


class Diverged(InputError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    epochs : int
        Largest number of passes over the training data; the learning rate falls as a cosine until then.
    batch_size : int
        Objects in a minibatch, in all processes together.
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
    precision : str
        'float32'; 'bfloat16', in which the network computes while its weights stay float32; or 'auto', the faster of
        the two on this machine by a short trial, whose outcome a resumed run keeps. (On a GPU, PyTorch rounds the
        inputs of float32 convolutions to TF32.)
    deterministic : bool
        Whether a GPU, too, is to give the same bits each time: slower, and an error where it cannot.
    compiled : bool
        Whether torch.compile is used: it takes minutes first, knows no gradients of gradients, and pays on GPUs only
        (on a CPU Kim & Brunner's network took twice as long).
    average : float
        Decay, each step, of an exponential moving average of the weights, which is then judged and kept. 0: none.

    Raises
    ------
    InputError
        If there is no such precision.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    warmup: float = 0.05
    seed: int = 0
    device: str = "auto"
    precision: str = FLOAT32
    deterministic: bool = False
    compiled: bool = False
    average: float = 0.0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision {self.precision!r}; expected one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class Turn:
    """What takes its turn in a batch: an ordinary network has one, a critic and a generator have one each.

    Attributes
    ----------
    name : str
        Its mean loss is `<name>_loss` in the log.
    loss : callable
        `loss(model, batch)`, the mean over the objects of a batch.
    part : torch.nn.Module
        The model, or the part of it whose weights this turn changes, by an AdamW of its own.
    every : int
        The turn comes once in so many batches.
    rate : float
        Factor on the learning rate.
    betas : tuple of float
        Of AdamW.
    """

    name: str
    loss: Loss
    part: nn.Module
    every: int = 1
    rate: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)

    def parameters(self) -> list[nn.Parameter]:
        """List the parameters that this turn changes: those that are not frozen."""
        return [parameter for parameter in self.part.parameters() if parameter.requires_grad]


def train(
    model: nn.Module,
    loss: Loss | Sequence[Turn],
    train_data: Data,
    validation: Data | Callable[[nn.Module], float],
    settings: Settings,
    folder: Path,
    description: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[dict[str, float]]:
    """Train a model with early stopping; it ends with the weights of its best epoch, in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        With its initial weights; changed in place.
    loss : callable, or sequence of Turn
        `loss(model, batch)`, the mean over the objects of a batch; or several, that take turns in each batch.
    train_data : Data
        What `loss` takes, one row per object.
    validation : Data, or callable
        What decides which epoch is the best: data, by their mean loss (that of the first turn), or a function of the
        model, in evaluation mode and without gradients, that is the lower the better.
    settings : Settings
        How to train.
    folder : pathlib.Path
        Where to keep the checkpoint and a log, one line per epoch. The checkpoint of another run (other initial
        weights, data or settings) is replaced.
    description : str, optional
        What the progress bar says; no bar without it.
    about : mapping, optional
        What else the result depends on, such as settings of the loss, as JSON takes it: with another, the checkpoint
        is that of another run.

    Returns
    -------
    list of dict
        For each epoch: epoch, learning_rate, train_loss (or one for each turn), validation_loss, seconds, cpu_seconds
        (of all threads). Summed up, the seconds are those of all runs that were killed and taken up again.

    Raises
    ------
    Diverged
        If a loss is no longer finite; the checkpoint is that of the last epoch in which it was.
    InputError
        If the checkpoint is damaged or of another architecture (it is left as it is), there is no such device, or a
        turn comes less than once an epoch.
    """
    processes, path = Processes.join(settings.device), folder / CHECKPOINT
    turns = [Turn("train", loss, model)] if callable(loss) else list(loss)
    run = _begin(model, turns, train_data, validation, settings, path, processes, about)
    history, rows = run.state.history, len(train_data)
    with (
        kernels(processes.device, settings.deterministic),
        leaves_on_sigterm(path),
        live_metrics(folder, processes.rank == 0, resumed=bool(history)) as live,
        progress_bar(
            description if processes.rank == 0 else None, settings.epochs * rows, len(history) * rows
        ) as advance,
    ):
        for epoch in range(len(history), settings.epochs):
            if _epochs_since_best(history) >= settings.patience:
                break
            figures = _epoch(run, epoch, advance)
            _keep(run, figures, path)
            live(figures)

    model.load_state_dict(run.state.best)
    _lay_out(model, torch.contiguous_format)
    model.eval()
    return history


@dataclass(frozen=True)
class _Run:
    """A training under way."""

    turns: list[Turn]
    data: Data
    validation: Data | Callable[[nn.Module], float]
    settings: Settings
    processes: Processes
    state: State
    fingerprint: str

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the average of its weights, where there is one."""
        return self.state.average.module if self.state.average else self.state.model


def _epoch(run: _Run, epoch: int, advance: Callable[[int, str], None]) -> dict[str, float]:
    """Take the steps of an epoch, and judge what they led to; return its line of the log."""
    started, cpu_started = time.perf_counter(), time.process_time()
    settings, processes, size = run.settings, run.processes, len(run.data)
    steps = math.ceil(size / settings.batch_size)
    words = _words(run.state.history[-1]) if run.state.history else ""

    run.state.model.train()
    set_epoch(run.data, epoch)
    torch.manual_seed(_seed(settings.seed, epoch, processes.rank))
    losses: dict[str, list[tuple[Tensor, float]]] = {turn.name: [] for turn in run.turns}
    order = batches.numbers(size, settings.batch_size, order=(settings.seed, epoch))
    for step, (chosen, batch) in enumerate(batches.loaded(run.data, order, processes), start=epoch * steps):
        rate, weight = _learning_rate(step, settings.epochs * steps, settings), processes.weight(chosen)
        for name, value in _step(run, step, rate, batch, weight).items():
            losses[name].append((value, weight * len(chosen)))
        advance(len(chosen), words)

    processes.agree([*run.state.model.buffers(), *run.judged.buffers()])
    figures = {"epoch": epoch, "learning_rate": rate}
    figures |= {f"{name}_loss": _mean(values, processes) for name, values in losses.items()}
    figures["validation_loss"] = _validate(run)
    figures["seconds"] = time.perf_counter() - started
    figures["cpu_seconds"] = time.process_time() - cpu_started
    return figures


def _step(run: _Run, number: int, rate: float, batch: Batch, weight: float) -> dict[str, Tensor]:
    """Let those whose turn it is change their weights by a batch; return their losses."""
    losses = {}
    for turn in run.turns:
        if (number + 1) % turn.every:
            continue
        optimizer, parameters = run.state.optimizers[turn.name], turn.parameters()
        for group in optimizer.param_groups:
            group["lr"] = turn.rate * rate
        with autocast(run.processes.device, run.state.precision):
            loss = turn.loss(run.state.model, batch)
        optimizer.zero_grad()
        loss.backward(inputs=parameters)
        run.processes.average_gradients(parameters, weight)
        optimizer.step()
        losses[turn.name] = loss.detach()
    if run.state.average:
        run.state.average.update_parameters(run.state.model)
    return losses


def _keep(run: _Run, figures: dict[str, float], path: Path) -> None:
    """Add an epoch to the history, and write checkpoint and log.

    Raises
    ------
    Diverged
        If one of its figures is no longer finite; nothing is written.
    """
    if not all(math.isfinite(value) for value in figures.values()):
        advice = f"try a smaller learning rate; {path}, if it is there, is of the last good epoch"
        raise Diverged(f"training diverged in {_words(figures)}: {advice}")
    run.state.history.append(figures)
    if _epochs_since_best(run.state.history) == 0:
        run.state.best = _copy(run.judged)
    if run.processes.rank == 0:
        save(path, run.fingerprint, run.state)
        write_log(path.with_name(LOG), run.state.history)


def _begin(
    model: nn.Module,
    turns: list[Turn],
    train_data: Data,
    validation: Data | Callable[[nn.Module], float],
    settings: Settings,
    path: Path,
    processes: Processes,
    about: Mapping[str, Any] | None,
) -> _Run:
    """Return a run as it stands: at its checkpoint, if there is one.

    Raises
    ------
    InputError
        If a turn does not come once an epoch, or the checkpoint cannot be used.
    """
    steps = math.ceil(len(train_data) / settings.batch_size)
    for turn in turns:
        if turn.every > steps:
            raise InputError(
                f"turn {turn.name!r} comes every {turn.every} batches; expected at most the {steps} of an epoch"
            )
    model.to(processes.device)
    _lay_out(model, torch.channels_last)
    processes.agree(model.state_dict().values())
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average)) if settings.average else None
    state = State(model, average, _optimizers(turns, settings), settings.precision, best=_copy(model))

    set_epoch(train_data, 0)
    known = {
        "settings": asdict(settings),
        "turns": [(turn.name, turn.every, turn.rate, turn.betas) for turn in turns],
        "model": repr(model),  # it shows what has no weights: dropout, activations, strides
        "about": dict(about or {}),
    }
    samples = {"train": batches.in_order(train_data, settings.batch_size)}
    if not callable(validation):
        samples["validation"] = batches.in_order(validation, settings.batch_size)
    run = _Run(turns, train_data, validation, settings, processes, state, fingerprint(known, model, samples))
    resume(path, run.fingerprint, state)
    if state.precision == AUTO:
        _decide_precision(run, path)
    if settings.compiled:
        for turn in turns:
            turn.part.compile(dynamic=False)
    return run


def _optimizers(turns: list[Turn], settings: Settings) -> dict[str, torch.optim.Optimizer]:
    fused = settings.precision != FLOAT32  # much faster; plain float32 keeps its last bits, which results depend on
    return {
        turn.name: torch.optim.AdamW(
            turn.parameters(),
            lr=settings.learning_rate,
            betas=turn.betas,
            weight_decay=settings.weight_decay,
            fused=fused or None,  # None: as PyTorch thinks best, not fused on a CPU
        )
        for turn in turns
    }


def _decide_precision(run: _Run, path: Path) -> None:
    """Try which precision is faster here, and keep that at once: a run that is killed now must not decide otherwise."""
    settings, processes, state = run.settings, run.processes, run.state
    objects = torch.arange(max(settings.batch_size, LEAST_TRIAL)) % len(run.data)
    batch = batches.to_device(run.data[processes.share(objects)], processes.device)
    with kernels(processes.device, settings.deterministic):
        state.precision = faster_precision(state.model, [turn.loss for turn in run.turns], batch, processes.device)
    decided = torch.tensor(PRECISIONS.index(state.precision), device=processes.device)
    processes.agree([decided])
    state.precision = PRECISIONS[int(decided)]
    if processes.rank == 0:
        save(path, run.fingerprint, state)


@torch.no_grad()
def _validate(run: _Run) -> float:
    """Return the mean loss over data, each process doing some batches, or what a function says of the model."""
    model, validation, processes = run.judged, run.validation, run.processes
    model.eval()
    if callable(validation):
        return processes.total(float(validation(model))) / processes.size
    total = 0.0
    for number, chosen in enumerate(batches.numbers(len(validation), run.settings.batch_size)):
        if number % processes.size == processes.rank:
            batch = batches.to_device(validation[chosen], processes.device)
            with autocast(processes.device, run.state.precision):
                total += run.turns[0].loss(model, batch).item() * len(chosen)
    return processes.total(total) / len(validation)


def _mean(losses: list[tuple[Tensor, float]], processes: Processes) -> float:
    """Return the mean of losses, each of so many objects; read from the device once an epoch, not to wait for it."""
    objects = processes.total(sum(number for _, number in losses))
    return processes.total(sum((value.item() * number / objects for value, number in losses), 0.0))


def _seed(*numbers: int) -> int:
    """Return a seed made of several numbers: random numbers are known for any epoch, so that none need be kept."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _learning_rate(step: int, steps: int, settings: Settings) -> float:
    """Rise linearly, then fall as a half cosine to zero: a function of the step, so without state."""
    warmup = max(1, round(settings.warmup * steps))
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def best_epoch(losses: Sequence[float]) -> int:
    """Return the number of the epoch that is kept, from 1, by the validation losses of all epochs."""
    return int(np.argmin(losses)) + 1


def _epochs_since_best(history: list[dict[str, float]]) -> int:
    losses = [epoch["validation_loss"] for epoch in history]
    return len(losses) - best_epoch(losses) if losses else 0


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _lay_out(model: nn.Module, memory_format: torch.memory_format) -> None:
    """Lay out the weights of 2-d convolutions in memory as a format says: channels last is faster in bfloat16."""
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)


def _words(figures: dict[str, float]) -> str:
    losses = (f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items() if name.endswith("_loss"))
    return f"epoch {figures['epoch']}: {', '.join(losses)}"
