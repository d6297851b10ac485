"""Dask: a cluster of this machine's cores, or one that is there already; and the running of many tasks on it."""

import asyncio
import errno
import resource
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dask
from dask.utils import parse_bytes
from distributed import Client, LocalCluster, as_completed
from distributed.comm import CommClosedError

from analysis.apply.tasks import Models
from analysis.errors import InputError

TRIES = 3  # of a task, before it is given up and reported
_GONE = (CancelledError, asyncio.CancelledError, CommClosedError, TimeoutError, OSError)
_PATIENCE = "20s"  # with a scheduler that does not answer


class Failure(NamedTuple):
    """A task that failed every time: what it worked on, and its last error."""

    input: str
    error: str


@contextmanager
def connected(scheduler: str | None, workers: int, memory_limit: str | None) -> Iterator[Client]:
    """Yield a client of a cluster.

    Parameters
    ----------
    scheduler : str or None
        Address of one that runs already; None: a cluster of this machine, as long as the block lasts.
    workers : int
        Processes of that cluster, each with one thread.
    memory_limit : str or None
        Of each of them, such as 2GiB; None: an equal share of the machine's memory.

    Raises
    ------
    InputError
        If the scheduler cannot be reached, or goes away.
    """
    settings = {
        "distributed.comm.timeouts.connect": _PATIENCE,
        "distributed.scheduler.allowed-failures": TRIES - 1,  # deaths of a worker that a task survives
        "distributed.worker.daemon": True,  # workers end with this process
    }
    with dask.config.set(settings):
        try:
            if scheduler is not None:
                with Client(scheduler, timeout=_PATIENCE) as client:
                    yield client
                return
            limit = "auto" if memory_limit is None else _bytes(memory_limit)
            about = {"threads_per_worker": 1, "memory_limit": limit, "silence_logs": "ERROR"}
            with LocalCluster(n_workers=workers, **about) as cluster, Client(cluster) as client:
                yield client
        except _GONE as error:
            if _is_of_the_files(error):
                raise
            what = "the cluster" if scheduler is None else f"the scheduler {scheduler}"
            raise InputError(
                f"{what} cannot be reached, or is gone ({type(error).__name__}: {error}); what is written is kept: "
                "give the same command again"
            ) from None


def _is_of_the_files(error: BaseException) -> bool:
    """Tell an OSError of the file system, such as a full disk, from one of the network."""
    network = isinstance(error, ConnectionError | TimeoutError | socket.gaierror) or (
        isinstance(error, OSError) and error.errno in (None, errno.EHOSTUNREACH, errno.ENETUNREACH)
    )
    return isinstance(error, OSError) and not network


def _bytes(limit: str) -> int:
    try:
        return int(parse_bytes(limit))
    except ValueError:
        raise InputError(f"--memory-limit {limit}: expected an amount such as 2GiB") from None


def send_models(client: Client, models: Models, work: Path) -> None:
    """Send the models to every worker, those to come included, and see that all share the folder of the output.

    Raises
    ------
    InputError
        If a worker cannot load the models, or does not see the folder.
    """
    client.wait_for_workers(1, timeout=60)
    try:
        client.register_plugin(models)
        seen = client.run(_sees, str(work))
    except InputError:
        raise
    except (ImportError, AttributeError, RuntimeError) as error:
        raise InputError(f"a worker cannot load the models ({type(error).__name__}: {error})") from None
    if blind := [address for address, there in seen.items() if there is not True]:
        raise InputError(f"worker {blind[0]} does not see {work}; expected a file system that all workers share")


def _sees(folder: str) -> bool:
    return Path(folder).is_dir()


def run_tasks(
    client: Client, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], ended: Callable[[int, Any], None]
) -> dict[int, str]:
    """Run a function with many arguments on a cluster; each call that fails is tried `TRIES` times.

    Parameters
    ----------
    client : distributed.Client
    function : callable
    calls : sequence of tuple
        The arguments of each call.
    ended : callable
        Called with the number of a call and its result, or None if it failed, as each ends; no result is kept.

    Returns
    -------
    dict of int to str
        By number of the call that failed: its last error.
    """
    futures = {
        client.submit(function, *call, retries=TRIES - 1, pure=False): number for number, call in enumerate(calls)
    }
    errors: dict[int, str] = {}
    for future in as_completed(list(futures)):
        number = futures.pop(future)
        if future.status == "finished":
            ended(number, future.result())
        elif future.status == "error":
            error = future.exception()
            errors[number] = f"{type(error).__name__}: {error}"
            ended(number, None)
        else:
            raise CancelledError(f"task {number} was {future.status}")
        future.release()
    return errors


def peak_memory(client: Client) -> list[int]:
    """Return the most memory that each worker has had, in bytes."""
    return list(client.run(_peak).values())


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
