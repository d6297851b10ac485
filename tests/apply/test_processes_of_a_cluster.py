"""A scheduler and workers as processes of their own, over TCP, as on a cluster; and kill -9 for each of them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_apply import content
from toy_survey import draw, write_parquet

from analysis import paths
from analysis.__main__ import main
from analysis.apply import output, tasks
from analysis.apply.run import Request, apply

N = 2400


class Processes:
    """The scheduler and the workers, started as one would on a cluster."""

    def __init__(self, folder: Path):
        self.folder, self.running = folder, {}
        self.environment = os.environ | {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"}

    def start(self, name: str, *arguments: str) -> None:
        log = open(self.folder / f"{name}.log", "w")  # noqa: SIM115 (as long as the process)
        command = [sys.executable, "-m", *arguments]
        self.running[name] = subprocess.Popen(command, cwd=paths.ROOT, env=self.environment, stdout=log, stderr=log)

    def cluster(self, name: str, workers: int) -> str:
        """Start a scheduler and workers, and return the file that holds its address."""
        file = str(self.folder / f"{name}.json")
        common = ("--scheduler-file", file, "--no-dashboard")
        self.start(f"{name}-scheduler", "dask", "scheduler", "--port", "0", "--host", "127.0.0.1", *common)
        for number in range(workers):
            self.start(f"{name}-{number}", "dask", "worker", *common, "--nthreads", "1", "--no-nanny")
        wait_for(lambda: Path(file).is_file() and Path(file).stat().st_size > 0)
        return json.loads(Path(file).read_text())["address"]

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait_for(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def processes(tmp_path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    for name in list(started.running):
        started.kill(name)


@pytest.fixture
def undisturbed(tmp_path, models, cluster) -> Request:
    write_parquet(draw(N, seed=12), tmp_path / "catalogue", files=20)
    request = Request(str(tmp_path / "catalogue"), models, tmp_path / "undisturbed", scheduler=cluster, chunk_rows=60)
    apply(request)
    return request


def arguments(like: Request, out: Path) -> list[str]:
    paths_ = ["--catalogue", like.catalogue, "--models", str(like.models), "--out", str(out)]
    return ["apply", *paths_, "--chunk-rows", "60"]


def shards(out: Path) -> int:
    return len(list((output.work_folder(out) / tasks.SHARDS).glob("[0-9]*.arrow")))


def test_over_tcp_and_without_one_worker_the_bytes_are_the_same(processes, undisturbed, tmp_path) -> None:
    address = processes.cluster("first", workers=2)
    out, code = tmp_path / "answers", []
    command = [*arguments(undisturbed, out), "--scheduler", address]
    client = threading.Thread(target=lambda: code.append(main(command)))
    client.start()
    wait_for(lambda: shards(out) > 2)
    processes.kill("first-1")
    client.join()
    assert code == [0]
    assert content(out) == content(undisturbed.out)


@pytest.mark.slow
def test_whoever_is_killed_the_same_command_goes_on_to_the_same_bytes(processes, undisturbed, tmp_path, capfd) -> None:
    out = tmp_path / "answers"
    command = arguments(undisturbed, out)
    processes.start("client", "analysis", *command, "--workers", "1")
    wait_for(lambda: shards(out) > 2)
    processes.kill("client")
    done = shards(out)
    assert 0 < done < 40 and not out.exists()

    address = processes.cluster("second", workers=1)
    code = []
    client = threading.Thread(target=lambda: code.append(main([*command, "--scheduler", address])))
    client.start()
    wait_for(lambda: shards(out) > done + 2)
    processes.kill("second-scheduler")
    client.join()
    assert code == [2] and "is gone" in capfd.readouterr().err
    assert shards(out) < 40 and not out.exists()

    assert main([*command, "--workers", "1"]) == 0
    assert content(out) == content(undisturbed.out)
