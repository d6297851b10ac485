"""Entry point of the containers: runs a command as it is, passes on the request to stop, returns its exit code.

The kernel gives process 1 of a container no default for SIGTERM, and ends everything else when process 1 ends. So the
request to stop (`docker stop`, a batch system) goes to whatever works, and the container ends when all have ended: a
training has the time to keep its checkpoint, and DVC outlives its stage and releases its locks.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

USAGE = """\
Machine learning in cosmology, re-tested. In a clone of the repository:

  docker run --rm -v "$PWD":/compendium --user "$(id -u):$(id -g)" IMAGE COMMAND

with --gpus all for GPUs. COMMAND is any program; most used are

  python -m analysis check               what there is, and whether it suffices (--scale full: for that scale)
  dvc repro                              run what has changed
  make reproduce                         everything, to the claims table and the paper; also SCALE=smoke, SCALE=full
  python -m analysis --help              each part by itself
  make test                              (image built with --target test)
  quarto render paper                    (image built with --target paper)

What is written beside the clone goes to /cache: -v NAME:/cache keeps it from one run to the next.
"""
CACHE = "/cache/"  # where the Dockerfile puts all that programs write beside the clone
AGAIN = 0.5  # seconds after which a request to stop is repeated, to what has started since
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # the exit codes of a shell


def warn(message: str) -> None:
    """Say something on standard error."""
    print(f"container: {message}", file=sys.stderr)


def make_caches() -> None:
    """Make the folders that programs write to, or say that they cannot be made."""
    try:
        for folder in (value for value in os.environ.values() if value.startswith(CACHE)):
            Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warn(f"{error}: mount a folder at /cache that user {os.getuid()} may write to")


def look_at_clone(clone: Path) -> None:
    """Say so if the clone cannot be written to: Docker's user is 1000 unless it is told another."""
    if (clone / ".git").exists() and not os.access(clone, os.W_OK):
        warn(f"user {os.getuid()} cannot write to {clone}; expected --user {clone.stat().st_uid}:{clone.stat().st_gid}")


def waiting_for_a_stage(below: set[psutil.Process]) -> set[psutil.Process]:
    """Return each DVC that runs a stage, and what waits for it: they end by themselves, in order, after the stage."""
    waiting: set[psutil.Process] = set()
    for process in below:
        with suppress(psutil.NoSuchProcess):  # it ended while it was looked at
            if "dvc" in {Path(word).name for word in process.cmdline()[:3]} and process.children():
                waiting |= {process, *process.parents()}
    return waiting


def run(command: list[str]) -> int:
    """Run a command; return its exit code, 128 + signal if one ended it.

    It returns when the command has ended, and if it was asked to stop, when everything else has ended too.
    """
    told: set[psutil.Process] = set()  # to stop, or left to stop by themselves
    asked_to_stop = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        below = set(psutil.Process().children(recursive=True))
        told.update(waiting_for_a_stage(below))
        for process in below - told:
            told.add(process)
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        signal.setitimer(signal.ITIMER_REAL, AGAIN)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stop)
    # at a terminal, ^C reaches the command itself, which may want to live on: an interactive Python, a shell
    signal.signal(signal.SIGINT, (lambda *_: None) if sys.stdin.isatty() else stop)

    try:
        child = subprocess.Popen(command)
    except OSError as error:
        warn(f"{command[0]}: {error.strerror}; without a command, this image says what can be run")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    code = 0
    while True:
        try:
            ended, status = os.wait()
        except ChildProcessError:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return code
        if ended == child.pid:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code
            if not asked_to_stop:
                return code


def main() -> int:
    """Run the command of the command line; without one, say what can be run."""
    if not sys.argv[1:]:
        print(USAGE, end="")
        return 0
    make_caches()
    look_at_clone(Path.cwd())
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
