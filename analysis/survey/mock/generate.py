"""Draw a mock survey: in chunks, on all cores, the same for any number of workers."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.cores import cores
from analysis.errors import InputError
from analysis.survey import catalogue
from analysis.survey.mock import photometry, populations, targets
from analysis.survey.mock.fields import draw_fields, place
from analysis.survey.mock.parameters import parameters, parameters_hash
from analysis.survey.schema import COLUMNS

CHUNK = 5_000  # objects drawn together: bounds the memory of a worker
ROW_GROUP = 50_000  # objects written together: long enough for dictionaries to pay
# Peak memory in MB, shared pages shared out, with chunks and row groups of these sizes and any number of objects.
MEMORY_BUDGET, MEMORY_PARENT, MEMORY_WORKER = 2_000, 400, 380
FAILED_BY = 0.01  # error of redshift / (1 + z) of a spectrum that was misread
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_GOLDEN = (np.sqrt(5) - 1) / 2
_CANDIDATES = 4_000  # drawn at a time until a sample is full
_MEASURED = [name for name in COLUMNS if not name.startswith("photoz")]
_TRUTH = [
    "object_id", "sample", "class", "type", "redshift", "M_r", *populations.SHARES, *populations.MAGNITUDES,
    *populations.BULGE_TO_TOTAL, "bulge_radius", "disc_radius", "bulge_axis_ratio", "disc_axis_ratio", "position_angle",
    "field",
]  # fmt: skip


def samples_of(indices: np.ndarray) -> np.ndarray:
    """Say which sample each object of a survey belongs to: fixed shares, evenly spread, whatever the survey's size."""
    shares = np.cumsum([sample["share"] for sample in parameters()["samples"].values()])
    return np.searchsorted(shares / shares[-1], (indices * _GOLDEN) % 1.0)


def _draw_candidates(rng: np.random.Generator, sample: str, number: int) -> pd.DataFrame:
    settings = parameters()["samples"][sample]
    limit = tuple(settings["limit"])
    if sample == "star":
        return populations.draw_stars(rng, number, limit)
    if sample == "quasar":
        return populations.draw_quasars(rng, number, limit)
    stars, quasars = (rng.binomial(number, settings.get(kind, 0.0)) for kind in ("stars", "quasars"))
    parts = [populations.draw_galaxies(rng, number - stars - quasars, limit, tuple(settings["redshift"]))]
    if stars:
        parts.append(populations.draw_stars(rng, stars, limit))
    if quasars:
        parts.append(populations.draw_quasars(rng, quasars, limit))
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=rng, ignore_index=True)


def _draw_sample(
    rng: np.random.Generator, sample: str, number: int, fields: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw and measure candidates until a sample is full; return its truth and its catalogue, labels included."""
    truths: list[pd.DataFrame] = []
    measured: list[pd.DataFrame] = []
    have, accepted = 0, 0.5
    while have < number:
        batch = int(np.clip((number - have) / accepted * 1.1, 100, _CANDIDATES))
        truth = place(rng, _draw_candidates(rng, sample, batch), fields)
        table = photometry.observe(rng, truth)
        chosen = np.flatnonzero(targets.is_target(sample, table))
        accepted = max(len(chosen) / batch, 0.02)
        truths.append(truth.iloc[chosen])
        measured.append(table.iloc[chosen])
        have += len(chosen)
    truth = pd.concat(truths, ignore_index=True).iloc[:number]
    table = pd.concat(measured, ignore_index=True).iloc[:number]
    labelled = targets.labels(rng, sample, truth, table)
    return truth.assign(sample=sample), pd.concat([truth[["ra", "dec"]], labelled, table], axis=1)


@cache
def _fields(seed: int) -> pd.DataFrame:
    return draw_fields(seed)


def draw_chunk(seed: int, start: int, stop: int) -> tuple[pa.Table, pa.Table]:
    """Draw objects start to stop of a survey.

    Returns
    -------
    measured, truth : pyarrow.Table
        Rounded as stored.
    """
    rng = np.random.default_rng([seed, 1, start])
    membership = samples_of(np.arange(start, stop))
    truths, tables = [], []
    for number, sample in enumerate(parameters()["samples"]):
        wanted = int((membership == number).sum())
        if wanted:
            truth, table = _draw_sample(rng, sample, wanted, _fields(seed))
            truths.append(truth)
            tables.append(table)
    order = rng.permutation(stop - start)
    truth = pd.concat(truths, ignore_index=True).iloc[order].reset_index(drop=True)
    table = pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True)
    ids = np.arange(start, stop) + 1
    measured = table.assign(object_id=ids).reindex(columns=_MEASURED)
    for name in _MEASURED:
        if (decimals := COLUMNS[name].decimals) is not None:
            measured[name] = measured[name].round(decimals)
    return catalogue.to_arrow(measured), _truth_to_arrow(truth.assign(object_id=ids))


def _truth_to_arrow(truth: pd.DataFrame) -> pa.Table:
    truth = truth.reindex(columns=_TRUTH)
    shortened = {name: "float32" for name in truth.select_dtypes("float64") if name != "redshift"}
    text = pa.field("text", pa.string()).type
    table = pa.Table.from_pandas(truth.astype(shortened), preserve_index=False)
    for name in ("sample", "class", "type"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(text))
    return table


def _chunks(objects: int) -> list[tuple[int, int]]:
    return [(start, min(start + CHUNK, objects)) for start in range(0, objects, CHUNK)]


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


def _draw_all(seed: int, chunks: list[tuple[int, int]], workers: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield all chunks in order; with several workers, a few ahead."""
    if workers == 1 or len(chunks) == 1:
        yield from (draw_chunk(seed, *chunk) for chunk in chunks)
        return
    waiting = iter(chunks)
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn")) as pool:
        with _one_thread_each():  # the first tasks start the workers
            running: list[Future] = [pool.submit(draw_chunk, seed, *chunk) for chunk in islice(waiting, 2 * workers)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(draw_chunk, seed, *chunk) for chunk in islice(waiting, 1)]


class _Sink:
    """A Parquet file that grows chunk by chunk, in large row groups."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows, self.pending = path, 0, list[pa.Table]()
        self.writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        self.pending.append(table)
        self.rows += len(table)
        if self.rows >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if self.pending:
            table = pa.concat_tables(self.pending).unify_dictionaries()
            self.writer = self.writer or catalogue.parquet_writer(self.path, table.schema)
            self.writer.write_table(table, row_group_size=ROW_GROUP)
        self.pending, self.rows = [], 0

    def close(self) -> None:
        self.flush()
        if self.writer:
            self.writer.close()


def generate(objects: int, seed: int, out: Path, workers: int | None = None) -> None:
    """Draw a mock survey into a new folder.

    Parameters
    ----------
    objects : int
        Number of objects, at least 1.
    seed : int
        Same seed, same survey, whatever the number of workers. A larger survey begins with the whole chunks
        of a smaller one.
    out : pathlib.Path
        Must not exist.
    workers : int, optional
        Processes; by default one per core, but no more than stay within 2 GB of memory.

    Raises
    ------
    InputError
        If a number is out of range, or the folder exists.
    """
    workers = min(cores(), (MEMORY_BUDGET - MEMORY_PARENT) // MEMORY_WORKER) if workers is None else workers
    if objects < 1 or seed < 0 or workers < 1:
        raise InputError(
            f"objects {objects}, seed {seed}, workers {workers}: expected objects and workers > 0, seed >= 0"
        )
    counted: Counter[str] = Counter()
    with catalogue.new_folder(out) as folder:
        sinks = _Sink(folder / catalogue.CATALOGUE), _Sink(folder / catalogue.TRUTH)
        columns = (TextColumn("drawing the mock survey"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        chunks = _chunks(objects)
        with Progress(*columns) as progress:
            task = progress.add_task("objects", total=objects)
            for (start, stop), tables in zip(chunks, _draw_all(seed, chunks, workers), strict=True):
                for sink, table in zip(sinks, tables, strict=True):
                    sink.write(table)
                counted.update(_counts(*tables))
                progress.advance(task, stop - start)
        for sink in sinks:
            sink.close()
        catalogue.write_provenance(folder, _provenance(objects, seed), dict(counted))


def _counts(measured: pa.Table, truth: pa.Table) -> dict[str, int]:
    """Count objects by class and label, and wrong redshifts without warning, which only the truth can tell."""
    labels = measured.select(["class", "redshift", "redshift_warning"]).to_pandas()
    true = truth["redshift"].to_numpy()
    wrong = (labels["redshift"] - true).abs() > FAILED_BY * (1 + true)
    unflagged = {"unflagged_redshift_failures": int((wrong & labels["redshift_warning"].eq(0)).sum())}
    return catalogue.counts(labels["class"], labels["redshift"], len(labels)) | unflagged


def _provenance(objects: int, seed: int) -> dict:
    return {
        "kind": "mock",
        "source": "drawn by `python -m analysis survey mock`",
        "generator": {"objects": objects, "seed": seed, "parameters_sha256": parameters_hash()},
        "licence": "CC0-1.0",
    }
