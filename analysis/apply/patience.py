"""Patience with storage that is far away: errors that pass, and files by the thousand."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import track

S = TypeVar("S")
T = TypeVar("T")

TRIES = 3
PAUSE = 1.0  # seconds before the second try, and twice as many before each that follows
_SIDE_BY_SIDE = 32


def patiently(function: Callable[[], T]) -> T:
    """Call a function, again if it raises an OSError, which a network may do for a moment; but for a missing file."""
    for again in range(TRIES - 1):
        try:
            return function()
        except FileNotFoundError:
            raise
        except OSError:
            time.sleep(PAUSE * 2**again)
    return function()


def of_each(function: Callable[[S], T], items: Sequence[S], what: str) -> list[T]:
    """Return what a function returns for each item, in their order; calls wait side by side, with a progress bar.

    For calls that wait for a network most of their time: a store of objects answers after 0.1 s, and many at once.
    """
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        answers = pool.map(function, items)
        return list(track(answers, what, total=len(items), console=Console(stderr=True), transient=True))
