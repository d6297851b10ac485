"""`bench gpu`: all of it in one run of bounded length; the figures are kept as `results/gpu/<card>.json`.

It needs no data, and runs on a bare machine: PyTorch, NumPy, SciPy, PyYAML and safetensors suffice.
"""

import argparse
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from analysis.errors import InputError
from analysis.files import write_json
from analysis.gpu_bench import agreement, card, speed
from analysis.gpu_bench.workloads import Sizes, sizes_of, workloads
from analysis.loop.precision import BFLOAT16, FLOAT32

SCALE = "full"
SECONDS = 510.0  # of the whole run
LONGEST = 150.0  # of a part, at most
CARD, RATES, AGREEMENT, TRAININGS = "card", "rates", "agreement", "trainings"

Part = Callable[[], Any]


def parts(sizes: Sizes, device: torch.device, rates: dict[str, float]) -> dict[tuple[str, str], Part]:
    """Return all that is measured, by where it stands in the file; what must not be missed first.

    `rates` are filled by the first part.
    """

    def measure_rates() -> dict[str, float]:
        rates.update(card.rates(device))
        return rates

    trainings = workloads(sizes)
    found: dict[tuple[str, str], Part] = {(RATES, ""): measure_rates}
    for name, workload in trainings.items():
        found[AGREEMENT, name] = partial(agreement.network_difference, workload, device)
        found["deterministic", name] = partial(agreement.trains_alike, workload, device)
    found[AGREEMENT, "nbody"] = partial(agreement.box_difference, sizes, device)
    found["nbody", ""] = lambda: speed.measure_nbody(sizes, device, rates)
    found["gan_sampling", ""] = partial(speed.measure_sampling, trainings["nbody_gan"], device)
    for name, workload in trainings.items():
        found[TRAININGS, name] = partial(speed.measure_trainings, workload, device, rates)
    for name, workload in trainings.items():  # last, because compiling takes longest
        if workload.compiles:
            compiled = partial(speed.measure_training, compiled=True)
            found["compiled", name] = partial(compiled, workload, device, BFLOAT16, rates)
    return found


def gains(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return by what factor bfloat16 is faster than float32 in each training, and compiled bfloat16 than plain."""
    found: dict[str, dict[str, float]] = {}

    def per_second(figures: dict[str, float]) -> float:
        return next(value for name, value in figures.items() if name.endswith("_per_second"))

    for name, figures in result.get(TRAININGS, {}).items():
        plain = per_second(figures[BFLOAT16])
        found[name] = {"of_bfloat16": plain / per_second(figures[FLOAT32])}
        if compiled := result.get("compiled", {}).get(name):
            found[name]["of_compiling"] = per_second(compiled) / plain
    return found


@contextmanager
def at_most(limit: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer than so many seconds."""
    if limit <= 0:
        raise TimeoutError("no time was left for it")

    def stop(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"not done after {limit:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure(sizes: Sizes, device: torch.device, available: float = SECONDS) -> dict[str, Any]:
    """Measure each part in its time; one that fails is written down with its error, and the others go on."""
    started, rates = time.monotonic(), dict[str, float]()
    result: dict[str, Any] = {"bench": "gpu", "scale": SCALE, CARD: card.describe(device)}
    failed: dict[str, str] = {}
    for (group, name), part in parts(sizes, device, rates).items():
        what = f"{group} {name}".strip()
        print(f"{time.monotonic() - started:4.0f} s  {what}", file=sys.stderr)
        try:
            with at_most(min(LONGEST, available - (time.monotonic() - started))):
                figures = part()
        except Exception as error:  # whatever a new card, driver or PyTorch does: the rest is still worth knowing
            failed[what] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            card.peak_memory(device)
            continue
        if name:
            result.setdefault(group, {})[name] = figures
        else:
            result[group] = figures
    result["gains"] = gains(result)
    return result | {"failed": failed | disagreements(result), "seconds": time.monotonic() - started}


def disagreements(result: dict[str, Any], where: str = "") -> dict[str, str]:
    """Return what is not within its tolerance, by where it stands."""
    found = {}
    for name, value in result.items():
        place = f"{where} {name}".strip()
        if name == "within" and not value:
            found[where] = "differs by {difference:.3g}; at most {tolerance:g} is allowed".format(
                **{"difference": float("nan"), "tolerance": 0.0} | result
            )
        elif isinstance(value, dict):
            found |= disagreements(value, place)
    return found


def file_name(name: str) -> str:
    """Return the name of a card's file: 'NVIDIA H100 80GB HBM3' has nvidia-h100-80gb-hbm3.json."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json"


def run(options: argparse.Namespace) -> int:
    """Measure, write, print; return the exit code: 1 where a part failed or disagrees.

    Raises
    ------
    InputError
        If there is no GPU.
    """
    if not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        raise InputError(f"bench gpu: no GPU here that torch {torch.__version__}, built {built}, computes on")
    result = measure(sizes_of(SCALE), torch.device("cuda"))
    path: Path = options.out / file_name(result[CARD]["name"])
    write_json(path, result)
    print(f"{path}: written", file=sys.stderr)
    print(json.dumps(result))
    return 1 if result["failed"] else 0
