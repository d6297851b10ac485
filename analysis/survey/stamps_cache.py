"""Stamps scaled once for training: a folder of memory-mapped arrays, made from a survey's stamps.h5.

A cache holds pixels.npy, float16 (n, ny, nx, 5): asinh(f / 2b) of the extinction-corrected flux, bands last as
channels-last tensors have them; object_id.npy (n,); about.json. Reading one takes NumPy alone, so that a bare machine
with PyTorch can train from a copied folder.

Half precision is enough: a value x is kept to x / 2048, so that flux is uncertain by less than 0.2% in the cores of
stars at the limit of saturation (x = 8), where photon noise per pixel is larger, and the sky noise (0.1 in x) is kept
to 1e-4. It halves the size, and loading is faster (`bench stamps`).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis import paths
from analysis.errors import InputError
from analysis.survey.luptitudes import SDSS_SOFTENING, asinh_scaled

FloatArray = np.ndarray

PIXELS, IDS, ABOUT = "pixels.npy", "object_id.npy", "about.json"
FOLDER = paths.MODELS / "stamps"
_LAYOUT = 1  # a cache of another layout is another cache


@dataclass(frozen=True)
class Scaling:
    """How stamps are scaled.

    Attributes
    ----------
    softening : tuple of float
        b of each band in ugriz, nanomaggies. SDSS's own by default and not the sky noise of a survey at hand: a flux
        is then the same number in every survey, mock or real, and a network trained on one can be used on another.
    extinction : bool
        Whether flux is corrected for Galactic extinction, by 10^(0.4 A) with the catalogue's A of object and band.
        A survey without these columns is taken to be corrected, or not, already.
    """

    softening: tuple[float, ...] = SDSS_SOFTENING
    extinction: bool = True


@dataclass(frozen=True)
class StampCache:
    """A cache that is open.

    Attributes
    ----------
    pixels : ndarray of float16 (n, ny, nx, 5)
        Memory-mapped; changes stay in memory.
    object_id : ndarray of int64 (n,)
    about : dict
        Scaling, whether extinction was corrected, checksum of the stamps.
    """

    pixels: FloatArray
    object_id: np.ndarray
    about: dict[str, Any]


def open_cache(folder: Path) -> StampCache:
    """Open a cache that `scaled_stamps` made.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    try:
        about = json.loads((folder / ABOUT).read_text())
        object_id = np.load(folder / IDS, allow_pickle=False)
        pixels = np.load(folder / PIXELS, mmap_mode="c", allow_pickle=False)  # "c": torch wants to be able to write
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no cache of stamps ({error})") from None
    return StampCache(pixels, object_id, about)


def scaled_stamps(survey: Path, scaling: Scaling | None = None, folder: Path = FOLDER) -> StampCache:
    """Open the scaled stamps of a survey, from the cache where they are there already.

    Parameters
    ----------
    survey : pathlib.Path
        With catalogue.parquet and stamps.h5.
    scaling : Scaling, optional
    folder : pathlib.Path
        Of caches; each has a name of its own, made of the checksum of stamps and extinction and of the scaling.

    Raises
    ------
    InputError
        If the survey has no stamps, or they have a NaN, no row in the catalogue or no extinction: the object is named.
    """
    from analysis.survey.catalogue import STAMPS, new_folder, sha256
    from analysis.survey.stamps_file import read_ids

    scaling = scaling or Scaling()
    stamps = survey / STAMPS
    if not stamps.is_file():
        raise InputError(f"{survey}: no {STAMPS}: this survey has no stamps")
    object_id = read_ids(stamps)
    extinction = _extinction(survey, object_id) if scaling.extinction else None
    about = {"layout": _LAYOUT, "stamps_sha256": sha256(stamps), "scaling": asdict(scaling)}
    about["extinction_sha256"] = None if extinction is None else hashlib.sha256(extinction.tobytes()).hexdigest()
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    cache = folder / key
    if not cache.exists():
        try:
            with new_folder(cache) as partial:
                _build(stamps, object_id, extinction, scaling, partial)
                (partial / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
        except OSError:
            if not cache.exists():  # else another process was quicker, with the same result
                raise
    return open_cache(cache)


def _extinction(survey: Path, object_id: np.ndarray) -> FloatArray | None:
    """Return the extinction (n, 5) in magnitudes of the objects with stamps, None where the survey has no columns."""
    from analysis.survey.catalogue import CATALOGUE, read_catalogue
    from analysis.survey.schema import BANDS

    columns = [f"extinction_{band}" for band in BANDS]
    table = read_catalogue(survey, ["object_id", *columns]).set_index("object_id")
    unknown = ~np.isin(object_id, table.index)
    if unknown.any():
        raise InputError(f"{survey}: stamp of object {object_id[unknown][0]} without a row in {CATALOGUE}")
    if not set(columns) <= set(table):
        return None
    values = table.loc[object_id, columns].to_numpy(np.float64)
    missing = np.isnan(values)
    if missing.any():
        row, band = np.argwhere(missing)[0]
        where = f"{survey / CATALOGUE}: object {object_id[row]}, column {columns[band]!r}"
        raise InputError(f"{where}: null; expected a value for every object with a stamp")
    return values


def _build(stamps: Path, object_id: np.ndarray, extinction: FloatArray | None, scaling: Scaling, folder: Path) -> None:
    """Scale all stamps into the arrays of a cache."""
    from rich.console import Console
    from rich.progress import track

    from analysis.survey.stamps_file import iterate_stamps, read_stamps

    _, bands, ny, nx = read_stamps(stamps, 0, 1).pixels.shape
    shape = (len(object_id), ny, nx, bands)
    pixels = np.lib.format.open_memmap(folder / PIXELS, "w+", np.float16, shape)
    console, start, batch = Console(stderr=True), 0, 512
    for part in track(
        iterate_stamps(stamps, batch),
        "scaling stamps",
        total=-(-len(object_id) // batch),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        flux, rows = part.pixels, slice(start, start + len(part.pixels))
        if not (finite := np.isfinite(flux).all((1, 2, 3))).all():
            raise InputError(f"{stamps}: stamp of object {part.object_id[~finite][0]} has a pixel that is no number")
        if extinction is not None:
            flux = flux * 10 ** (0.4 * extinction[rows, :, None, None])
        pixels[rows] = np.moveaxis(asinh_scaled(flux, scaling.softening), 1, -1)
        start = rows.stop
    pixels.flush()
    np.save(folder / IDS, object_id, allow_pickle=False)
