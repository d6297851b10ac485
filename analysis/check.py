"""`python -m analysis check`: what this machine has, and whether a scale can run on it: before 40 hours, not after."""

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil
import torch
import yaml
from dvc.dirs import site_cache_dir
from matplotlib import get_cachedir

from analysis import paths
from analysis.cores import CGROUPS, cores
from analysis.errors import InputError
from analysis.gpu_bench.card import nvidia_driver

GIB = 2**30
MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of cgroups 2 and 1


@dataclass(frozen=True)
class Needs:
    """What a scale needs, as analysis/needs.yaml has it.

    Attributes
    ----------
    cores : int
    memory, disk, gpu_memory : float
        GiB; `gpu_memory` is that of one GPU, 0 where none is needed.
    hours : float
        How long it takes with just that.
    basis : str
        'measured' or 'estimated'.
    how : str
        On what it was measured, or from what it was estimated.
    """

    cores: int
    memory: float
    disk: float
    gpu_memory: float
    hours: float
    basis: str
    how: str


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch can compute on: its name, its memory in GiB."""

    name: str
    memory: float


@dataclass(frozen=True)
class Machine:
    """What there is: cores, memory and free disk (GiB), the NVIDIA driver, the GPUs, and why there are none."""

    cores: int
    memory: float
    disk: float
    driver: str | None
    gpus: tuple[Gpu, ...]
    gpu_fault: str


def load_needs(scale: str) -> Needs:
    """Return what a scale needs.

    Raises
    ------
    InputError
        If there is no such scale.
    """
    known = yaml.safe_load(paths.NEEDS.read_text())
    if scale not in known:
        raise InputError(f"no scale {scale!r}; expected one of {', '.join(known)}", "setting-value")
    return Needs(**known[scale])


def look(checkout: Path) -> Machine:
    """Return what this machine has, and what is free on the disk of a checkout."""
    driver = nvidia_driver()
    gpus, fault = find_gpus(driver)
    return Machine(
        cores=cores(),
        memory=memory_limit() / GIB,
        disk=shutil.disk_usage(checkout).free / GIB,
        driver=driver,
        gpus=gpus,
        gpu_fault=fault,
    )


def memory_limit(cgroups: Path = CGROUPS) -> int:
    """Return the memory that processes here may use, in bytes: the machine's, or less in a container."""
    limits = [psutil.virtual_memory().total]
    for name in MEMORY_LIMITS:
        file = cgroups / name
        said = file.read_text().strip() if file.is_file() else "max"
        if said != "max":
            limits.append(int(said))
    return min(limits)


def find_gpus(driver: str | None) -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs that torch computes on, or none and the reason."""
    if driver is None:
        return (), "no NVIDIA driver (a container needs --gpus all, and the host the NVIDIA container toolkit)"
    if torch.version.cuda is None:
        return (), f"torch {torch.__version__} is built without CUDA"
    try:
        devices = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
        for device in devices:
            torch.ones(2, device=device).sum().item()  # a card too old for this torch fails here, not before
    except RuntimeError as error:
        return (), f"torch {torch.__version__} cannot compute on the GPU: {str(error).splitlines()[0]}"
    if not devices:
        return (), f"torch {torch.__version__} with CUDA {torch.version.cuda} sees no GPU under driver {driver}"
    found = [torch.cuda.get_device_properties(device) for device in devices]
    return tuple(Gpu(properties.name, properties.total_memory / GIB) for properties in found), ""


def shortages(machine: Machine, needs: Needs) -> list[str]:
    """Return in what a machine falls short of needs, one line each."""
    short = []
    if machine.cores < needs.cores:
        short.append(f"{machine.cores} cores; {needs.cores} are needed")
    if machine.memory < needs.memory:
        short.append(f"{machine.memory:.1f} GiB of memory; {needs.memory:g} are needed")
    if machine.disk < needs.disk:
        short.append(f"{machine.disk:.1f} GiB free on the disk; {needs.disk:g} are needed")
    if needs.gpu_memory and not machine.gpus:
        short.append(f"a GPU is needed: {machine.gpu_fault}")
    elif needs.gpu_memory and (largest := max(gpu.memory for gpu in machine.gpus)) < needs.gpu_memory:
        short.append(f"{largest:.1f} GiB of memory on the largest GPU; {needs.gpu_memory:g} are needed")
    return short


def caches() -> dict[str, Path]:
    """Return the folders beside the checkout that programs write to, by what for."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    return {
        "home": home,
        "temporary files": Path(tempfile.gettempdir()),
        "caches": cache,
        "matplotlib": Path(get_cachedir()),
        "torch": Path(torch.hub.get_dir()),
        "Numba": Path(os.environ.get("NUMBA_CACHE_DIR", cache / "numba")),
        "DVC": Path(site_cache_dir()),
    }


def is_writable(folder: Path) -> bool:
    """Return whether files can be written to a folder, which may not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return True
    except OSError:
        return False


def differing_packages(requirements: str) -> list[str]:
    """Return the installed packages that are not of the version that requirements.txt pins: `name found (pinned)`."""
    found = []
    for line in requirements.splitlines():
        name, _, pinned = line.partition("==")
        try:
            version = metadata.version(name).partition("+")[0] if pinned else pinned
        except metadata.PackageNotFoundError:
            continue  # development tools, say
        if version != pinned:
            found.append(f"{name} {version} ({pinned})")
    return found


def faults(machine: Machine, needs: Needs, checkout: Path) -> list[str]:
    """Return all reasons why a scale cannot run here; none when it can."""
    found = shortages(machine, needs)
    if shutil.which("git") is None:
        found.append("git is not installed")
    found += [f"{folder} ({what}) cannot be written to" for what, folder in caches().items() if not is_writable(folder)]
    # without .git it is the code inside an image, which nobody writes to
    if (checkout / ".git").exists() and not is_writable(checkout):
        owner = checkout.stat()
        found.append(f"user {os.getuid()} cannot write to {checkout}; it belongs to {owner.st_uid}:{owner.st_gid}")
    return found


def describe(machine: Machine, checkout: Path) -> dict[str, str]:
    """Return what there is, in words."""
    differing = differing_packages((checkout / "requirements.txt").read_text())
    own = "a clone" if (checkout / ".git").exists() else "no clone: one mounted here would take its place"
    return {
        "compendium": f"{checkout} ({own})",
        "Python": f"{sys.version.split()[0]}, torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}",
        "packages": f"other than pinned: {', '.join(differing)}" if differing else "as requirements.txt pins them",
        "driver": machine.driver or "no NVIDIA driver",
        "GPUs": ", ".join(f"{gpu.name} ({gpu.memory:.0f} GiB)" for gpu in machine.gpus) or f"none: {machine.gpu_fault}",
        "cores": str(machine.cores),
        "memory": f"{machine.memory:.1f} GiB, {psutil.virtual_memory().available / GIB:.1f} of them free",
        "disk": f"{machine.disk:.1f} GiB free",
        "written to": ", ".join(f"{folder} ({what})" for what, folder in caches().items()),
    }


def in_words(needs: Needs) -> str:
    """Return what a scale needs as a sentence would have it."""
    gpu = f"a GPU of {needs.gpu_memory:g} GiB" if needs.gpu_memory else "no GPU"
    duration = f"{needs.hours:.0f} hours" if needs.hours >= 2 else f"{60 * needs.hours:.0f} minutes"
    size = f"{needs.cores} cores, {needs.memory:g} GiB of memory, {needs.disk:g} GiB of disk"
    return f"{size}, {gpu}, and about {duration}\n({needs.basis}: {needs.how})"


def run(options: argparse.Namespace) -> int:
    """Print what there is and what the scale needs; return 1 if it cannot run, with the reasons."""
    needs = load_needs(options.scale)
    machine = look(paths.ROOT)
    for what, value in describe(machine, paths.ROOT).items():
        print(f"{what:<12}{value}")
    print(f"\nscale {options.scale} needs {in_words(needs)}", flush=True)
    found = faults(machine, needs, paths.ROOT)
    for fault in found:
        print(f"error: {fault}", file=sys.stderr)
    if not found:
        print(f"scale {options.scale} can run here")
    return 1 if found else 0
