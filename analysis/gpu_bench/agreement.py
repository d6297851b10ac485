"""Whether a GPU computes what the processor computes, and the same bits each time where that is asked for."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from analysis.gpu_bench.workloads import Sizes, Workload, spectrum
from analysis.loop import batches
from analysis.loop.precision import BFLOAT16, FLOAT32, autocast, kernels
from analysis.nbody_gan.cosmology import Cosmology
from analysis.nbody_gan.lpt import gaussian_field, white_noise
from analysis.nbody_gan.nbody import density_grid, evolve, run_settings
from analysis.nbody_gan.statistics import power_spectrum
from analysis.training import Settings, train

CPU = torch.device("cpu")
# Largest relative differences, root mean square. On one processor at full size, other kernels of float32 come to 2e-5,
# and bfloat16 comes to 3e-2, in the deepest network; in the others to 5e-7 and 5e-3.
TOLERANCES = {FLOAT32: 1e-4, BFLOAT16: 5e-2}
POSITIONS = 1e-4  # rms, in units of the particles' mean separation; a density of other rounding comes to 3e-6
POWER = 1e-5  # largest of P(k) below half the Nyquist wavenumber
_OBJECTS = 16
_STEPS = 3
_PARTICLES, _BOX_STEPS = 64, 10  # of the box that both simulate


def verdict(difference: float, tolerance: float) -> dict[str, Any]:
    """Return a difference beside the one that is allowed; NaN is not."""
    return {"difference": difference, "tolerance": tolerance, "within": bool(difference <= tolerance)}


@contextmanager
def without_tf32() -> Iterator[None]:
    """Let a GPU compute float32 as float32: by default PyTorch rounds what it convolves to TF32."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@torch.no_grad()
def outputs(workload: Workload, device: torch.device, precision: str) -> list[Tensor]:
    """Return what untrained networks say of a few objects, on the processor, in double precision."""
    model, few = workload.model().to(device).eval(), min(_OBJECTS, workload.batch_size)
    torch.manual_seed(0)  # of the objects
    batch = batches.to_device(workload.data(few)[torch.arange(few)], device)
    with without_tf32(), kernels(device, deterministic=True), autocast(device, precision):
        return [said.double().cpu() for said in workload.outputs(model, batch)]


def network_difference(workload: Workload, device: torch.device) -> dict[str, Any]:
    """Return how far a GPU's outputs are from the processor's in float32: relative, the network that is off most."""
    expected = outputs(workload, CPU, FLOAT32)
    found = {}
    for precision, tolerance in TOLERANCES.items():
        found_here = outputs(workload, device, precision)
        apart = [
            float((ours - theirs).norm() / theirs.norm()) for ours, theirs in zip(found_here, expected, strict=True)
        ]
        found[precision] = verdict(float(np.max(apart)), tolerance)
    return found


def trained_weights(workload: Workload, device: torch.device) -> Tensor:
    """Return all weights after a few steps of the training loop with deterministic kernels."""
    model = workload.model()
    steps = max(_STEPS, *(turn.every for turn in workload.turns(model)))
    batch_size = min(_OBJECTS, workload.batch_size)
    settings = Settings(1, batch_size, 1e-3, 0.0, patience=1, device=device.type, deterministic=True)
    torch.manual_seed(0)  # of the objects
    data = workload.data(steps * batch_size)
    with tempfile.TemporaryDirectory() as folder:
        train(model, workload.turns(model), data, lambda _: 0.0, settings, Path(folder))
    return torch.cat([tensor.detach().double().flatten().cpu() for tensor in model.state_dict().values()])


def trains_alike(workload: Workload, device: torch.device) -> dict[str, Any]:
    """Return whether two deterministic trainings end with the same bits, and with numbers."""
    first, second = (trained_weights(workload, device) for _ in range(2))
    return {"within": bool(torch.equal(first, second) and torch.isfinite(first).all())}


@torch.no_grad()
def simulated(sizes: Sizes, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return positions (particles, 3), in units of the box, and P(k) of one small box, on the processor."""
    own, cosmology = sizes["simulate_boxes"], Cosmology(**sizes["nbody"]["cosmology"])
    particles = min(_PARTICLES, own["particles"])
    settings = run_settings(
        own | {"device": device.type, "deterministic": True, "steps": min(_BOX_STEPS, own["steps"])}
    )
    settings = replace(settings, particles=particles, mesh=2 * particles, box=own["box"] * particles / own["particles"])
    field = gaussian_field(white_noise([1], particles), spectrum(cosmology), settings.box)
    *_, last = evolve(field, cosmology, settings)
    density = density_grid(last, settings.box, particles, exact=True)
    power = power_spectrum(density, settings.box / particles)[0, : particles // 4]
    return (last.positions[0] / settings.box).double().cpu(), power.double().cpu()


def box_difference(sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """Return how far a GPU's box is from the processor's, and whether it is the same each time."""
    (x, power), (again, power_again), (expected, expected_power) = (
        simulated(sizes, where) for where in (device, device, CPU)
    )
    apart = torch.remainder(x - expected + 0.5, 1) - 0.5
    separation = len(x) ** (-1 / 3)
    return {
        "positions": verdict(float(apart.square().sum(1).mean().sqrt()) / separation, POSITIONS),
        "power": verdict(float((power / expected_power - 1).abs().max()), POWER),
        "same_bits": {"within": torch.equal(x, again) and torch.equal(power, power_again)},
    }
