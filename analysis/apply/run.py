"""A catalogue and a folder of models -> a HATS catalogue of answers: chunks are answered, then put together."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from distributed import Client
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import analysis
from analysis.apply import output, partitions, tasks
from analysis.apply.bundle import Bundle, bundle_files
from analysis.apply.chunks import Chunk
from analysis.apply.cluster import Failure, connected, console, peak_memory, run_tasks, send_models
from analysis.apply.schema import answer_schema
from analysis.apply.software import software
from analysis.apply.sources import Pixels, Source, without_secrets
from analysis.apply.tasks import Job, Models
from analysis.cores import cores
from analysis.errors import InputError
from analysis.survey.schema import MAGNITUDE_RANGE


@dataclass(frozen=True)
class Request:
    """What is wanted.

    Attributes
    ----------
    catalogue : str
        Path or URL.
    models, out : pathlib.Path
    columns_map : pathlib.Path or None
    scheduler : str or None
    workers : int or None
    memory_limit : str or None
    chunk_rows : int
        Objects that a worker takes at a time.
    partition_rows : int
        Objects of a partition, at most, where the source has none of its own.
    without_failed : bool
        Make the output although chunks failed: without them.
    """

    catalogue: str
    models: Path
    out: Path
    columns_map: Path | None = None
    scheduler: str | None = None
    workers: int | None = None
    memory_limit: str | None = None
    chunk_rows: int = 250_000
    partition_rows: int = 1_000_000
    without_failed: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    objects : int
        Answered for.
    seconds : float
        From the first task to the last.
    peak_bytes : list of int
        The most memory of each worker.
    failures : list of Failure
    """

    objects: int
    seconds: float
    peak_bytes: list[int]
    failures: list[Failure]


def apply(request: Request) -> Outcome:
    """Answer for every object of a catalogue.

    What was written before, by a run that ended early, is kept.

    Raises
    ------
    InputError
        If the source, the models, the cluster or the output cannot be used.
    """
    bundle = Bundle.load(request.models)  # before anything is sent or written
    files, digest = bundle_files(request.models)
    work = output.work_folder(request.out.absolute())
    source = Source.of(request.catalogue, request.columns_map)
    if not source.is_foreign:
        _check_columns(bundle, source, request)
    provenance = _provenance(request, source, digest)
    if (outcome := _made_before(request, provenance, work)) is not None:
        return outcome
    with output.locked(work):
        if (outcome := _made_before(request, provenance, work)) is not None:  # by another process, in between
            return outcome
        plan = output.plan(work, provenance["fingerprint"])
        if source.is_foreign:
            source = source.through_the_door(work)
            _check_columns(bundle, source, request)
        plan["row_groups"] = source.footers(plan.get("row_groups"))
        output.write_plan(work, plan)
        source = source.cut(plan["row_groups"], request.chunk_rows)
        provenance |= {"objects_in_source": source.rows}
        workers = request.workers or min(cores(), len(source.chunks))
        with connected(request.scheduler, workers, request.memory_limit) as client:
            console.print(f"dashboard: {client.dashboard_link}", soft_wrap=True)
            models = Models(files, digest)
            pixels, mark = plan.get("pixels", []), uuid4().hex
            job = Job(work, provenance["fingerprint"], models.name, source.columns_map, pixels, mark)
            (work / tasks.MARK).write_text(mark)
            send_models(client, models, job)
            return _run(client, request, source, job, provenance)


def _check_columns(bundle: Bundle, source: Source, request: Request) -> None:
    """Raise InputError if the columns of a source, by its schema, are not what the models need."""
    bundle.check_columns(source.present(), request.catalogue)
    source.check_types(bundle.columns())


def _made_before(request: Request, provenance: dict[str, Any], work: Path) -> Outcome | None:
    """Return the outcome that an output tells of, if there is one; raise InputError if it lacks what it may not."""
    made = output.finished(request.out, provenance["fingerprint"])
    if made is None:
        return None
    output.clear(work)  # the name was given, and then the process killed
    failures = [Failure(**missing) for missing in made["missing"]]
    if failures and not request.without_failed:
        raise InputError(
            f"{request.out}: exists, made without {len(failures)} inputs that failed, such as {failures[0].input}; "
            "move it away to try them again, or say --without-failed",
            "output-exists",
        )
    return Outcome(made["objects"], 0.0, [], failures)


def _provenance(request: Request, source: Source, digest: str) -> dict[str, Any]:
    """Return where the answers come from: the same for the same input, whenever and wherever it is computed."""
    made_of = {
        "catalogue": source.url,
        "models_sha256": digest,
        "code_version": analysis.__version__,
        "software": software(),
        "chunk_rows": request.chunk_rows,
        "partition_rows": request.partition_rows,
        "columns": answer_schema().names,
    }
    everything = json.dumps(made_of | source.fingerprint(), sort_keys=True)
    fingerprint = hashlib.sha256(everything.encode()).hexdigest()
    return made_of | {"catalogue": without_secrets(source.url), "fingerprint": fingerprint}


def _run(client: Client, request: Request, source: Source, job: Job, provenance: dict[str, Any]) -> Outcome:
    started = time.perf_counter()
    chunks = source.chunks
    failures: list[Failure] = []
    if not job.pixels:
        pixels, chunks, failures = _partitions(client, request, source, job)
        if not pixels:
            return Outcome(0, time.perf_counter() - started, peak_memory(client), failures)
        job = replace(job, pixels=pixels)
        if not failures:
            output.write_plan(job.work, {"fingerprint": provenance["fingerprint"], "pixels": pixels})
    answered: dict[int, tasks.Record] = {}
    failures += _each(client, "objects", tasks.answer_chunk, job, chunks, lambda c: c.rows, str, answered.__setitem__)
    objects = sum(record["rows"] for record in answered.values())
    unusable = _unusable(answered)
    if not failures:
        _check_all_there(request.catalogue, source.rows, objects + unusable["without_position"])
    if not failures or (request.without_failed and answered):
        rows, failed = _put_together(client, job, answered)
        failures += failed
        if not failures or (request.without_failed and rows):
            objects, missing = sum(rows.values()), [failure._asdict() for failure in failures]
            about = provenance | {"objects": objects, "unusable": unusable, "missing": missing}
            output.finish(job.work, request.out.absolute(), rows, about)
    return Outcome(objects, time.perf_counter() - started, peak_memory(client), failures)


def _unusable(answered: dict[int, tasks.Record]) -> dict[str, int]:
    """Return how many objects could not be answered for, by why, and say so."""
    total: Counter[str] = Counter(without_position=0, impossible_magnitudes=0)
    for record in answered.values():
        total.update(record["unusable"])
    if lost := total["without_position"]:
        console.print(f"{lost:,} objects without a position on the sky are left out")
    if lost := total["impossible_magnitudes"]:
        low, high = MAGNITUDE_RANGE
        console.print(f"{lost:,} objects with a magnitude not in {low:g} to {high:g} have nulls for answers, and flags")
    return dict(total)


def _check_all_there(source: str, there: int, found: int) -> None:
    if found != there:
        raise InputError(
            f"{source}: held {there:,} objects when it was looked at, and {found:,} when it was read; "
            "remove the folder of unfinished work, and give the command again"
        )


def _partitions(
    client: Client, request: Request, source: Source, job: Job
) -> tuple[Pixels, list[Chunk], list[Failure]]:
    """Return the partitions, and the chunks that can be placed in them."""
    if source.pixels is not None:
        return partitions.in_order(source.pixels), source.chunks, []
    counts, counted = partitions.no_counts(), []

    def add(number: int, record: tasks.Record) -> None:
        with np.load(job.work / record["file"]) as of_chunk:
            counts[of_chunk["pixels"]] += of_chunk["counts"]
        counted.append(number)

    failures = _each(client, "counting", tasks.count_chunk, job, source.chunks, lambda c: c.rows, str, add)
    return partitions.choose(counts, request.partition_rows), [source.chunks[k] for k in sorted(counted)], failures


def _put_together(
    client: Client, job: Job, answered: dict[int, tasks.Record]
) -> tuple[dict[tuple[int, int], int], list[Failure]]:
    """Make the partitions of the shards; return the rows of each by pixel."""
    parts: dict[int, list[list[Any]]] = {}
    for number in sorted(answered):
        record = answered[number]
        for group, (partition, size) in enumerate(zip(record["partitions"], record["sizes"], strict=True)):
            parts.setdefault(partition, []).append([record["file"], group, size])
    calls = sorted(parts.items())

    def name(call: tuple[int, Any]) -> str:
        return "partition Norder={} Npix={}".format(*job.pixels[call[0]])

    made: dict[int, tasks.Record] = {}
    failures = _each(client, "partitions", tasks.make_partition, job, calls, lambda _: 1, name, made.__setitem__)
    rows = {(order, pixel): made[k]["rows"] for k in sorted(made) for order, pixel in [job.pixels[calls[k][0]]]}
    return rows, failures


def _each(
    client: Client,
    what: str,
    function: Callable[[Job, Any], tasks.Record],
    job: Job,
    items: list[Any],
    size: Callable[[Any], int],
    name: Callable[[Any], str],
    take: Callable[[int, tasks.Record], None],
) -> list[Failure]:
    """Run a task for each item, with a progress bar; hand on number and record of each, and return what failed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(what, total=sum(map(size, items)))

        def ended(number: int, record: tasks.Record | None) -> None:
            if record is not None:
                take(number, record)
            progress.advance(bar, size(items[number]))

        errors = run_tasks(client, job, function, items, ended)
    return [Failure(*map(without_secrets, (name(items[k]), error))) for k, error in sorted(errors.items())]
