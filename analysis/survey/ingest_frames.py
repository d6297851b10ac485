"""A local mirror of SDSS frames and lists of positions in, a survey folder with stamps out.

Where the list is SDSS's own of point sources (calibObj), its objects are the STARs, and what sep finds beside them are
the GALAXYs: agreement with these classes is agreement with SDSS's own cut, not with spectra.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress
from scipy.spatial import cKDTree

from analysis.errors import InputError
from analysis.survey import frames
from analysis.survey.catalogue import (
    CATALOGUE,
    STAMPS,
    counts,
    new_folder,
    parquet_writer,
    refuse_existing,
    sha256,
    to_arrow,
    write_provenance,
)
from analysis.survey.frame_photometry import fiber_fluxes, magnitude_columns, psf_fluxes
from analysis.survey.frame_positions import Positions, read_positions, sdss_object_id
from analysis.survey.frame_psf import Psf, detect, measure_psf
from analysis.survey.frames import Cutouts, Field, FieldId
from analysis.survey.schema import BANDS, check_catalogue
from analysis.survey.stamps_file import SIDE, Stamps, StampsWriter

FAINTEST = 21.0  # mag in r: SDSS tells stars from galaxies well to there (Lupton et al. 2001)
OBJECTS_PER_FIELD = 1 << 15  # numbers from here on are ours: SDSS finds fewer objects in a field
_FRAME = re.compile(r"frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits(\.bz2|\.gz)?")
_SAME_OBJECT = 5.0  # pixels (2 arcsec)
_HALO = (16.0, 75.0)  # around a listed star brighter than this in r, no detection is believed within so many pixels
_NOTES = (
    "STAR: in SDSS's list of point sources (calibObj); GALAXY: detected by sep and not in that list, so agreement with "
    "these classes is agreement with SDSS's own cut. psfMag and fiberMag of both are measured on the stamps alike; "
    f"their errors are those of the sky's noise. Objects brighter than r = {FAINTEST:g}. Extinction: of the nearest "
    "listed star."
)
_STAMP_NOTES = (
    "Stamps: all bands resampled by cubic splines onto the r-band grid, the object's position at the centre; sky_noise "
    "is that of a pixel after resampling; psf_fwhm is that of the frame."
)


@dataclass
class _Taken:
    """What is known of the objects so far."""

    tables: list[pd.DataFrame] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    failed_fields: dict[str, str] = field(default_factory=dict)


def find_fields(mirror: Path) -> dict[FieldId, dict[str, Path]]:
    """Find the frames in a folder by their names, in the archive's own layout or any other.

    Returns
    -------
    dict
        Field to {band: path}, in order of run, camera column and field.

    Raises
    ------
    InputError
        If there is none.
    """
    found: dict[FieldId, dict[str, Path]] = {}
    if not Path(mirror).is_dir():
        raise InputError(f"{mirror}: no such folder; expected a mirror of SDSS frames")
    for path in sorted(Path(mirror).rglob("frame-*.fits*")):
        if match := _FRAME.fullmatch(path.name):
            rerun = path.parts[-4] if len(path.parts) > 3 else ""
            run, camcol, number = (int(text) for text in match.group(2, 3, 4))
            name = FieldId(run, camcol, number, int(rerun)) if rerun.isdigit() else FieldId(run, camcol, number)
            found.setdefault(name, {})[match[1]] = path
    if not found:
        raise InputError(f"{mirror}: no frames here; expected files like frame-r-004510-4-0030.fits.bz2")
    return dict(sorted(found.items()))


def ingest_frames(mirror: Path, positions: list[Path], out: Path, skip_bad: bool) -> None:
    """Cut stamps at listed positions from a local mirror of SDSS frames; make a survey folder of them.

    Parameters
    ----------
    mirror : pathlib.Path
        Folder with frames, five bands a field.
    positions : list of pathlib.Path
        calibObj lists of point sources, or tables with ra, dec and other columns of the catalogue.
    out : pathlib.Path
        Survey folder to make; must not exist.
    skip_bad : bool
        Leave out objects of which no stamp can be cut, and fields whose frames cannot be used, and say so in the
        provenance; else they are an error.

    Raises
    ------
    InputError
        Naming the file or object that cannot be used. Nothing has been written then.
    """
    refuse_existing(out)
    if not positions:
        raise InputError(f"{mirror}: no list of positions; expected a calibObj list, or a table with ra and dec")
    lists = [read_positions(path) for path in positions]
    _check_distinct(lists)
    fields = find_fields(mirror)
    taken = _Taken()
    with new_folder(out) as folder:
        with (
            StampsWriter(folder / STAMPS) as writer,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            for name in progress.track(fields, description="fields"):
                try:
                    stamps = list(_stamps_of_field(name, fields[name], lists, taken))
                except InputError as error:
                    if not skip_bad:
                        raise
                    taken.failed_fields[str(name)] = str(error)
                    continue
                for part in stamps:
                    writer.append(part)
        _check_left_out(taken, lists, skip_bad)
        _finish(folder, taken, lists, mirror)


def _check_distinct(lists: list[Positions]) -> None:
    ids = pd.concat([one.table["object_id"] for one in lists], ignore_index=True)
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].iloc[0]
        raise InputError(f"{lists[-1].path}: object_id {repeated} comes twice in the lists; expected each object once")


def _stamps_of_field(name: FieldId, paths: dict[str, Path], lists: list[Positions], taken: _Taken) -> Iterator[Stamps]:
    """Cut the stamps of one field; note the objects, what they are, and those that are too near the edge."""
    if missing := [band for band in BANDS if band not in paths]:
        raise InputError(f"field {name} has no frame in {', '.join(missing)}; expected five, as {min(paths.values())}")
    images = frames.read_field(paths)
    wanted = [objects for one in lists if len(objects := _in_field(one, name, images, taken))]
    listed = [one for one in lists if one.fields is not None]
    if listed:
        wanted.append(_unlisted(name, images, pd.concat([one.table for one in listed], ignore_index=True)))
    if not sum(map(len, wanted)):
        return
    psf = measure_psf(images)
    for objects in wanted:
        cutouts = frames.cut(images, objects["ra"].to_numpy(), objects["dec"].to_numpy())
        kept = objects.iloc[cutouts.kept].reset_index(drop=True)
        ids = objects["object_id"].to_numpy()
        taken.left_out |= {int(ids[row]): f"field {name}: {reason}" for row, reason in cutouts.bad.items()}
        for object_id in kept["object_id"]:
            taken.left_out.pop(int(object_id), None)
        taken.tables.append(_with_magnitudes(kept, cutouts, psf) if listed else kept)
        yield to_stamps(kept["object_id"].to_numpy(), cutouts, psf)
    taken.fields.append(
        {
            "field": str(name),
            "psf_fwhm": [round(float(width), 3) for width in psf.fwhm],
            "psf_stars": psf.stars.tolist(),
            "sha256": {paths[band].name: sha256(paths[band]) for band in BANDS},
        }
    )


def to_stamps(object_id: np.ndarray, cutouts: Cutouts, psf: Psf) -> Stamps:
    """Put ids and PSF to stamps cut from one field."""
    widths = np.broadcast_to(psf.fwhm.astype(np.float32), (len(object_id), len(BANDS)))
    return Stamps(cutouts.pixels, object_id.astype(np.int64), widths, cutouts.sky_noise)


def _in_field(one: Positions, name: FieldId, images: Field, taken: _Taken) -> pd.DataFrame:
    """Return the objects of a list whose stamps are to be cut from a field."""
    rows, columns = images[frames.R].pixels.shape
    x, y = images[frames.R].at(one.table["ra"].to_numpy(), one.table["dec"].to_numpy())
    here = one.of_field(name) & (x > -0.5) & (x < columns - 0.5) & (y > -0.5) & (y < rows - 0.5)
    if one.fields is not None:
        here &= one.table["psfMag_r"] < FAINTEST
    done = pd.concat([table["object_id"] for table in taken.tables]) if taken.tables else []
    return one.table[here & ~one.table["object_id"].isin(done)]


def _unlisted(name: FieldId, images: Field, listed: pd.DataFrame) -> pd.DataFrame:
    """Return what is detected in r and not in a list of point sources: the galaxies.

    Only those whose stamp is whole, in the rows that are this field's and not also the next one's.
    """
    image = images[frames.R]
    found = detect(image)
    x, y = image.at(listed["ra"].to_numpy(), listed["dec"].to_numpy())
    on_this_side = np.isfinite(x) & np.isfinite(y)  # of the sky: a list may cover a whole run
    listed, x, y = listed[on_this_side], x[on_this_side], y[on_this_side]
    away, nearest = cKDTree(np.stack([x, y], axis=1)).query(np.stack([found["x"], found["y"]], axis=1))
    in_halo = np.zeros(len(found), bool)
    for star in np.flatnonzero(listed["psfMag_r"] < _HALO[0]):
        in_halo |= np.hypot(found["x"] - x[star], found["y"] - y[star]) < _HALO[1]
    rows, columns = image.pixels.shape
    margin, overlap = SIDE, frames.OVERLAP // 2
    inside = (found["x"] > margin) & (found["x"] < columns - margin)
    inside &= (found["y"] > overlap) & (found["y"] < rows - overlap)
    good = (away > _SAME_OBJECT) & ~in_halo & inside & (found["flux"] > 10 ** (0.4 * (22.5 - FAINTEST)))
    ra, dec = image.wcs.all_pix2world(found["x"][good], found["y"][good], 0)
    numbers = OBJECTS_PER_FIELD + np.arange(np.count_nonzero(good))
    table = pd.DataFrame({"object_id": sdss_object_id(name, numbers), "ra": ra, "dec": dec, "class": "GALAXY"})
    extinction = listed[[f"extinction_{band}" for band in BANDS]].iloc[nearest[good]].reset_index(drop=True)
    return pd.concat([table, extinction], axis=1)


def _with_magnitudes(objects: pd.DataFrame, cutouts: Cutouts, psf: Psf) -> pd.DataFrame:
    """Put to objects the magnitudes measured on their stamps, in place of a list's own."""
    columns = magnitude_columns("psfMag", *psf_fluxes(cutouts, psf))
    columns |= magnitude_columns("fiberMag", *fiber_fluxes(cutouts, psf))
    return objects.assign(**columns)


def _check_left_out(taken: _Taken, lists: list[Positions], skip_bad: bool) -> None:
    """Note the objects that no frame shows; raise InputError for those without a stamp, unless they may be missing."""
    if not taken.tables or not sum(map(len, taken.tables)):
        raise InputError(f"{lists[0].path}: none of its objects is in the mirror's frames")
    done = pd.concat([table["object_id"] for table in taken.tables])
    for one in lists:
        if one.fields is None:
            for object_id in one.table["object_id"][~one.table["object_id"].isin(done)]:
                taken.left_out.setdefault(int(object_id), "in none of the mirror's frames that can be used")
    if taken.left_out and not skip_bad:
        object_id, reason = next(iter(taken.left_out.items()))
        raise InputError(
            f"object {object_id}: {reason}; no stamp of {len(taken.left_out)} objects (--skip-bad leaves them out)"
        )


def _finish(folder: Path, taken: _Taken, lists: list[Positions], mirror: Path) -> None:
    """Write catalogue and provenance beside the stamps."""
    catalogue = pd.concat(taken.tables, ignore_index=True)
    check_catalogue(catalogue, str(mirror))
    arrow = to_arrow(catalogue)
    with parquet_writer(folder / CATALOGUE, arrow.schema) as writer:
        writer.write_table(arrow)
    by_cut = any(one.fields is not None for one in lists)
    provenance = {
        "kind": "ingested",
        "simulated": False,
        "source": "SDSS frames of a local mirror",
        "licence": "SDSS data are public (https://www.sdss.org/collaboration/citing-sdss)",
        "notes": f"{_NOTES} {_STAMP_NOTES}" if by_cut else _STAMP_NOTES,
        "files": [{"name": one.path.name, "sha256": sha256(one.path), "rows": len(one.table)} for one in lists],
        "fields": taken.fields,
        "failed_fields": taken.failed_fields,
        "left_out": {str(object_id): reason for object_id, reason in taken.left_out.items()},
    }
    write_provenance(folder, provenance, counts(catalogue.get("class"), catalogue.get("redshift"), len(catalogue)))
