"""SDSS's spectroscopic sample with stamps, as a survey folder: what `survey sdss` does, step by step."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from analysis.errors import InputError
from analysis.survey import frames
from analysis.survey.catalogue import (
    CATALOGUE,
    STAMPS,
    counts,
    new_folder,
    parquet_writer,
    refuse_existing,
    to_arrow,
    write_provenance,
)
from analysis.survey.frame_psf import measure_psf
from analysis.survey.frames import FieldId
from analysis.survey.readers import RawTable
from analysis.survey.schema import BANDS, check_catalogue
from analysis.survey.sdss.archive import Archive, FetchError
from analysis.survey.sdss.query import FIELD_COLUMNS, page_query
from analysis.survey.sdss.rows import check_page, join_pages, object_ids, read_page
from analysis.survey.sdss.work import Work
from analysis.survey.stamps_file import Stamps, StampsWriter

FIELD_MEGABYTES = 16  # five frames, packed
OUTAGE = 3  # fields in a row that fail for a reason that may pass: then the archive is down, not the fields
_NOTES = (
    "SDSS objects with a spectrum fitted without warning and clean photometry, in order of objID, so field by field. "
    "Stamps: all bands resampled by cubic splines onto the r-band grid, the object's position at the centre; sky_noise "
    "is that of a pixel after resampling; psf_fwhm is measured on the point sources of the frame."
)


@dataclass(frozen=True)
class Request:
    """What is wanted.

    Attributes
    ----------
    limit : int
        At most so many objects; the last field is used as far as this reaches.
    out : pathlib.Path
        Survey folder to make; must not exist.
    where : str
        A further condition in SQL.
    page : int
        Objects in one answer.
    resume : bool
        Continue an earlier download of the same.
    keep_frames : bool
        Leave the frames in the working folder beside `out`, as a mirror; else they go once their stamps are cut.
    """

    limit: int
    out: Path
    where: str = ""
    page: int = 1000
    resume: bool = False
    keep_frames: bool = False

    @property
    def working_folder(self) -> Path:
        return self.out.with_name(f"{self.out.name}.download")


def download(request: Request, archive: Archive, console: Console | None = None) -> None:
    """Fetch a sample and make a survey folder of it.

    Parameters
    ----------
    request : Request
    archive : Archive
    console : rich.console.Console, optional
        Where to say how it goes; standard error by default.

    Raises
    ------
    InputError
        If the folder exists, nothing is found, or the archive does not answer: what has been fetched is kept, and
        `resume` continues.
    """
    console = console or Console(stderr=True)
    refuse_existing(request.out)
    settings = {"release": archive.release, "limit": request.limit, "query": page_query(request.page, 0, request.where)}
    work = Work(request.working_folder, settings, request.resume)
    objects, nulls = join_pages(_fetch_pages(request, archive, work, console))
    objects = objects.head(request.limit)
    keys = list(FIELD_COLUMNS)
    fields = {FieldId(*group[keys].iloc[0].tolist()): group for _, group in objects.groupby(keys)}
    _announce(objects, fields, work, console)
    failed = _fetch_fields(fields, archive, work, request.keep_frames, console)
    _finish(request, archive, objects, nulls, fields, failed, work)
    _report(failed, fields, console)
    if not request.keep_frames:
        work.remove()


def _fetch_pages(request: Request, archive: Archive, work: Work, console: Console) -> list[RawTable]:
    """Return all pages of the query."""
    pages = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("objects", total=request.limit)
        for page in _pages(request, archive, work):
            pages.append(page)
            progress.advance(task, len(page))
    return pages


def _pages(request: Request, archive: Archive, work: Work) -> Iterator[RawTable]:
    """Yield the pages of the query, from the working folder where they are there; the last one may be empty."""
    after, have, number = 0, 0, 0
    while have < request.limit:
        name = f"pages/{number:05d}.csv"
        if not work.has(name):
            sql = page_query(min(request.page, request.limit - have), after, request.where)
            work.write(name, archive.query(sql, check_page))
        page = read_page(work.read(name))
        ids = object_ids(page)
        if not (ids > after).any():  # empty, or a server that sends the same again
            return
        yield page
        after, have, number = int(ids.max()), have + len(np.unique(ids)), number + 1


def _announce(objects: pd.DataFrame, fields: dict[FieldId, Any], work: Work, console: Console) -> None:
    """Print how much there is to fetch, before it is fetched."""
    lacking = sum(not work.has(_stamps_name(name)) for name in fields)
    console.print(
        f"{len(objects):,} objects in {len(fields):,} fields; {lacking:,} fields to fetch, "
        f"{5 * lacking:,} frames, about {FIELD_MEGABYTES * lacking:,} MB",
        highlight=False,
    )


def _stamps_name(name: FieldId) -> str:
    return f"stamps/{name}.npz"


def _fetch_fields(
    fields: dict[FieldId, pd.DataFrame], archive: Archive, work: Work, keep_frames: bool, console: Console
) -> dict[FieldId, str]:
    """Make the stamps of each field that are not there yet; return the fields that cannot be had, and why."""
    failed: dict[FieldId, str] = {}
    outage = 0
    with Progress(console=console, transient=True) as progress:
        for name in progress.track(fields, description="fields"):
            if work.has(_stamps_name(name)):
                continue
            try:
                _fetch_field(name, fields[name], archive, work, keep_frames)
                outage = 0
            except FetchError as error:
                failed[name] = str(error)
                outage = 0 if error.absent else outage + 1
                if outage == OUTAGE:
                    raise InputError(f"{error}: {OUTAGE} fields in a row; try again later with --resume") from None
            except InputError as error:  # the frames are there, but cannot be used
                failed[name] = str(error)
    return failed


def _frame_name(archive: Archive, name: FieldId, band: str) -> str:
    return f"frames/{archive.frame_path(name, band)}"


def _fetch_field(name: FieldId, objects: pd.DataFrame, archive: Archive, work: Work, keep_frames: bool) -> None:
    """Fetch the five frames of a field, each once, and cut the stamps of its objects."""
    paths = {}
    for band in BANDS:
        frame = _frame_name(archive, name, band)
        if not work.has(frame):
            work.write(frame, archive.frame(name, band))
        paths[band] = work.folder / frame
    images = frames.read_field(paths)
    psf = measure_psf(images)
    cutouts = frames.cut(images, objects["ra"].to_numpy(), objects["dec"].to_numpy())
    ids = objects["object_id"].to_numpy(np.int64)
    left_out = {str(ids[row]): reason for row, reason in cutouts.bad.items()}
    content = io.BytesIO()
    np.savez_compressed(
        content,
        pixels=cutouts.pixels,
        object_id=ids[cutouts.kept],
        psf_fwhm=np.broadcast_to(psf.fwhm, (len(cutouts.kept), len(BANDS))),
        sky_noise=cutouts.sky_noise,
        left_out=json.dumps(left_out),
    )
    work.write(_stamps_name(name), content.getvalue())
    if not keep_frames:
        for band in BANDS:
            work.drop(_frame_name(archive, name, band))


def _read_stamps(work: Work, name: FieldId) -> tuple[Stamps, dict[str, str]]:
    with np.load(io.BytesIO(work.read(_stamps_name(name))), allow_pickle=False) as file:
        stamps = Stamps(*(file[key] for key in ("pixels", "object_id", "psf_fwhm", "sky_noise")))
        return stamps, json.loads(str(file["left_out"]))


def _finish(
    request: Request,
    archive: Archive,
    objects: pd.DataFrame,
    nulls: Mapping[str, Any],
    fields: Mapping[FieldId, pd.DataFrame],
    failed: Mapping[FieldId, str],
    work: Work,
) -> None:
    """Write the survey folder: catalogue, stamps of all fields that could be had, provenance."""
    catalogue = objects.drop(columns=list(FIELD_COLUMNS))
    check_catalogue(catalogue, "SkyServer")
    with new_folder(request.out) as folder:
        arrow = to_arrow(catalogue)
        with parquet_writer(folder / CATALOGUE, arrow.schema) as writer:
            writer.write_table(arrow)
        stamped, left_out = _write_stamps(folder / STAMPS, [name for name in fields if name not in failed], work)
        provenance = {
            "kind": "sdss",
            "simulated": False,
            "source": f"SDSS Data Release {archive.release}: {archive.skyserver} and {archive.sas}",
            "licence": "SDSS data are public (https://www.sdss.org/collaboration/citing-sdss)",
            "notes": _NOTES,
            "query": page_query(request.page, 0, request.where),
            "limit": request.limit,
            "nulls": nulls,
            "fields": len(fields),
            "stamps": stamped,
            "failed_fields": {
                str(name): {"reason": reason, "object_id": fields[name]["object_id"].tolist()}
                for name, reason in failed.items()
            },
            "left_out": left_out,  # objects without a stamp, though their field is there
            "fetched": {name: work.ledger[name] for name in sorted(work.ledger) if not name.startswith("stamps/")},
        }
        write_provenance(folder, provenance, counts(catalogue["class"], catalogue["redshift"], len(catalogue)))


def _write_stamps(path: Path, names: list[FieldId], work: Work) -> tuple[int, dict[str, str]]:
    """Put the stamps of fields into one file, none if there are none; return how many, and the objects without."""
    stamped = 0
    left_out: dict[str, str] = {}
    with StampsWriter(path) as writer:
        for name in names:
            stamps, without = _read_stamps(work, name)
            writer.append(stamps)
            stamped += len(stamps.object_id)
            left_out |= without
    if not stamped:
        path.unlink()
    return stamped, left_out


def _report(failed: dict[FieldId, str], fields: dict[FieldId, pd.DataFrame], console: Console) -> None:
    """Print the fields that could not be had, and their objects."""
    for name, reason in failed.items():
        ids = ", ".join(map(str, fields[name]["object_id"]))
        console.print(f"no stamps of field {name}: {reason}; objects {ids}", highlight=False, soft_wrap=True)
