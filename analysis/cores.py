"""How many cores there are to use."""

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")  # where Linux says what a container or a batch job may use


def cores() -> int:
    """Return the number of cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container or a batch system may allow some cores only
        return int(min(len(os.sched_getaffinity(0)), cpu_limit()))
    return os.cpu_count() or 1


def cpu_limit(cgroups: Path = CGROUPS) -> float:
    """Return how many cores a container may keep busy (`docker run --cpus`), rounded up; infinity without a limit."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # cgroups 2, and 1
        files = [cgroups / name for name in names]
        if all(file.is_file() for file in files):
            quota, period = " ".join(file.read_text() for file in files).split()
            unlimited = quota == "max" or int(quota) < 0
            return math.inf if unlimited else math.ceil(int(quota) / int(period))
    return math.inf
