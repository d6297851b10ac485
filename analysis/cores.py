"""How many cores there are to use."""

import os


def cores() -> int:
    """Return the number of cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container or a batch system may allow some cores only
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
