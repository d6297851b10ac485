"""The number of cores."""

import os
import subprocess
import sys

import pytest

from analysis.cores import cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not restrict processes to cores")
def test_only_cores_that_the_process_may_use_count() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from analysis.cores import cores; print(cores())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "1"


def test_without_affinity_the_machines_cores_count(monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
