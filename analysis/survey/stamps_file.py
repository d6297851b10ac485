"""stamps.h5: small images of objects in nanomaggies, quantized below their noise.

Pixels are kept as integers of a step that is a fixed part of each image's own sky noise, with subtractive dither, as
tile-compressed FITS images are (Pence et al. 2010, PASP 122, 1065; FITS standard 4.0, section 10.2): faint fluxes stay
unbiased, and the variance of the noise grows by less than 5%.

Datasets, all with one row per object: /stamps (n, 5, ny, nx) int32, /object_id (n,), /psf_fwhm (n, 5) in arcsec,
/sky_noise (n, 5) in nanomaggies per pixel. Attributes: bands, pixel_scale (arcsec), step (in units of the sky noise),
zero (the integer of no flux, positive so that the upper bytes of the sky's are all zero: 8% smaller, measured).

Each compressed chunk has a checksum (Fletcher's, of HDF5): zstd alone would turn some damage into other pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import hdf5plugin
import numpy as np

from analysis.errors import InputError
from analysis.hdf5 import Disk, link_fault
from analysis.survey.schema import BANDS

FloatArray = np.ndarray

PIXEL_SCALE = 0.396  # arcsec, of SDSS's camera
SIDE = 44  # pixels
STEP = 0.75  # of the sky noise: adds STEP^2 / 12 = 4.7% to its variance
ZERO = 128
CHUNK = 32  # stamps compressed together
_LARGEST = 2.0**30  # integers: well inside 32 bits
_PER_OBJECT = ("psf_fwhm", "sky_noise")


@dataclass(frozen=True)
class Stamps:
    """Images of n objects in ugriz.

    Attributes
    ----------
    pixels : ndarray of float32 (n, 5, ny, nx)
        Nanomaggies, sky subtracted.
    object_id : ndarray of int64 (n,)
    psf_fwhm : ndarray of float32 (n, 5)
        Arcsec.
    sky_noise : ndarray of float32 (n, 5)
        Standard deviation of one pixel's sky, nanomaggies.
    """

    pixels: FloatArray
    object_id: np.ndarray
    psf_fwhm: FloatArray
    sky_noise: FloatArray


@cache
def _uniforms() -> FloatArray:
    """Return the FITS standard's 10,000 uniform numbers (appendix I): the same in all versions of all libraries."""
    values, seed = np.empty(10_000), 1
    for k in range(len(values)):
        seed = 16807 * seed % 2147483647
        values[k] = seed / 2147483647
    assert seed == 1043618065  # as the standard says
    return values


def _dither(object_id: np.ndarray, pixels: int) -> FloatArray:
    """Return dither in (-0.5, 0.5) for each pixel of each object: (n, pixels)."""
    start = (object_id.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(len(_uniforms()))  # apart for nearby ids
    return np.take(_uniforms(), start.astype(int)[:, None] + np.arange(pixels), mode="wrap") - 0.5


def quantize(pixels: FloatArray, object_id: np.ndarray, sky_noise: FloatArray) -> np.ndarray:
    """Turn pixels (n, 5, ny, nx) into integers in steps of `STEP` times the sky noise (n, 5)."""
    dither = _dither(object_id, int(np.prod(pixels.shape[1:]))).reshape(pixels.shape)
    return np.rint(pixels / (STEP * sky_noise[:, :, None, None]) + dither).astype(np.int32) + ZERO


def restore(
    integers: np.ndarray, object_id: np.ndarray, sky_noise: FloatArray, step: float = STEP, zero: int = ZERO
) -> FloatArray:
    """Turn the integers of `quantize` back into nanomaggies, float32."""
    dither = _dither(object_id, int(np.prod(integers.shape[1:]))).reshape(integers.shape)
    return ((integers - zero - dither) * (step * sky_noise[:, :, None, None])).astype(np.float32)


class StampsWriter:
    """Writes stamps.h5 batch by batch; use as a context manager, on a path that is renamed when all is done.

    Parameters
    ----------
    path : pathlib.Path
    shape : (int, int)
        ny, nx.
    pixel_scale : float
        Arcsec.
    """

    def __init__(self, path: Path, shape: tuple[int, int] = (SIDE, SIDE), pixel_scale: float = PIXEL_SCALE) -> None:
        self._disk = Disk(path)
        self._file = h5py.File(self._disk, "w", track_order=False, libver="v110")
        self._file.attrs.update({"bands": "".join(BANDS), "pixel_scale": pixel_scale, "step": STEP, "zero": ZERO})
        size = (len(BANDS), *shape)
        self._make("stamps", size, np.int32, CHUNK, hdf5plugin.Zstd(clevel=12))
        self._make("object_id", (), np.int64, 4096, hdf5plugin.Zstd())
        for name in _PER_OBJECT:
            self._make(name, (len(BANDS),), np.float32, 4096, hdf5plugin.Zstd())

    def _make(self, name: str, size: tuple[int, ...], dtype: type, chunk: int, compression: object) -> None:
        unlimited = (None, *size)
        self._file.create_dataset(
            name,
            (0, *size),
            dtype,
            maxshape=unlimited,
            chunks=(chunk, *size),
            compression=compression,
            shuffle=True,
            fletcher32=True,
        )

    def append(self, stamps: Stamps) -> None:
        """Add stamps after those that are there; quickest in multiples of `CHUNK`.

        Raises
        ------
        InputError
            If a pixel cannot be a number of steps of the sky noise: it is NaN or infinite, or the noise is not above 0.
        """
        noise = stamps.sky_noise.astype(np.float32)  # as stored, so that reading undoes writing
        possible = np.abs(stamps.pixels).max((1, 2, 3)) < _LARGEST * STEP * noise.min(1)  # no NaN is less than anything
        if not possible.all():
            where = f"stamp of object {stamps.object_id[~possible][0]}"
            raise InputError(f"{where}: expected finite pixels and a sky noise above 0 in every band", "bad-pixels")
        columns = {
            "stamps": quantize(stamps.pixels, stamps.object_id, noise),
            "object_id": stamps.object_id,
            "psf_fwhm": stamps.psf_fwhm,
            "sky_noise": noise,
        }
        for name, values in columns.items():
            self._extend(name, values)
        self._disk.check()

    def append_file(self, path: Path) -> None:
        """Add the stamps of another file of the same shape as they are, compressed chunk by compressed chunk.

        What is there must be a multiple of `CHUNK`.
        """
        with _open(path) as other:
            pixels, dataset = other["stamps"], self._file["stamps"]
            before = len(dataset)
            assert before % CHUNK == 0 and pixels.shape[1:] == dataset.shape[1:]
            dataset.resize(before + len(pixels), axis=0)
            for start in range(0, len(pixels), CHUNK):
                mask, chunk = pixels.id.read_direct_chunk((start, 0, 0, 0))
                dataset.id.write_direct_chunk((before + start, 0, 0, 0), chunk, mask)
            for name in ("object_id", *_PER_OBJECT):
                self._extend(name, other[name][:])
        self._disk.check()

    def _extend(self, name: str, values: np.ndarray) -> None:
        dataset = self._file[name]
        before = len(dataset)
        dataset.resize(before + len(values), axis=0)
        dataset[before:] = values

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._disk.close()
        if error is None:
            self._disk.check()


def _open(path: Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error})", "damaged-file") from None
    if fault := link_fault(file):
        file.close()
        raise InputError(f"{path}: {fault}", "leads-outside")
    if fault := _layout_fault(file):
        file.close()
        raise InputError(f"{path}: {fault}; expected a stamps file of `survey ingest-stamps`", "stamp-shape")
    return file


def _layout_fault(file: h5py.File) -> str:
    """Say what of the format (see the top) a file breaks; empty if nothing."""
    if missing := sorted({"stamps", "object_id", *_PER_OBJECT} - set(file)):
        return f"no dataset {', '.join(missing)}"
    if missing := sorted({"bands", "pixel_scale", "step", "zero"} - set(file.attrs)):
        return f"no attribute {', '.join(missing)}"
    if file.attrs["bands"] != "".join(BANDS):
        return f"bands {file.attrs['bands']!r} are not {''.join(BANDS)}"
    n, bands = len(file["object_id"]), len(BANDS)
    ny, nx = file["stamps"].shape[2:] if file["stamps"].ndim == 4 else (0, 0)
    shapes = {"stamps": (n, bands, ny, nx), "object_id": (n,), **dict.fromkeys(_PER_OBJECT, (n, bands))}
    for name, shape in shapes.items():
        if file[name].shape != shape or 0 in shape[1:]:
            wanted = f"({n}, {bands}, ny, nx)" if name == "stamps" else shape
            return f"dataset {name} has shape {file[name].shape}, not {wanted}"
    return ""


def read_ids(path: Path) -> np.ndarray:
    """Return the object_id of every stamp, in the file's order."""
    with _open(path) as file:
        return _read_column(file, "object_id", path)


def _read_column(file: h5py.File, name: str, path: Path, rows: slice = slice(None)) -> np.ndarray:
    """Read rows of a dataset with few numbers per object."""
    try:
        return file[name][rows]
    except OSError as error:
        raise InputError(f"{path}: dataset {name} is corrupted ({error})", "damaged-file") from None


@dataclass(frozen=True)
class About:
    """What a stamps file holds beside pixels.

    Attributes
    ----------
    shape : (int, int)
        ny, nx.
    pixel_scale : float
        Arcsec.
    object_id : ndarray of int64 (n,)
    psf_fwhm : ndarray of float32 (n, 5)
        Arcsec; NaN where unknown.
    sky_noise : ndarray of float32 (n, 5)
        Nanomaggies per pixel.
    """

    shape: tuple[int, int]
    pixel_scale: float
    object_id: np.ndarray
    psf_fwhm: FloatArray
    sky_noise: FloatArray


def read_about(path: Path) -> About:
    """Read all of a stamps file but the pixels.

    Raises
    ------
    InputError
        If the file is no stamps file, or corrupted.
    """
    with _open(path) as file:
        columns = {name: _read_column(file, name, path) for name in ("object_id", *_PER_OBJECT)}
        return About(file["stamps"].shape[2:], float(file.attrs["pixel_scale"]), **columns)


def _read_integers(dataset: h5py.Dataset, rows: slice, object_id: np.ndarray, path: Path) -> np.ndarray:
    """Read rows of the pixels; if a chunk is corrupted, say which objects it holds."""
    try:
        return dataset[rows]
    except OSError as error:
        reason = error
    edges = [rows.start, *range((rows.start // CHUNK + 1) * CHUNK, rows.stop, CHUNK), rows.stop]
    for start, stop in pairwise(edges):  # those that were compressed together, until one fails
        try:
            dataset[start:stop]
        except OSError:
            ids = f"{object_id[start - rows.start]} to {object_id[stop - rows.start - 1]}"
            where = f"stamps of objects {ids} (rows {start + 1} to {stop})"
            raise InputError(f"{path}: {where} are corrupted ({reason})", "damaged-file") from None
    raise InputError(f"{path}: stamps cannot be read ({reason})", "damaged-file")


def read_stamps(path: Path, start: int = 0, stop: int | None = None) -> Stamps:
    """Read the stamps of rows start to stop.

    Raises
    ------
    InputError
        If the file is no stamps file, or a chunk is corrupted: the objects in it are named.
    """
    with _open(path) as file:
        rows = slice(start, len(file["object_id"]) if stop is None else stop)
        object_id = _read_column(file, "object_id", path, rows)
        integers = _read_integers(file["stamps"], rows, object_id, path)
        noise, width = (_read_column(file, name, path, rows) for name in ("sky_noise", "psf_fwhm"))
        pixels = restore(integers, object_id, noise, float(file.attrs["step"]), int(file.attrs["zero"]))
        return Stamps(pixels, object_id, width, noise)


def iterate_stamps(path: Path, batch: int = 16 * CHUNK) -> Iterator[Stamps]:
    """Yield all stamps of a file, some at a time."""
    total = len(read_ids(path))
    for start in range(0, total, batch):
        yield read_stamps(path, start, min(start + batch, total))
