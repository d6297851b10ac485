"""The folder of the answer: hidden and named unfinished while it is written, then whole at one stroke.

A HATS catalogue without its properties is none: they are written last, and only then is the folder given its name.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hats.catalog import PartitionInfo, TableProperties
from hats.io import write_parquet_metadata
from hats.pixel_math import HealpixPixel

from analysis.apply import names
from analysis.apply.partitions import ORDER, partition_file
from analysis.apply.tasks import CATALOGUE, RECORDS, SHARDS
from analysis.errors import InputError
from analysis.files import replacing

PROVENANCE = "provenance.json"
_PLAN = "plan.json"


def work_folder(out: Path) -> Path:
    """Return the folder beside `out` in which it is prepared."""
    return out.with_name(f".{out.name}.unfinished")


def finished(out: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the provenance of the output if it is there already, or raise InputError if it is another one."""
    if not out.exists():
        return None
    try:
        provenance: dict[str, Any] = json.loads((out / PROVENANCE).read_text())
        found = provenance["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{out}: exists, and is no output of apply; choose a new folder, or move this one away", "output-exists"
        ) from None
    if found != fingerprint:
        raise InputError(
            f"{out}: exists, made of another source, other models or settings; choose a new folder, or move it away",
            "output-exists",
        )
    return provenance


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Make the folder of what is not finished, and keep others out of it while the block lasts.

    The lock lies beside the folder, so that the folder can be removed while it is held, and is open for writing, as NFS
    wants it.

    Raises
    ------
    InputError
        If another process writes there, or the folder cannot be made or locked.
    """
    try:
        for name in (SHARDS, RECORDS, CATALOGUE):
            (work / name).mkdir(parents=True, exist_ok=True)
        lock = open(_lock(work), "a+")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise InputError(f"{work}: cannot be made ({error})", "cannot-write") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{work}: another process writes there; wait for it, or choose another folder") from None
        except OSError as error:
            raise InputError(
                f"{_lock(work)}: cannot be locked here ({error}); expected a file system with locks", "cannot-write"
            ) from None
        yield


def _lock(work: Path) -> Path:
    return work.with_suffix(".lock")


def clear(work: Path) -> None:
    """Remove the folder of what is finished, and then its lock: whoever takes it next finds the answer there."""
    shutil.rmtree(work, ignore_errors=True)  # NFS keeps files that are open
    _lock(work).unlink(missing_ok=True)


def plan(work: Path, fingerprint: str) -> dict[str, Any]:
    """Return what is planned in the folder of what is not finished, or raise InputError if it is something else."""
    path = work / _PLAN
    if not path.is_file():
        return {"fingerprint": fingerprint}
    content: dict[str, Any] = json.loads(path.read_text())
    if content.get("fingerprint") != fingerprint:
        raise InputError(
            f"{work}: was begun with another source, other models or settings; give the command that began it, "
            "or remove the folder"
        )
    return content


def write_plan(work: Path, content: dict[str, Any]) -> None:
    """Write what is planned, besides what was planned before."""
    path = work / _PLAN
    before = json.loads(path.read_text()) if path.is_file() else {}
    with replacing(path) as partial:
        partial.write_text(json.dumps(before | content))


def finish(work: Path, out: Path, rows: dict[tuple[int, int], int], provenance: dict[str, Any]) -> None:
    """Make a HATS catalogue of the partitions, and give it its name.

    Parameters
    ----------
    work, out : pathlib.Path
    rows : dict
        Of each partition, by its pixel.
    provenance : dict
        Written beside the data.
    """
    catalogue = work / CATALOGUE
    partitions = {partition_file(catalogue, pixel) for pixel in rows}
    for path in (catalogue / "dataset").rglob("*"):
        if path.is_file() and path not in partitions:  # of workers that were killed, or of other partitions
            path.unlink()
    for name in ("properties", "hats.properties", "partition_info.csv"):
        (catalogue / name).unlink(missing_ok=True)
    PartitionInfo([HealpixPixel(*pixel) for pixel in rows]).write_to_file(catalog_path=catalogue)
    total = sum(rows.values())
    if (found := write_parquet_metadata(catalogue, create_thumbnail=False)) != total:
        raise RuntimeError(f"{catalogue}: holds {found} objects; expected {total}")
    (catalogue / PROVENANCE).write_text(json.dumps(provenance, indent=1) + "\n")
    about: dict[str, Any] = {
        "catalog_name": out.name,
        "catalog_type": "object",
        "total_rows": total,
        "ra_column": names.RA,
        "dec_column": names.DEC,
        "healpix_column": names.HEALPIX,
        "healpix_order": ORDER,
        "hats_max_rows": max(rows.values()),
        "hats_builder": f"analysis {provenance['code_version']}",
        "prov_progenitor": provenance["catalogue"],
    }
    TableProperties(**about).to_properties_file(catalogue)
    catalogue.rename(out)
    clear(work)
