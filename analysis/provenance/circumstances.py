"""The circumstances of a run, as paper, benches and `verify` print them: versions, commit, machine."""

import platform
from importlib import metadata
from pathlib import Path

from analysis.cores import cores
from analysis.provenance.git import ABBREVIATED, CHANGED, UNKNOWN, git

PACKAGES = ("numpy", "scipy", "pandas", "astropy", "lightgbm", "torch", "dvc")
# What decides a result. Results, tables and the lock file are left out: a run changes them while it goes on.
SOURCES = [
    "analysis",
    "params.yaml",
    "dvc.yaml",
    "data.dvc",
    "requirements.txt",
    "paper/claims.yaml",
    "paper/published.yaml",
]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit(root: Path) -> str:
    """Return the commit that the sources are at, and whether they have been changed since."""
    head = git(root, "rev-parse", f"--short={ABBREVIATED}", "HEAD")
    if head is None:
        return UNKNOWN
    changed = git(root, "status", "--porcelain", "--", *SOURCES)
    return head + (CHANGED if changed else "")


def machine() -> dict[str, str]:
    """Return the processor's name, the number of cores that this process may use, and the system."""
    return {"processor": _processor(), "cores": str(cores()), "system": platform.system()}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
