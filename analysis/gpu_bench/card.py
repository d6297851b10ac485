"""The GPU itself: what it is, and how fast it moves memory and multiplies matrices: the yardsticks of the bench."""

import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import torch

from analysis.loop.matrix_rate import matrix_rate

GIB = 2**30
BANDWIDTH = "bytes_per_second"
BFLOAT16, TF32, FLOAT32 = "bfloat16", "tf32", "float32"


def nvidia_driver() -> str | None:
    """Return the version of the NVIDIA driver, None where there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.split("\n")[0].strip() or None if done.returncode == 0 else None


def describe(device: torch.device) -> dict[str, Any]:
    """Return what a GPU is, and the versions of all that computes on it; of a processor, what can be said alike."""
    about: dict[str, Any] = {
        "name": platform.machine(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        about |= {"name": properties.name, "memory_gib": properties.total_memory / GIB}
        about |= {"compute_capability": f"{properties.major}.{properties.minor}", "driver": nvidia_driver()}
        about |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return about


def seconds(call: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds that a call takes, until the GPU is done."""
    synchronize(device)
    started = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - started


def synchronize(device: torch.device) -> None:
    """Wait until a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> float:
    """Return the most memory (GiB) of a GPU that tensors have held since the last call."""
    if device.type != "cuda":
        return 0.0
    most = torch.cuda.max_memory_allocated(device) / GIB
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    return most


def bandwidth(device: torch.device, numbers: int = 2**28) -> float:
    """Return the bytes per second that a triad a = b + 2 c reads and writes (McCalpin 1995), beyond any cache."""
    b, c = (torch.randn(numbers, device=device) for _ in range(2))
    a = torch.empty_like(b)
    times = [seconds(lambda: torch.add(b, c, alpha=2.0, out=a), device) for _ in range(11)]
    return 3 * a.nbytes / min(times[1:])


def rates(device: torch.device, numbers: int = 2**28, size: int = 8192) -> dict[str, float]:
    """Return the bytes per second of the memory, and the operations per second of matrices in each precision."""
    found = {BANDWIDTH: bandwidth(device, numbers), BFLOAT16: matrix_rate(device, size)}
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for name in (TF32, FLOAT32):
            torch.backends.cuda.matmul.allow_tf32 = name == TF32
            found[name] = matrix_rate(device, size, dtype=torch.float32)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return found
