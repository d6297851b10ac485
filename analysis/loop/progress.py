"""What is seen of a training while it runs, and how it ends when it is told to: bar, log, DVCLive, SIGTERM."""

import csv
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from analysis.files import replacing

try:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
except ImportError:  # a bare machine trains without a bar
    Progress = None  # type: ignore[assignment,misc]

SECONDS_BETWEEN_LINES = 120.0
LIVE = "ANALYSIS_LIVE"  # environment variable: the folder for DVCLive's metrics

if Progress is not None:

    class _Rate(ProgressColumn):
        def render(self, task: Task) -> str:
            return f"{task.speed or 0:,.0f} objects/s"


@contextmanager
def progress_bar(description: str | None, total: int, done: int) -> Iterator[Callable[[int, str], None]]:
    """Yield a function that advances a bar by so many objects and says something beside it; no bar without description.

    The bar shows how many objects a second the loop takes, and the time left if it goes on to its last epoch. Where
    there is no terminal, as in the log of a container, it is a line every few minutes.
    """
    if description is None:
        yield lambda objects, words: None
        return
    if Progress is None or not sys.stderr.isatty():
        yield _lines(description, total, done)
        return
    columns = ("{task.description}", BarColumn(), _Rate(), TimeRemainingColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, completed=done, words="")
        yield lambda objects, words: bar.update(task, advance=objects, words=words)


def _lines(description: str, total: int, done: int) -> Callable[[int, str], None]:
    """Return what stands for a bar where there is no terminal."""
    began, start = time.monotonic(), done
    told = began

    def advance(objects: int, words: str) -> None:
        nonlocal done, told
        done, now = done + objects, time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES:
            told = now
            rate = (done - start) / (now - began)
            left = f"{rate:,.0f} objects/s, {(total - done) / rate / 60:,.0f} minutes left"
            print(f"{description}: {done / total:.0%}, {left}; {words}", file=sys.stderr)

    return advance


@contextmanager
def live_metrics(folder: Path, wanted: bool, resumed: bool) -> Iterator[Callable[[dict[str, float]], None]]:
    """Yield a function that takes the figures of an epoch: for DVCLive where it is installed, and asked for.

    It is asked for by the environment variable ANALYSIS_LIVE, a folder outside of DVC's outputs, in which each
    training gets its own, named as its checkpoint's folder and the one above. It makes no experiment and no dvc.yaml.
    """
    wanted_in = os.environ.get(LIVE)
    if not (wanted and wanted_in and find_spec("dvclive")):
        yield lambda figures: None
        return
    from dvclive import Live

    with Live(str(Path(wanted_in, *folder.parts[-2:])), resume=resumed, save_dvc_exp=False, dvcyaml=None) as live:

        def log(figures: dict[str, float]) -> None:
            live.step = int(figures["epoch"])
            for name, value in figures.items():
                live.log_metric(name, value)
            live.make_summary()

        yield log


def write_log(path: Path, history: list[dict[str, float]]) -> None:
    """Write a line for each epoch."""
    with replacing(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


@contextmanager
def leaves_on_sigterm(checkpoint: Path) -> Iterator[None]:
    """Let SIGTERM end the program with a message and exit code 143: the checkpoint of the last epoch stays.

    Only where nobody else has a say in that signal.
    """
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not mine:
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        print(f"terminated; the same command goes on from {checkpoint}, if an epoch was finished", file=sys.stderr)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
