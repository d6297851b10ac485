"""Long work in parts: on all cores, each part written whole or not at all, so that a killed run goes on from there."""

import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from glob import escape
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal

from analysis.errors import InputError
from analysis.files import replacing
from analysis.survey.catalogue import refuse_existing

PARTS = "parts"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def working_folder(directory: Path, job: dict[str, Any]) -> Path:
    """Return where a job works until its folder is whole: beside it, under a name that no other job has."""
    fingerprint = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:12]
    return directory.with_name(f".{directory.name}.{fingerprint}.unfinished")


@contextmanager
def resumable_folder(directory: Path, job: dict[str, Any]) -> Iterator[Path]:
    """Make a folder all at once, keeping what a killed run of the same job has done.

    Yields a working folder with a subfolder `PARTS`. When the block ends without error, the parts are deleted and the
    rest is renamed to `directory`; otherwise all stays for the next run of the same job. What other jobs have left for
    the same folder stays as well, and one line says so.

    Parameters
    ----------
    directory : pathlib.Path
        Must not exist.
    job : dict
        Everything that the result depends on, for JSON: another job works in another folder.

    Raises
    ------
    InputError
        If the folder exists, cannot be written, or another process is at the same job.
    """
    directory = Path(directory)
    refuse_existing(directory)
    work = working_folder(directory, job)
    _tell_of_leftovers(directory, work)
    try:
        work.mkdir(parents=True, exist_ok=True)
        with _alone(work, directory):
            (work / PARTS).mkdir(exist_ok=True)
            for debris in (work / PARTS).glob(".*.incomplete"):  # of a run that was killed
                debris.unlink()
            yield work
            shutil.rmtree(work / PARTS)
            work.rename(directory)
    except OSError as error:
        advice = f"what is done is kept in {work}: the same command goes on from there"
        raise InputError(f"{directory}: cannot be written ({error}); {advice}", "cannot-write") from error


@contextmanager
def whole_part(path: Path) -> Iterator[Path]:
    """Yield where to write a part; it has its name once it is on disk, so that even a power cut leaves none half."""
    with replacing(path) as partial:
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())


def leftovers(directory: Path) -> list[Path]:
    """List the working folders of unfinished jobs that were to make this folder."""
    directory = Path(directory)
    return sorted(directory.parent.glob(f".{escape(directory.name)}.*.unfinished"))


def _tell_of_leftovers(directory: Path, work: Path) -> None:
    """Say in one line what unfinished jobs with other settings, or of other code, have left; it may be many GB."""
    if others := [path for path in leftovers(directory) if path != work]:
        with suppress(FileNotFoundError):  # one of them may be at work, not left
            size = decimal(sum(file.stat().st_size for path in others for file in path.rglob("*")))
            text = f"left by unfinished runs with other settings or code ({size}, not used; delete if not wanted):"
            Console(stderr=True).print(text, *others, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _alone(work: Path, directory: Path) -> Iterator[None]:
    """Lock a folder; the lock ends with the process, however that ends."""
    handle = os.open(work, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{directory}: another process is making it; wait for that one") from None
        refuse_existing(directory)  # that other process may have ended just now
        yield
    finally:
        os.close(handle)


def run_all(function: Callable[..., int], tasks: Sequence[tuple], workers: int) -> Iterator[int]:
    """Call a function with each tuple of arguments, on several processes; yield its results as they come.

    An error of one task ends all; tasks that have not begun are dropped.

    Raises
    ------
    InputError
        If a process is killed from outside.
    """
    if workers == 1 or len(tasks) <= 1:
        yield from (function(*task) for task in tasks)
        return
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        with _one_thread_each():  # submitting starts the workers
            futures = [pool.submit(function, *task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        advice = "what is done is kept: the same command goes on, perhaps with fewer --workers"
        raise InputError(f"a worker process was killed, as happens when memory runs out; {advice}") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when its parent is killed, which it would not notice while it waits for work."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start meanwhile use one thread: numerical libraries read this when they are first imported."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
