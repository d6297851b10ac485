"""How fast it is: trainings, N-body runs and drawn boxes, and what part that is of what the card can do."""

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from analysis.gpu_bench.card import BANDWIDTH, BFLOAT16, TF32, peak_memory, seconds
from analysis.gpu_bench.workloads import Sizes, Workload, spectrum
from analysis.loop import batches
from analysis.loop.precision import FLOAT32, autocast
from analysis.nbody_gan.bench import least_bytes
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.gan import Gan, draw_boxes
from analysis.nbody_gan.mesh import force
from analysis.nbody_gan.nbody import run_settings, simulate
from analysis.training import Settings, train

_EPOCHS = 3  # of which the first does not count: kernels are chosen, and compiled
_REPEATS = 5  # of a force


class Counted(TorchDispatchMode):
    """Adds up what operations do: floating-point operations of convolutions and matrices, and bytes read and written.

    Each tensor counts once in each operation, so that a part of the bandwidth can pass one where caches help.
    (PyTorch's FlopCounterMode counts the same operations, but cannot follow gradients of gradients.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            self.operations += flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)
        if not func.is_view and "empty" not in func.name():
            self.bytes += sum(leaf.nbytes for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        return result


def work(workload: Workload, device: torch.device, precision: str) -> tuple[float, float]:
    """Return the operations (of convolutions and matrices) and the bytes of a step of training, without optimizer.

    A turn that comes with every nth batch counts with an nth.
    """
    model = workload.model().to(device).train()
    data = workload.data(workload.batch_size)
    batch = batches.to_device(data[torch.arange(workload.batch_size)], device)
    operations = moved = 0.0
    for turn in workload.turns(model):
        with Counted() as counted:
            with autocast(device, precision):
                loss = turn.loss(model, batch)
            loss.backward(inputs=turn.parameters())
        operations += counted.operations / turn.every
        moved += counted.bytes / turn.every
    return operations, moved


def measure_training(
    workload: Workload, device: torch.device, precision: str, rates: dict[str, float], compiled: bool = False
) -> dict[str, float]:
    """Train for some epochs by the training loop; return objects per second, and what part of the card that uses.

    Operations per second are held against the rate of matrices in bfloat16, or in TF32, in which PyTorch convolves
    float32; bytes against the bandwidth, but not of compiled steps, which move fewer.
    """
    operations, moved = work(workload, device, precision)
    peak_memory(device)
    model = workload.model()
    machine: dict[str, Any] = {"device": device.type, "precision": precision, "compiled": compiled}
    settings = Settings(_EPOCHS, workload.batch_size, 1e-4, 0.0, patience=_EPOCHS, **machine)
    data, turns = workload.data(workload.steps * workload.batch_size), workload.turns(model)
    with tempfile.TemporaryDirectory() as folder:
        history = train(model, turns, data, lambda _: 0.0, settings, Path(folder))
    per_second = (_EPOCHS - 1) * workload.steps / sum(epoch["seconds"] for epoch in history[1:])
    of_matrices = rates[TF32 if precision == FLOAT32 else BFLOAT16]
    found = {
        f"{workload.objects}_per_second": per_second * workload.batch_size,
        "percent_of_matrix_rate": 100 * per_second * operations / of_matrices,
        "peak_memory_gib": peak_memory(device),
    }
    if not compiled:
        found["percent_of_bandwidth"] = 100 * per_second * moved / rates[BANDWIDTH]
    return found


def measure_trainings(workload: Workload, device: torch.device, rates: dict[str, float]) -> dict[str, Any]:
    """Return the speed of a training in float32 and in bfloat16."""
    found = {precision: measure_training(workload, device, precision, rates) for precision in (FLOAT32, BFLOAT16)}
    return {"batch_size": workload.batch_size, **found}


def measure_nbody(sizes: Sizes, device: torch.device, rates: dict[str, float]) -> dict[str, Any]:
    """Return N-body boxes per second, with and without the same bits each time, and a force against the memory."""
    own, cosmology = sizes["simulate_boxes"], Cosmology(**sizes["nbody"]["cosmology"])
    found: dict[str, Any] = {name: own[name] for name in ("particles", "mesh", "steps", "batch")}
    for name, exact in (("as_fast_as_can_be", False), ("deterministic", True)):
        runs = run_settings(own | {"device": device.type, "deterministic": exact})
        shorter = run_settings(own | {"device": device.type, "deterministic": exact, "steps": 1})
        for settings in (shorter, runs):  # the first does not count
            call = partial(simulate, range(own["batch"]), cosmology, settings, own["cells"], spectrum(cosmology))
            took = seconds(call, device)
        found[name] = {"boxes_per_second": own["batch"] / took, "peak_memory_gib": peak_memory(device)}
    axis = torch.arange(own["particles"], device=device) / own["particles"]
    positions = torch.cartesian_prod(axis, axis, axis).expand(own["batch"], -1, -1)
    positions = positions + torch.randn_like(positions) / own["particles"]
    with torch.inference_mode():
        call = partial(force, positions, own["mesh"], own["cutoff"])
        took = statistics.median([seconds(call, device) for _ in range(1 + _REPEATS)][1:])
    floor = own["batch"] * least_bytes(own["mesh"], own["particles"]) / rates[BANDWIDTH]
    return found | {"force_seconds": took / own["batch"], "force_percent_of_bandwidth": 100 * floor / took}


def measure_sampling(workload: Workload, device: torch.device) -> dict[str, Any]:
    """Return boxes per second that the generator draws, after some that do not count.

    Raises
    ------
    FloatingPointError
        If they are not finite.
    """
    model = workload.model()
    assert isinstance(model, Gan)
    generator, found = model.generator.to(device).eval(), {}
    number, drawn = 2 * workload.batch_size, []
    for precision in (FLOAT32, BFLOAT16):
        peak_memory(device)
        with autocast(device, precision):
            took = [seconds(lambda: drawn.append(draw_boxes(generator, number, seed=1)), device) for _ in range(2)]
        found[precision] = {"boxes_per_second": number / took[1], "peak_memory_gib": peak_memory(device)}
    if not all(torch.isfinite(boxes).all() for boxes in drawn):
        raise FloatingPointError("drawn boxes are not finite")
    return found
