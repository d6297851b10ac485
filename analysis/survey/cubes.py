"""Reading cubes of stamps as others keep them: .npy, .npz, HDF5, FITS. Nothing is unpickled.

A cube has four axes: stamp, band, y and x, or stamp, y, x and band. An .npy file holds nothing else; the other kinds
may also hold arrays with one value per stamp (.npz and HDF5: one-dimensional arrays, in HDF5 beside the cube's group;
FITS: columns of the first table with as many rows), which are offered by name.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from analysis.errors import InputError, nearest
from analysis.hdf5 import link_fault
from analysis.survey.arrays import read_arrays
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import read_ids, read_stamps

FloatArray = np.ndarray

CUBE_NAMES = ("stamps", "images", "pixels", "cutouts", "data")  # looked for in this order
PER_BAND = ("psf_fwhm", "sky_noise")  # the only arrays (n, 5) that mean something here
AXES = {"nbyx": 1, "nyxb": 3}  # order of the axes, and which of them is the band


@dataclass
class Cube:
    """Stamps in a file, read when asked for.

    Attributes
    ----------
    source : str
        The file, and the array in it.
    shape : tuple of int
        (n, 5, ny, nx), whatever the order in the file.
    read : callable
        `read(rows)` returns the raw pixels (m, 5, ny, nx) of a slice of rows, bands in the order of ugriz.
    columns : dict
        Name to array with one row per stamp: (n,), and (n, 5) for `psf_fwhm` and `sky_noise`.
    """

    source: str
    shape: tuple[int, ...]
    read: Callable[[slice], FloatArray]
    columns: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.shape[0]


def open_cube(path: Path, dataset: str | None = None, bands: str = "ugriz", axes: str | None = None) -> Cube:
    """Open a file of stamps.

    Parameters
    ----------
    path : pathlib.Path
        .npy, .npz, HDF5 or FITS, told by its first bytes.
    dataset : str, optional
        The array of the pixels: its name in .npz and HDF5, the extension (name or number) in FITS. Guessed where one
        array only has four axes, or one is called as in `CUBE_NAMES`.
    bands : str
        The order of the bands in the file.
    axes : str, optional
        'nbyx' or 'nyxb'. Guessed where one of the two axes only has five entries.

    Raises
    ------
    InputError
        If it cannot be read, or is no cube of stamps in five bands.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file", "no-such-file")
    if sorted(bands) != sorted(BANDS):
        raise InputError(
            f"bands {bands!r}; expected the letters u, g, r, i and z, in the order of the file", "setting-value"
        )
    with open(path, "rb") as file:
        start = file.read(10)
    try:
        arrays = _arrays(path, start)
    except InputError:
        raise
    except Exception as error:  # whatever h5py and astropy make of a damaged file
        raise InputError(
            f"{path}: cannot be read; is it cut short, or does it hold objects? ({error})", "damaged-file"
        ) from None
    if arrays is None:
        return _open_stamps_file(path)
    name = _cube_name(arrays, dataset, str(path))
    source = f"{path} [{name}]" if name else str(path)
    read, shape = _reader(arrays[name], bands, axes, source)
    return Cube(source, shape, read, _columns(arrays, name, shape[0], str(path)))


def _arrays(path: Path, start: bytes) -> dict[str, Any] | None:
    """Return the arrays of a file by name, read later where that is possible; None for a stamps.h5 of this project."""
    if start.startswith(b"\x89HDF"):
        file = h5py.File(path, "r")
        if fault := link_fault(file):
            raise InputError(f"{path}: {fault}", "leads-outside")
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        return None if "step" in file.attrs and "stamps" in found else found
    if start.startswith((b"\x93NUMPY", b"PK")):
        return read_arrays(path)
    if start.startswith((b"SIMPLE  =", b"\x1f\x8b", b"BZh")):
        return _open_fits(path)
    raise InputError(f"{path}: of no known kind; expected .npy, .npz, HDF5 or FITS", "damaged-file")


def _open_stamps_file(path: Path) -> Cube:
    """Open a stamps.h5 of this project, whose integers are no fluxes before they are restored."""
    object_id = read_ids(path)
    first = read_stamps(path, 0, 1)
    with h5py.File(path, "r") as file:
        columns = {"object_id": object_id} | {name: file[name][:] for name in PER_BAND}
    shape = (len(object_id), *first.pixels.shape[1:])
    return Cube(str(path), shape, lambda rows: read_stamps(path, rows.start, rows.stop).pixels, columns)


def _open_fits(path: Path) -> dict[str, Any]:
    """Return images by name and number of their extension, and the columns of tables."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings(), fits.open(path, memmap=True) as units:
        warnings.simplefilter("ignore", AstropyWarning)  # small sins against the standard are common
        warnings.filterwarnings("error", message="(?s).*(truncated|corrupted)", category=AstropyWarning)
        for number, unit in enumerate(units):
            if isinstance(unit, fits.BinTableHDU) and not isinstance(unit, fits.CompImageHDU):
                for name in unit.columns.names:
                    values = unit.data[name]
                    found.setdefault(name, np.char.strip(values) if values.dtype.kind in "SU" else values)
            elif unit.data is not None:
                found[unit.name if unit.name and unit.name not in found else str(number)] = unit.data
    return found


def _cube_name(arrays: dict[str, Any], wanted: str | None, source: str) -> str:
    """Return the name of the array that holds the pixels."""
    if wanted is not None:
        by_name = {name.lower(): name for name in arrays}
        if wanted.lower() not in by_name:
            raise InputError(f"{source}: no array {wanted!r}{nearest(wanted, arrays)}", "no-such-part")
        return by_name[wanted.lower()]
    cubes = {name.rpartition("/")[2].lower(): name for name, array in arrays.items() if array.ndim == 4}
    if len(cubes) == 1:
        return next(iter(cubes.values()))
    for name in CUBE_NAMES:
        if name in cubes:
            return cubes[name]
    shapes = ", ".join(f"{name or 'array'} {tuple(array.shape)}" for name, array in arrays.items()) or "nothing"
    raise InputError(
        f"{source}: holds {shapes}; expected one array (n, 5, ny, nx) or (n, ny, nx, 5), or --dataset", "which-table"
    )


def _reader(
    array: Any, bands: str, axes: str | None, source: str
) -> tuple[Callable[[slice], FloatArray], tuple[int, ...]]:
    """Return what reads rows of a cube as (m, 5, ny, nx) in the order of ugriz, and the shape so."""
    shape = tuple(array.shape)
    if len(shape) != 4 or 0 in shape:
        raise InputError(f"{source}: shape {shape}; expected (n, 5, ny, nx) or (n, ny, nx, 5)", "stamp-shape")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{source}: holds {array.dtype}; expected real numbers", "stamp-type")
    possible = [name for name, axis in AXES.items() if shape[axis] == len(BANDS)]
    if axes is None and len(possible) == 2:
        raise InputError(
            f"{source}: shape {shape}: the band may be axis 1 or 3; say which with --axes nbyx or nyxb", "which-axis"
        )
    chosen = axes or (possible[0] if possible else None)
    if chosen is None or chosen not in possible:
        where = f"axis {AXES[chosen]}" if chosen else "axis 1 or 3"
        raise InputError(
            f"{source}: shape {shape}; expected the {len(BANDS)} bands {bands} along {where}", "stamp-shape"
        )
    order = [bands.index(band) for band in BANDS]

    def read(rows: slice) -> FloatArray:
        raw = np.moveaxis(np.asarray(array[rows]), AXES[chosen], 1)
        single = raw.dtype.kind == "f" and raw.dtype.itemsize <= 4
        return raw[:, order].astype(np.float32 if single else np.float64)

    _, ny, nx = (size for axis, size in enumerate(shape) if axis != AXES[chosen])
    return read, (shape[0], len(BANDS), ny, nx)


def _columns(arrays: dict[str, Any], cube: str, n: int, source: str) -> dict[str, np.ndarray]:
    """Return the arrays with one row per stamp that lie beside a cube."""
    group = cube.rpartition("/")[0]
    columns = {}
    for path, array in arrays.items():
        parent, _, name = path.rpartition("/")
        if path == cube or parent != group:
            continue
        if name in PER_BAND and array.shape != (n, len(BANDS)):
            raise InputError(
                f"{source}: array {name!r} of shape {tuple(array.shape)}; expected {(n, len(BANDS))}", "lengths-differ"
            )
        if name in PER_BAND or array.shape == (n,):
            values = np.asarray(array[:])
            # HDF5 keeps text as bytes
            columns[name] = np.array([v.decode() for v in values]) if values.dtype.kind == "O" else values
    return columns
