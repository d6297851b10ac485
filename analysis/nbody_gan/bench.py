"""`bench nbody`: the particle-mesh force and a whole run, against JaxPM and against the speed of the memory."""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from analysis import params
from analysis.errors import InputError
from analysis.loop.processes import pick_device
from analysis.nbody_gan.cosmology import Cosmology, linear_power
from analysis.nbody_gan.mesh import force
from analysis.nbody_gan.nbody import Settings, simulate

LEAST_RATIO = {64: 2.0, 128: 1.5}  # of JaxPM's time to ours, for one force evaluation, by cells on a side
STEPS = 10  # of the whole run
WHOLE_RUN = 64  # particles and cells on a side
_BOX = 256.0  # Mpc/h
_PEER = Path(__file__).with_name("_jaxpm_peer.py")


class Peer:
    """JaxPM in a process of its own, by the Python of a virtual environment that has it."""

    def __init__(self, python: Path) -> None:
        command, quiet = [str(python), str(_PEER)], {**os.environ, "JAX_PLATFORMS": "cpu"}
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
            )
        except OSError as error:
            raise InputError(f"{python}: cannot be run ({error}); expected a Python with jaxpm") from None

    def seconds(self, request: str) -> float:
        """Return the seconds that it takes for a request (see _jaxpm_peer.py)."""
        assert self._process.stdin and self._process.stdout
        try:
            print(request, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise InputError("JaxPM ended without an answer; expected a Python with jaxpm==0.1.6 and packaging")
        return float(answer)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it may have ended by itself
            self._process.stdin.close()
        self._process.wait()


@contextmanager
def few_cores(threads: int) -> Iterator[None]:
    """Let this process and its children use so many cores: JAX takes all that it may use."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed:
        os.sched_setaffinity(0, sorted(allowed)[:threads])
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if allowed:
            os.sched_setaffinity(0, allowed)


def seconds(call: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def make_force(side: int, device: torch.device) -> Callable[[], Any]:
    """Return a call that evaluates the force once, on as many particles as cells, near their lattice."""
    axis = torch.arange(side) / side
    positions = torch.cartesian_prod(axis, axis, axis)
    positions += torch.randn(positions.shape, generator=torch.Generator().manual_seed(1)) * 2 / side
    return partial(force, positions[None].to(device), side, Settings.cutoff)


def make_run(device: torch.device) -> Callable[[], Any]:
    """Return a call that simulates a box from its seed to its density grid."""
    cosmology = Cosmology(**params.load("nbody")["cosmology"])
    settings = Settings(_BOX, WHOLE_RUN, WHOLE_RUN, STEPS, device=device.type)
    return partial(simulate, [1], cosmology, settings, WHOLE_RUN, linear_power(cosmology))


def bandwidth(device: torch.device) -> float:
    """Return the bytes per second that a copy reads and writes, of more memory than any cache holds."""
    source = torch.ones(2**26, device=device)
    target = torch.empty_like(source)
    times = [seconds(lambda: target.copy_(source), device) for _ in range(6)]
    return 2 * source.nbytes / min(times)


def least_bytes(side: int, particles: int | None = None) -> int:
    """Return the bytes that a force evaluation must move: each array read or written once for each of its uses.

    Positions twice and forces once (12 bytes each), the density and its modes (three times 4 bytes per cell), and for
    each of three components the modes, the field, and the field again when it is read. `side` is that of the mesh;
    by default there are as many particles.
    """
    return (particles or side) ** 3 * 3 * 12 + side**3 * (3 * 4 + 3 * 3 * 4)


@torch.inference_mode()
def compare(peer: Peer | None, device: torch.device, rounds: int) -> dict[str, Any]:
    """Time force and whole run, ours and JaxPM's in turn; medians, after a first call that does not count."""
    from rich.progress import track

    calls = {f"force {side}": make_force(side, device) for side in LEAST_RATIO}
    calls[f"run {WHOLE_RUN} {STEPS}"] = make_run(device)
    speed = bandwidth(device)
    result: dict[str, Any] = {"bandwidth_gb_per_s": speed / 1e9}
    for request, call in calls.items():
        ours, theirs = [], []
        for _ in track(range(rounds + 1), request):
            ours.append(seconds(call, device))
            if peer:
                theirs.append(peer.seconds(request))
        figures = {"seconds": statistics.median(ours[1:])}
        if peer:
            figures["jaxpm_seconds"] = statistics.median(theirs[1:])
            figures["ratio"] = figures["jaxpm_seconds"] / figures["seconds"]
        if request.startswith("force"):
            floor = least_bytes(int(request.split()[1])) / speed
            figures["fraction_of_memory_floor"] = floor / figures["seconds"]
        result[request.replace(" ", "_")] = figures
    return result


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Measure; return the figures, and whether they are reached: without JaxPM there is nothing to be reached."""
    device = pick_device(options.device)
    with few_cores(options.threads):
        peer = Peer(options.peers) if options.peers else None
        try:
            result = compare(peer, device, options.rounds)
        finally:
            if peer:
                peer.close()
    about = {"device": device.type, "threads": options.threads, "rounds": options.rounds, "wanted": LEAST_RATIO}
    done = not peer or all(result[f"force_{side}"]["ratio"] >= least for side, least in LEAST_RATIO.items())
    return {**about, "reached": done, **result}
