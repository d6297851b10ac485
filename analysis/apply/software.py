"""What computes the answers: the code and the libraries that their last digits depend on, to be the same everywhere."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_CODE = ("apply", "photoz_pdf", "pit_calibration", "star_galaxy", "survey")  # packages of this one
_LIBRARIES = ("numpy", "scipy", "torch", "numba", "pandas", "pyarrow")


@cache
def software() -> dict[str, str]:
    """Return the versions of libraries by name, and under `analysis` the SHA-256 of this package's code."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(path for name in _CODE for path in (root / name).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return {"analysis": digest.hexdigest()} | {name: version(name) for name in _LIBRARIES}


def difference(there: dict[str, str], here: dict[str, str]) -> str:
    """Return what differs, in words; nothing where the two are the same."""
    differing = [name for name in here if there.get(name) != here[name]]
    return "; ".join(f"{name} {there.get(name)} there, {here[name]} here" for name in differing)
