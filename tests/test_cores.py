"""The number of cores."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import cores as module
from analysis.cores import cores, cpu_limit


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


@pytest.mark.parametrize(("said", "expected"), [("max 100000", math.inf), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_container_has_the_cpu_time_that_its_cgroup_allows(tmp_path: Path, said: str, expected: float) -> None:
    assert cpu_limit(tmp_path) == math.inf
    (tmp_path / "cpu.max").write_text(f"{said}\n")
    assert cpu_limit(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [(-1, math.inf), (400000, 4), (1000, 1)])
def test_older_cgroups_count_too(tmp_path: Path, quota: int, expected: float) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_limit(tmp_path) == expected


def test_the_smaller_of_both_limits_counts(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for limit, expected in ((3, 3), (math.inf, 8)):
        monkeypatch.setattr(module, "cpu_limit", lambda limit=limit: limit)
        assert cores() == expected
