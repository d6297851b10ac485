"""`bench apply`: how many objects a second, on one worker and on two, and how much memory catalogues of two sizes take.

The catalogues are bootstrapped from the survey: objects drawn with replacement, their magnitudes jittered by their
errors. Each file is a piece of sky.
"""

import argparse
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hats.pixel_math.spatial_index import healpix_to_spatial_index
from rich.progress import track

from analysis import paths
from analysis.apply import names
from analysis.apply.bundle import Bundle
from analysis.apply.run import Outcome, Request, apply
from analysis.errors import InputError
from analysis.survey.catalogue import read_catalogue

Array = np.ndarray

WANTED_PER_SECOND = 15_000  # on two cores
WANTED_EFFICIENCY = 0.9  # of two workers against one
WANTED_MEMORY = 1.2  # ratio of the most memory of a worker, the larger catalogue over the smaller
BILLION = 1_000_000_000

_FILE_ROWS = 500_000
_FILE_ORDER = 4  # of the HEALPix pixel that a file covers
_ROW_GROUP = 125_000


class Run(NamedTuple):
    """One run of `apply` and what it cost."""

    objects: int
    workers: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    bytes_in: int
    bytes_out: int

    @property
    def per_second(self) -> float:
        """Objects a second."""
        return self.objects / self.seconds


def draw_catalogue(folder: Path, rows: int, seed: int) -> None:
    """Write a catalogue as Parquet files of a piece of sky each.

    Parameters
    ----------
    folder : pathlib.Path
    rows : int
    seed : int
    """
    bundle = Bundle.load(paths.MODELS / names.NAME)
    survey = read_catalogue(paths.DATA, [name for name in bundle.columns() if name not in (names.RA, names.DEC)])
    folder.mkdir(parents=True)
    for number, start in enumerate(track(range(0, rows, _FILE_ROWS), "drawing")):
        generator = np.random.default_rng([seed, number])
        drawn = jittered(survey, min(_FILE_ROWS, rows - start), generator)
        drawn[names.OBJECT] = np.arange(start, start + len(drawn))
        drawn[names.RA], drawn[names.DEC] = in_pixel(number % (12 * 4**_FILE_ORDER), len(drawn), generator)
        pq.write_table(
            pa.Table.from_pandas(drawn, preserve_index=False),
            folder / f"{number:05d}.parquet",
            row_group_size=_ROW_GROUP,
        )


def jittered(survey: pd.DataFrame, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Return objects drawn with replacement, every magnitude moved by the error of the model magnitude of its band."""
    drawn = survey.iloc[generator.integers(len(survey), size=n)].reset_index(drop=True)
    for name in drawn:
        system, _, band = str(name).partition("_")
        if system in ("dered", "psfMag", "cModelMag"):
            sigma = drawn[f"deredErr_{band}"].fillna(0).clip(0, 1).to_numpy()
            drawn[name] = (drawn[name] + sigma * generator.normal(size=n)).clip(-5, 50).astype(np.float32)
    return drawn


def in_pixel(pixel: int, n: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return right ascension and declination of objects spread over a HEALPix pixel of order `_FILE_ORDER`."""
    from cdshealpix.nested import healpix_to_lonlat

    fine = 12
    first = int(healpix_to_spatial_index(_FILE_ORDER, pixel, fine))
    lon, lat = healpix_to_lonlat(first + generator.integers(4 ** (fine - _FILE_ORDER), size=n), fine)
    return lon.deg, lat.deg


def cost_of(catalogue: Path, out: Path, workers: int, memory_limit: str | None) -> Run:
    """Apply the models to a catalogue, and return what it cost; the output is removed."""
    before = _cpu()
    request = Request(str(catalogue), paths.MODELS / names.NAME, out, workers=workers, memory_limit=memory_limit)
    outcome: Outcome = apply(request)
    if outcome.failures:
        raise InputError(f"{catalogue}: {outcome.failures[0].input}: {outcome.failures[0].error}")
    cost = (outcome.seconds, _cpu() - before, max(outcome.peak_bytes), _bytes(catalogue), _bytes(out))
    shutil.rmtree(out)
    return Run(outcome.objects, workers, *cost)


def _cpu() -> float:
    """Return processor seconds of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def summary(alone: Run, both: Run, large: Run) -> dict[str, Any]:
    """Return the figures, and what a billion objects take at this speed.

    Parameters
    ----------
    alone, both : Run
        The same catalogue by one worker and by two.
    large : Run
        A larger one, by two.
    """
    core_hours = BILLION / large.per_second * large.workers / 3600
    return {
        "objects": {"small": both.objects, "large": large.objects},
        "objects_per_second": large.per_second,
        "objects_per_second_per_core": large.per_second / large.workers,
        "efficiency_percent": 50 * both.per_second / alone.per_second,
        "cpu_microseconds_per_object": 1e6 * large.cpu_seconds / large.objects,
        "peak_gib": {"small": both.peak_bytes / 2**30, "large": large.peak_bytes / 2**30},
        "memory_ratio": large.peak_bytes / both.peak_bytes,
        "seconds": {"small_one_worker": alone.seconds, "small": both.seconds, "large": large.seconds},
        "bytes_per_object": {"in": large.bytes_in / large.objects, "out": large.bytes_out / large.objects},
        "billion": {
            "core_hours": core_hours,
            "minutes_on_64_cores": core_hours / 64 * 60,
            "input_gb": large.bytes_in / large.objects,  # 1e9 objects, 1e9 bytes
            "output_gb": large.bytes_out / large.objects,
            "while_it_runs_gb": 2 * large.bytes_out / large.objects,  # shards and partitions
        },
    }


def missed(figures: dict[str, Any]) -> list[str]:
    """Return which figures are not reached."""
    wanted = {
        f"{WANTED_PER_SECOND:,} objects a second": figures["objects_per_second"] >= WANTED_PER_SECOND,
        f"{WANTED_EFFICIENCY:.0%} efficiency": figures["efficiency_percent"] >= 100 * WANTED_EFFICIENCY,
        f"memory within {WANTED_MEMORY}": figures["memory_ratio"] <= WANTED_MEMORY,
    }
    return [what for what, reached in wanted.items() if not reached]


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Draw two catalogues, apply the models to them; return the figures, and whether they are reached."""
    small, large = sorted(options.objects)
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        for name, rows in {"small": small, "large": large}.items():
            draw_catalogue(folder / name, rows, options.seed)
        runs = [
            cost_of(folder / name, folder / "answers", workers, options.memory_limit)
            for name, workers in (("small", 1), ("small", 2), ("large", 2))
        ]
    figures = summary(*runs)
    short = missed(figures)
    return figures | {"missed": short, "reached": not short}
