"""Draw a mock survey: in chunks, on all cores, the same for any number of workers and interruptions."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.cores import cores
from analysis.errors import InputError
from analysis.survey import catalogue
from analysis.survey.mock import stamps as images
from analysis.survey.mock.draw import draw_chunk, fields_of
from analysis.survey.mock.parameters import parameters_hash
from analysis.survey.mock.parts import PARTS, resumable_folder, run_all, whole_part
from analysis.survey.stamps_file import CHUNK as COMPRESSED_TOGETHER
from analysis.survey.stamps_file import StampsWriter

CHUNK = 5_000  # objects drawn together: bounds the memory of a worker
STAMPS_CHUNK = 8 * COMPRESSED_TOGETHER  # stamps drawn together
ROW_GROUP = 50_000  # objects written together: long enough for dictionaries to pay
# Peak memory in MB, shared pages shared out, with chunks and row groups of these sizes and any number of objects.
MEMORY_BUDGET, MEMORY_PARENT, MEMORY_WORKER = 2_000, 400, 380
FAILED_BY = 0.01  # error of redshift / (1 + z) of a spectrum that was misread
_MEASURED_PART, _TRUTH_PART, _STAMPS_PART = "measured-{:012}.arrow", "truth-{:012}.arrow", "stamps-{:012}.h5"
_WRITING = ("catalogue.py", "schema.py", "stamps_file.py")
_LIBRARIES = ("galsim", "h5py", "hdf5plugin", "kcorrect", "numpy", "pyarrow", "scipy")


@dataclass(frozen=True)
class Job:
    """What to draw. Its identity is all that decides the bytes of the result."""

    objects: int
    seed: int
    stamps: int
    chunk: int  # objects drawn together
    stamps_chunk: int  # stamps drawn together, a multiple of those compressed together

    def chunks(self) -> list[tuple[int, int]]:
        """List the first object of each part of the catalogue, and the one after its last."""
        return [(start, min(start + self.chunk, self.objects)) for start in range(0, self.objects, self.chunk)]

    def identity(self) -> dict[str, Any]:
        """Return the numbers asked for, and hashes of the parameters and of the code that draws."""
        return {**asdict(self), "parameters_sha256": parameters_hash(), "code_sha256": _code_hash()}


@cache
def _code_hash() -> str:
    """Hash the modules of the mock, those it writes with, and the versions of the libraries that draw for it."""
    survey = Path(catalogue.__file__).parent
    sources = [*sorted((survey / "mock").glob("*.py")), *(survey / name for name in _WRITING)]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    digest.update(" ".join(version(name) for name in _LIBRARIES).encode())
    return digest.hexdigest()


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


def _write_catalogue_part(job: Job, parts: Path, start: int, stop: int) -> int:
    """Draw a part of the catalogue and its truth; return its number of objects."""
    measured, truth = draw_chunk(job.seed, start, stop)
    for name, table in ((_TRUTH_PART, truth), (_MEASURED_PART, measured)):  # that there is the second says it is done
        with whole_part(parts / name.format(start)) as partial, pa.ipc.new_file(partial, table.schema) as writer:
            writer.write_table(table)
    return stop - start


def _read_part(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _write_stamps_part(job: Job, parts: Path, start: int, rows: np.ndarray) -> int:
    """Draw the stamps of some rows of the catalogue, whose parts are there; return their number."""
    first = rows // job.chunk * job.chunk  # of the part that a row is in
    tables = [
        _read_part(parts / _TRUTH_PART.format(part)).take(rows[first == part] - part) for part in np.unique(first)
    ]
    truth = pa.concat_tables(tables).to_pandas()
    with whole_part(parts / _STAMPS_PART.format(start)) as partial, StampsWriter(partial) as writer:
        writer.append(images.draw_stamps(job.seed, truth, fields_of(job.seed)))
    return len(rows)


def _run(what: str, function: Callable[..., int], tasks: dict[Path, tuple], sizes: list[int], workers: int) -> None:
    """Do those tasks whose file is not there yet, with a progress bar that counts all."""
    missing = [task for path, task in tasks.items() if not path.exists()]
    done = sum(size for path, size in zip(tasks, sizes, strict=True) if path.exists())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task(what, total=sum(sizes), completed=done)
        for number in run_all(function, missing, workers):
            progress.advance(bar, number)


def _draw_catalogue(job: Job, parts: Path, workers: int) -> None:
    tasks = {parts / _MEASURED_PART.format(start): (job, parts, start, stop) for start, stop in job.chunks()}
    sizes = [stop - start for start, stop in job.chunks()]
    _run("drawing the mock survey", _write_catalogue_part, tasks, sizes, workers)


def _draw_stamps(job: Job, parts: Path, workers: int) -> None:
    labels = [
        images.kinds_of(_read_part(parts / _MEASURED_PART.format(start)).select(["class", "redshift"]).to_pandas())
        for start, _ in job.chunks()
    ]
    rows = images.choose(np.concatenate(labels), job.stamps)
    batches = {start: rows[start : start + job.stamps_chunk] for start in range(0, len(rows), job.stamps_chunk)}
    tasks = {parts / _STAMPS_PART.format(start): (job, parts, start, batch) for start, batch in batches.items()}
    _run("drawing stamps", _write_stamps_part, tasks, [len(batch) for batch in batches.values()], workers)


def _assemble(job: Job, folder: Path) -> None:
    """Put the parts together, in order, whoever drew them and when; the provenance last."""
    parts = folder / PARTS
    for path in folder.iterdir():  # of a run that was killed here
        if path != parts:
            path.unlink()
    counted: Counter[str] = Counter()
    sinks = _Sink(folder / catalogue.CATALOGUE), _Sink(folder / catalogue.TRUTH)
    for start, _ in job.chunks():
        tables = [_read_part(parts / name.format(start)) for name in (_MEASURED_PART, _TRUTH_PART)]
        for sink, table in zip(sinks, tables, strict=True):
            sink.write(table)
        counted.update(_counts(*tables))
    for sink in sinks:
        sink.close()
    if job.stamps:
        with StampsWriter(folder / catalogue.STAMPS) as writer:
            for start in range(0, job.stamps, job.stamps_chunk):
                writer.append_file(parts / _STAMPS_PART.format(start))
        counted["stamps"] = job.stamps
    catalogue.write_provenance(folder, _provenance(job), dict(counted))


def generate(objects: int, seed: int, out: Path, workers: int | None = None, stamps: int = 0) -> None:
    """Draw a mock survey into a new folder.

    A run that is killed leaves its finished parts beside the folder; the same call goes on from there, and its result
    is the same to the byte.

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
    stamps : int
        How many objects get images, at most all; see `mock.stamps.choose`.

    Raises
    ------
    InputError
        If a number is out of range, the folder exists or cannot be written, or another process is making it.
    """
    workers = min(cores(), (MEMORY_BUDGET - MEMORY_PARENT) // MEMORY_WORKER) if workers is None else workers
    if objects < 1 or seed < 0 or workers < 1:
        raise InputError(
            f"objects {objects}, seed {seed}, workers {workers}: expected objects and workers > 0, seed >= 0"
        )
    if not 0 <= stamps <= objects:
        raise InputError(f"stamps {stamps}: expected 0 to {objects}, the number of objects")
    job = Job(objects, seed, stamps, CHUNK, STAMPS_CHUNK)
    with resumable_folder(out, job.identity()) as folder:
        if not (folder / catalogue.PROVENANCE).exists():  # else it was killed when all but the renaming was done
            _draw_catalogue(job, folder / PARTS, workers)
            _draw_stamps(job, folder / PARTS, workers)
            _assemble(job, folder)


def _counts(measured: pa.Table, truth: pa.Table) -> dict[str, int]:
    """Count objects by class and label, and wrong redshifts without warning, which only the truth can tell."""
    labels = measured.select(["class", "redshift", "redshift_warning"]).to_pandas()
    true = truth["redshift"].to_numpy()
    wrong = (labels["redshift"] - true).abs() > FAILED_BY * (1 + true)
    unflagged = {"unflagged_redshift_failures": int((wrong & labels["redshift_warning"].eq(0)).sum())}
    return catalogue.counts(labels["class"], labels["redshift"], len(labels)) | unflagged


def _provenance(job: Job) -> dict:
    return {
        "kind": "mock",
        "source": "drawn by `python -m analysis survey mock`",
        "generator": job.identity(),
        "licence": "CC0-1.0",
    }
