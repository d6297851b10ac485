"""Dask: a cluster of this machine's cores, or one that is there already; and the running of many tasks on it."""

import asyncio
import errno
import resource
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple
from uuid import uuid4

import dask
from dask.utils import parse_bytes
from distributed import Client, Future, LocalCluster, Worker, get_worker
from distributed.comm import CommClosedError
from distributed.exceptions import WorkerStartTimeoutError
from distributed.scheduler import KilledWorker
from rich.console import Console

from analysis.apply.tasks import Job, Models, UnfitWorkerError
from analysis.errors import InputError

console = Console(stderr=True)
TRIES = 3  # of a task, before it is given up and reported
_GONE = (CancelledError, asyncio.CancelledError, CommClosedError, TimeoutError, OSError)
_WAIT = 0.5  # seconds before an item is tried again, and twice that before the third time: what failed may pass
_PATIENCE = 20  # seconds, with a scheduler that does not answer, or workers that do nothing
_LEAST_BYTES = 2**29  # of a worker: Python, torch, pyarrow and the models alone take most of it
_OF_THIS_MACHINE = {  # of a cluster that is started here; one that runs already has settings of its own
    "distributed.scheduler.allowed-failures": TRIES - 1,  # deaths of a worker that a task survives
    "distributed.worker.daemon": True,  # workers end with this process
    # A worker that is paused for the memory it has itself never goes on. Beyond 95 % it is killed, which is told.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


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
    with dask.config.set({"distributed.comm.timeouts.connect": f"{_PATIENCE}s"} | _OF_THIS_MACHINE):
        try:
            if scheduler is not None:
                with _client_of(scheduler) as client:
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


def _client_of(scheduler: str) -> Client:
    try:
        return Client(scheduler, timeout=_PATIENCE)
    except (ValueError, TypeError) as error:
        raise InputError(f"--scheduler {scheduler}: {error}; expected an address such as tcp://host:8786") from None


def _is_of_the_files(error: BaseException) -> bool:
    """Tell an OSError of the file system, such as a full disk, from one of the network."""
    network = isinstance(error, ConnectionError | TimeoutError | socket.gaierror) or (
        isinstance(error, OSError) and error.errno in (None, errno.EHOSTUNREACH, errno.ENETUNREACH)
    )
    return isinstance(error, OSError) and not network


def _bytes(limit: str) -> int:
    try:
        amount = int(parse_bytes(limit))
    except ValueError:
        raise InputError(f"--memory-limit {limit}: expected an amount such as 2GiB") from None
    if amount < _LEAST_BYTES:
        raise InputError(f"--memory-limit {limit}: too little for a worker; expected 512MiB or more, and 2GiB is usual")
    return amount


def send_models(client: Client, models: Models, job: Job) -> None:
    """Send the models to every worker, those to come included, and see that all share the folder of the output.

    Raises
    ------
    InputError
        If a worker cannot load the models, has other software, or does not see the folder.
    """
    _wait_for_a_worker(client)
    try:
        client.register_plugin(models)
        unfit = unfit_workers(client, job)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise InputError(f"a worker cannot load the models ({type(error).__name__}: {error})") from None
    for address, why in unfit.items():
        raise InputError(f"worker {address} cannot be used: {why}")


def _wait_for_a_worker(client: Client) -> None:
    """Wait for a first worker, as long as it takes: the jobs of a cluster may stand in a queue."""
    while True:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
            return
        except WorkerStartTimeoutError:
            console.print("the cluster has no worker yet: waiting for one (Ctrl-C ends)", soft_wrap=True)


def unfit_workers(client: Client, job: Job) -> dict[str, str]:
    """Return by its address why a worker can do no task of the run."""
    found = client.run(_why_unfit, job, on_error="return")
    return {address: str(why) for address, why in found.items() if why}  # an error, if it does not know this package


def _why_unfit(job: Job, dask_worker: Worker) -> str:
    try:
        job.models_of(dask_worker)
    except UnfitWorkerError as error:
        return str(error)
    return ""


class Attempt(NamedTuple):
    """What came of a task, and on which worker."""

    worker: str
    result: Any
    error: str = ""
    unfit: bool = False  # the worker, for any task
    final: bool = False


def _attempt(function: Callable[..., Any], wait: float, *call: Any) -> Attempt:
    time.sleep(wait)
    worker = get_worker().address
    try:
        return Attempt(worker, function(*call))
    except UnfitWorkerError as error:
        return Attempt(worker, None, str(error), unfit=True)
    except Exception as error:  # any: it is reported
        return Attempt(worker, None, f"{type(error).__name__}: {error}")


def run_tasks(
    client: Client,
    job: Job,
    function: Callable[[Job, Any], Any],
    items: Sequence[Any],
    ended: Callable[[int, Any], None],
) -> dict[int, str]:
    """Run a function for many items on a cluster; each that fails is tried `TRIES` times, elsewhere if it can be.

    Parameters
    ----------
    client : distributed.Client
    job : Job
    function : callable
        Called with the job and an item. Where it raises UnfitWorkerError, the worker is sent away.
    items : sequence
    ended : callable
        Called with the number of an item and the result, or None if it failed, as each ends; no result is kept.

    Returns
    -------
    dict of int to str
        By number of the item that failed: its last error.
    """
    done: SimpleQueue[int] = SimpleQueue()
    futures: dict[int, Future] = {}
    tried: dict[int, list[str]] = defaultdict(list)  # where an item failed
    errors: dict[int, str] = {}

    def submit(number: int) -> None:
        others = [worker for worker in client.nthreads() if worker not in tried[number]] if tried[number] else []
        where = {"workers": others, "allow_other_workers": True} if others else {}
        key = f"{function.__name__}-{number}-{uuid4().hex}"
        wait = _WAIT * len(tried[number])
        futures[number] = client.submit(_attempt, function, wait, job, items[number], key=key, **where)
        futures[number].add_done_callback(lambda _: done.put(number))

    for number in range(len(items)):
        submit(number)
    while futures:
        number = _next(client, done)
        attempt = _attempted(client, job, futures.pop(number))
        if not attempt.error:
            ended(number, attempt.result)
        elif attempt.unfit and _sent_away(client, attempt.worker, attempt.error):
            submit(number)
        elif len(tried[number]) + 1 < TRIES and not attempt.final:
            tried[number].append(attempt.worker)
            submit(number)
        else:
            errors[number] = attempt.error
            ended(number, None)
    return errors


def _next(client: Client, done: SimpleQueue[int]) -> int:
    """Return the number of the next item that has ended; say what workers lack where none ends for long."""
    said = ""
    while True:
        try:
            return done.get(timeout=_PATIENCE)
        except Empty:
            if (lack := _lack(client)) != said:
                console.print(lack or "workers are there again", soft_wrap=True)
            said = lack


def _lack(client: Client) -> str:
    """Return why no worker goes on, or nothing."""
    workers = client.scheduler_info()["workers"]
    if not workers:
        return "there is no worker: waiting for one (Ctrl-C ends; the same command goes on)"
    paused = [address for address, worker in workers.items() if worker["status"] == "paused"]
    what = f"{len(paused)} of {len(workers)} workers, such as {paused[0]}, are paused" if paused else ""
    return f"{what} for lack of memory: give them more (dask worker --memory-limit)" if paused else ""


def _attempted(client: Client, job: Job, future: Future) -> Attempt:
    """Return what came of a task that has ended; where Dask itself could not run it, look for the worker to blame."""
    if future.status == "finished":
        attempt: Attempt = future.result()
        return attempt
    if future.status != "error":
        raise CancelledError(f"task {future.key} was {future.status}")
    error = future.exception()
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, KilledWorker):  # several died of it, each on its own
        return Attempt("", None, said, final=True)
    for address, why in unfit_workers(client, job).items():
        return Attempt(address, None, why, unfit=True)
    return Attempt("", None, said)


def _sent_away(client: Client, address: str, why: str) -> bool:
    """Send a worker away if it has not gone yet; return whether it has gone."""
    if address in client.nthreads():
        console.print(f"worker {address} is sent away: {why}", soft_wrap=True)
        client.retire_workers([address])
    return address not in client.nthreads()


def peak_memory(client: Client) -> list[int]:
    """Return the most memory that each worker has had, in bytes; one that has left does not say."""
    return list(client.run(_peak, on_error="ignore").values())


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
