"""SDSS frames: one field's calibrated images in five bands, and stamps cut from them.

A frame (`frame-r-004510-4-0030.fits.bz2`, data model "frame" of Data Release 8 and later; Aihara et al. 2011, ApJS 193,
29) holds in HDU 0 the calibrated, sky-subtracted image in nanomaggies with its WCS; HDU 1 (nanomaggies per count, by
column), HDU 2 (the sky that was subtracted, counts) and HDU 3 (astrometric terms) are not needed here. The frames of
a field's bands lie some pixels apart, so that the other bands are resampled onto the grid of r.
"""

import bz2
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sep
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning
from reproject import reproject_interp
from scipy.ndimage import shift

from analysis.errors import InputError
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import SIDE

R = BANDS.index("r")
NANOMAGGY_UNITS = ("nanomaggy", "nanomaggies", "nmgy")
OVERLAP = 128  # rows at the top that the next field has too; half of them are the next one's (its `resolve`)
_SPLINE_MARGIN = 12  # pixels around a stamp, after which a cubic spline knows nothing of an edge (0.27^12)


class FieldId(NamedTuple):
    """Where an image was taken: the names that SDSS gives to runs, camera columns and fields."""

    run: int
    camcol: int
    field: int
    rerun: int = 301

    def __str__(self) -> str:
        return f"{self.run:06d}-{self.camcol}-{self.field:04d}"


@dataclass(frozen=True)
class Frame:
    """One band's image of a field.

    Attributes
    ----------
    source : str
        The file.
    pixels : ndarray of float32 (rows, columns)
        Nanomaggies, sky subtracted.
    wcs : astropy.wcs.WCS
    """

    source: str
    pixels: np.ndarray
    wcs: WCS

    @cached_property
    def sky_noise(self) -> np.ndarray:
        """Standard deviation of the sky in one pixel (rows, columns), nanomaggies: clipped, in meshes of 64 pixels."""
        return sep.Background(self.pixels).rms()

    def at(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y in pixels, counted from 0 at the centre of the first."""
        x, y = self.wcs.all_world2pix(ra, dec, 0)
        return np.asarray(x), np.asarray(y)


Field = Sequence[Frame]  # in the order of BANDS


def read_frame(path: Path) -> Frame:
    """Read one frame, plain or packed with bzip2 or gzip.

    Raises
    ------
    InputError
        If it cannot be read, is cut short, or is no calibrated image with a WCS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FITSFixedWarning)  # RADECSYS, the older name of RADESYS
            with fits.open(path, memmap=False) as hdus:
                header, data = hdus[0].header, hdus[0].data
            wcs = WCS(header)
    except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as a frame; is it cut short? ({error})") from None
    if data is None or data.ndim != 2:
        raise InputError(f"{path}: HDU 0 holds no image; expected the calibrated image of a field")
    unit = str(header.get("BUNIT", "")).strip().lower()
    if unit not in NANOMAGGY_UNITS:
        raise InputError(f"{path}: BUNIT is {unit!r}; expected nanomaggy")
    if not wcs.has_celestial:
        raise InputError(f"{path}: no celestial WCS in its header; expected RA---TAN, DEC--TAN")
    if not np.isfinite(data).all():
        row, column = np.argwhere(~np.isfinite(data))[0]
        raise InputError(f"{path}: row {row}, column {column} is {data[row, column]}; expected nanomaggies")
    return Frame(str(path), np.ascontiguousarray(data, dtype=np.float32), wcs)


def read_field(paths: Mapping[str, Path]) -> list[Frame]:
    """Read the five frames of a field, given by band."""
    return [read_frame(paths[band]) for band in BANDS]


def check_packed_frame(content: bytes) -> None:
    """Raise ValueError unless bytes are a whole FITS file packed with bzip2."""
    if not content.startswith(b"BZh"):
        raise ValueError(f"no bzip2 file but {content[:40]!r}")
    try:
        plain = bz2.decompress(content)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"bzip2 file cut short or damaged ({error})") from None
    if not plain.startswith(b"SIMPLE  ="):
        raise ValueError("no FITS file in the bzip2 file")


def noise_after_shift(fraction: float) -> float:
    """Return the standard deviation of unit white noise after a shift along one axis by cubic splines.

    Interpolation between pixels averages them, so that the noise of a pixel falls (to 0.87 half-way between two
    pixels, per axis) while neighbours become correlated: that of a sum over many pixels stays.
    """
    impulse = np.zeros(4 * _SPLINE_MARGIN + 1)
    impulse[2 * _SPLINE_MARGIN] = 1
    return float(np.sqrt(np.sum(shift(impulse, fraction % 1, order=3) ** 2)))


@dataclass(frozen=True)
class Cutouts:
    """Stamps of objects in one field, before they have a PSF.

    Attributes
    ----------
    pixels : ndarray of float32 (n, 5, SIDE, SIDE)
        Nanomaggies per pixel of the r band; the object's position is the centre, x = y = (SIDE - 1) / 2.
    sky_noise : ndarray of float32 (n, 5)
        Standard deviation of one pixel of these stamps, nanomaggies; pixels are correlated by the resampling.
    native_noise : ndarray of float32 (n, 5)
        That of the frame, where pixels are independent: the one for the error of a flux.
    kept : ndarray of int
        Rows of the positions that were asked for.
    bad : dict of int to str
        The other rows, and why there is no stamp.
    """

    pixels: np.ndarray
    sky_noise: np.ndarray
    native_noise: np.ndarray
    kept: np.ndarray
    bad: dict[int, str]


def cut(field: Field, ra: np.ndarray, dec: np.ndarray) -> Cutouts:
    """Cut stamps at positions, all bands on the r-band grid shifted so that each object is at the centre.

    Each band is interpolated once, by cubic splines (`reproject`): they keep the PSF and the flux, where a bilinear
    interpolation would blur. The sky noise is that of the frame at the object (sigma-clipped), times what the spline
    makes of white noise at this sub-pixel shift (`noise_after_shift`).

    Parameters
    ----------
    field : sequence of Frame
        In the order of BANDS.
    ra, dec : ndarray (n,)
        Degrees.
    """
    stamps, noises, natives, kept, bad = [], [], [], [], {}
    places = [frame.at(ra, dec) for frame in field]
    for row in range(len(ra)):
        here = [(float(x[row]), float(y[row])) for x, y in places]
        target = _grid_around(field[R].wcs, *here[R])
        images = [_resampled(frame, x, y, target) for frame, (x, y) in zip(field, here, strict=True)]
        outside = "".join(band for band, image in zip(BANDS, images, strict=True) if not np.isfinite(image).all())
        if outside:
            bad[row] = f"less than half a stamp ({SIDE // 2} pixels) from the edge of the frame in {outside}"
            continue
        native = [frame.sky_noise[round(y), round(x)] for frame, (x, y) in zip(field, here, strict=True)]
        half = (SIDE - 1) / 2
        smoothing = [noise_after_shift(x - half) * noise_after_shift(y - half) for x, y in here]
        stamps.append(np.stack(images))
        natives.append(native)
        noises.append(np.multiply(native, smoothing))
        kept.append(row)
    return Cutouts(
        np.asarray(stamps, np.float32).reshape(-1, len(BANDS), SIDE, SIDE),
        np.asarray(noises, np.float32).reshape(-1, len(BANDS)),
        np.asarray(natives, np.float32).reshape(-1, len(BANDS)),
        np.asarray(kept, int),
        bad,
    )


def _grid_around(wcs: WCS, x: float, y: float) -> WCS:
    """Return the WCS of a stamp: the frame's own, its origin moved so that (x, y) is the centre."""
    grid = wcs.deepcopy()
    grid.wcs.crpix -= np.array([x, y]) - (SIDE - 1) / 2
    grid.array_shape = (SIDE, SIDE)
    return grid


def _resampled(frame: Frame, x: float, y: float, target: WCS) -> np.ndarray:
    """Interpolate the part of a frame around (x, y) onto a stamp's grid; NaN outside the frame."""
    if not (np.isfinite(x) and np.isfinite(y)):
        return np.full((SIDE, SIDE), np.nan)
    half = SIDE // 2 + _SPLINE_MARGIN
    rows, columns = frame.pixels.shape
    top, bottom = np.clip([round(y) - half, round(y) + half + 1], 0, rows)
    left, right = np.clip([round(x) - half, round(x) + half + 1], 0, columns)
    if bottom - top < SIDE or right - left < SIDE:
        return np.full((SIDE, SIDE), np.nan)
    part = frame.wcs[top:bottom, left:right]
    return reproject_interp(
        (frame.pixels[top:bottom, left:right].astype(float), part),
        target,
        shape_out=(SIDE, SIDE),
        order="bicubic",
        return_footprint=False,
        roundtrip_coords=False,
    )
