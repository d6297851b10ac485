"""What workers do: count a chunk, answer it, make a partition of the answers. Each task leaves a record.

A task whose record and file are there, and agree, does nothing again. Files appear under their name when they are
whole, and a record after its file: a worker may die at any time.
"""

import ctypes
import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from distributed import Worker, WorkerPlugin, get_worker

from analysis.apply import names, partitions
from analysis.apply.bundle import Bundle
from analysis.apply.chunks import Chunk, read_chunk
from analysis.apply.schema import as_table
from analysis.apply.software import difference, software
from analysis.apply.sources import Pixels
from analysis.errors import InputError
from analysis.files import replacing
from analysis.survey.catalogue import sha256
from analysis.survey.columns_map import ColumnsMap

Array = np.ndarray
Record = dict[str, Any]

SHARDS, RECORDS, CATALOGUE, MARK = "shards", "records", "catalogue", "mark"

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as malloc.h has them
_KEPT_BYTES = 32 * 2**20  # the most that glibc allows
_BLOCK = 32_768  # rows that are answered at a time: of fixed size, or the last digits would depend on it


class Models(WorkerPlugin):
    """The models, sent to each worker once as the bytes of their files.

    Parameters
    ----------
    files : dict of str to bytes
    digest : str
        SHA-256 of all.
    """

    def __init__(self, files: dict[str, bytes], digest: str):
        self.files, self.name, self.software = files, f"models-{digest}", software()
        self.bundle: Bundle

    def setup(self, worker: Worker) -> None:
        """Read the models where the worker lives, or raise InputError if its answers may be others."""
        keep_freed_memory()
        if differs := difference(software(), self.software):
            raise InputError(f"worker {worker.address} has other software: {differs}; expected the same everywhere")
        self.bundle = Bundle.from_files(self.files)
        self.files = {}


class UnfitWorkerError(RuntimeError):
    """This worker cannot do any task of the run."""


def keep_freed_memory() -> None:
    """Let this process keep some freed memory, where the C library is glibc.

    Dask starts workers so that each block of memory goes back to the system when it is freed; to fetch it again, page
    by page, for every small tensor, would take longer than to compute with it.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        for parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            libc.mallopt(parameter, _KEPT_BYTES)


@dataclass(frozen=True)
class Job:
    """What the tasks of a run have in common.

    Attributes
    ----------
    work : pathlib.Path
        The folder of what is not finished, which all workers see.
    fingerprint : str
        Of the source, the models, the software and the settings: no record of another one is used.
    models : str
        The name of the plugin.
    columns_map : ColumnsMap or None
    pixels : list of (int, int)
        The partitions; empty while they are not known.
    mark : str
        What the file `MARK` in the folder holds: who cannot read it there has another file system.
    """

    work: Path
    fingerprint: str
    models: str
    columns_map: ColumnsMap | None
    pixels: Pixels
    mark: str

    def record(self, name: str) -> Path:
        """Return the file of a record: in one of a hundred folders, since `replacing` looks through all of its own."""
        return self.work / RECORDS / f"{zlib.crc32(name.encode()) % 100:02d}" / f"{name}.json"

    def models_of(self, worker: Worker) -> Models:
        """Return the models that this worker holds, or raise UnfitWorkerError if it can do no task of the run."""
        models = worker.plugins.get(self.models)
        if not isinstance(models, Models) or not hasattr(models, "bundle"):
            raise UnfitWorkerError("it could not load the models: its log says why")
        try:
            shared = (self.work / MARK).read_text() == self.mark
        except OSError:
            shared = False
        if not shared:
            raise UnfitWorkerError(f"it does not see {self.work}; expected a file system that all workers share")
        return models

    @cached_property
    def cut(self) -> str:
        """The SHA-256 of the list of partitions: what was made for other ones is not used again."""
        return hashlib.sha256(json.dumps(self.pixels).encode()).hexdigest()


def kept(record: Path, work: Path, made_of: Any) -> Record | None:
    """Return a record if it is of the same input, and the file that it tells of is whole; None otherwise."""
    try:
        content: Record = json.loads(record.read_text())
        whole = sha256(work / content["file"]) == content["sha256"]
    except (OSError, ValueError, KeyError):
        return None
    return content if whole and content.get("made_of") == made_of else None


def _recorded(job: Job, name: str, path: Path, made_of: Any, work: Callable[[], Record]) -> Record:
    """Return the record of a task that has been done; do it if it has not."""
    job.models_of(get_worker())
    made_of = [job.fingerprint, made_of]
    if (found := kept(job.record(name), job.work, made_of)) is not None:
        return found
    content = work() | {"made_of": made_of, "file": path.relative_to(job.work).as_posix(), "sha256": sha256(path)}
    with replacing(job.record(name)) as partial:
        partial.write_text(json.dumps(content))
    return content


def _placed(job: Job, chunk: Chunk, wanted: Sequence[str]) -> tuple[pd.DataFrame, Array, int]:
    """Return the objects of a chunk that have a position, their places, and how many have none."""
    table = read_chunk(chunk, wanted, job.columns_map)
    ra, dec = (table[name].to_numpy(float) for name in (names.RA, names.DEC))
    there = np.isfinite(ra) & (np.abs(dec) <= 90)
    index = partitions.positions(ra[there], dec[there], table[names.OBJECT].to_numpy()[there], str(chunk))
    return table[there], index, int(np.count_nonzero(~there))


def count_chunk(job: Job, chunk: Chunk) -> Record:
    """Count the objects of a chunk by place on the sky: a file of pixels and counts, which may be many."""
    path = job.record(f"count-{chunk.name}").with_suffix(".npz")

    def work() -> Record:
        _, index, _ = _placed(job, chunk, [names.OBJECT, names.RA, names.DEC])
        pixels, counts = partitions.count(index)
        with replacing(path) as partial, open(partial, "wb") as file:
            np.savez(file, pixels=pixels, counts=counts)
        return {"rows": len(index)}

    return _recorded(job, f"count-{chunk.name}", path, str(chunk), work)


def answer_chunk(job: Job, chunk: Chunk) -> Record:
    """Answer for the objects of a chunk; the record says how many, and of which partition each record batch is."""
    path = job.work / SHARDS / f"{chunk.name}.arrow"

    def work() -> Record:
        bundle = job.models_of(get_worker()).bundle
        table, index, without = _placed(job, chunk, bundle.columns())
        order = np.argsort(index, kind="stable")
        table, index = table.iloc[order], index[order]
        blocks = [
            bundle.answers(table.iloc[start : start + _BLOCK], str(chunk))
            for start in range(0, max(len(table), 1), _BLOCK)  # one block even of nothing: it has the columns
        ]
        columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        columns |= {names.HEALPIX: index, names.RA: table[names.RA].to_numpy(), names.DEC: table[names.DEC].to_numpy()}
        of = partitions.partition_of(index, job.pixels, str(chunk))
        with replacing(path) as partial:
            numbers = partitions.write_shard(partial, as_table(columns), of)
        sizes = np.unique(of, return_counts=True)[1].tolist()
        lost = {"without_position": without, "impossible_magnitudes": bundle.impossible(table)}
        return {"rows": len(table), "partitions": numbers, "sizes": sizes, "unusable": lost}

    return _recorded(job, f"chunk-{chunk.name}", path, [job.cut, str(chunk)], work)


def make_partition(job: Job, call: tuple[int, list[list[Any]]]) -> Record:
    """Make a partition, given by its number, of record batches of shards, each given by file, number and its rows."""
    number, parts = call
    path = partitions.partition_file(job.work / CATALOGUE, job.pixels[number])

    def work() -> Record:
        with replacing(path) as partial:
            batches = [(job.work / file, batch) for file, batch, _ in parts]
            rows = partitions.write_partition(partial, job.pixels[number], batches)
            if rows != (expected := sum(size for _, _, size in parts)):
                raise RuntimeError(f"{path}: {rows} objects in the shards; expected {expected}, as their records say")
        return {"rows": rows}

    return _recorded(job, f"partition-{number:06d}", path, [job.cut, parts], work)
