"""Small frames in the manner of SDSS's: five bands some pixels apart, stars and galaxies of known flux."""

import bz2
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS

from analysis.survey.frames import FieldId
from analysis.survey.schema import BANDS

NAME = FieldId(4510, 4, 30)
SCALE = 0.396 / 3600
OFFSETS = {"u": (3.37, -4.61), "g": (-2.25, 6.5), "r": (0.0, 0.0), "i": (1.5, 2.83), "z": (-4.12, -1.31)}  # pixels
FWHM = {"u": 3.4, "g": 3.2, "r": 3.0, "i": 2.8, "z": 2.9}  # pixels
NOISE = {"u": 0.04, "g": 0.015, "r": 0.023, "i": 0.033, "z": 0.18}  # nanomaggies
COLOURS = {"u": 0.5, "g": 0.7, "r": 1.0, "i": 1.2, "z": 1.3}  # flux in units of that in r
BETA = 3.5  # of the Moffat profile
_HALF = 40  # pixels drawn around an object


@dataclass
class FakeField:
    """Frames as packed bytes by band, and the objects in them: ra, dec, x and y in r, flux in r, class."""

    name: FieldId
    frames: dict[str, bytes]
    objects: pd.DataFrame

    def write(self, folder: Path) -> dict[str, Path]:
        """Write the frames in the archive's layout below a folder; return their paths by band."""
        paths = {}
        for band, content in self.frames.items():
            paths[band] = folder / frame_path(self.name, band)
            paths[band].parent.mkdir(parents=True, exist_ok=True)
            paths[band].write_bytes(content)
        return paths


def frame_path(name: FieldId, band: str) -> str:
    run, camcol, field, rerun = name
    folder = f"dr17/eboss/photoObj/frames/{rerun}/{run}/{camcol}"
    return f"{folder}/frame-{band}-{run:06d}-{camcol}-{field:04d}.fits.bz2"


def wcs_of(band: str, shape: tuple[int, int], centre: tuple[float, float]) -> WCS:
    """Return a band's WCS: turned by 80 degrees as SDSS's are, the bands by some hundredths of a degree more."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = np.array([shape[1] / 2, shape[0] / 2]) + OFFSETS[band]
    angle = np.radians(80 + 0.02 * BANDS.index(band))
    wcs.wcs.cd = SCALE * np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    return wcs


def moffat_star(dx: np.ndarray, dy: np.ndarray, fwhm: float) -> np.ndarray:
    """Return a star of flux 1 (in all of the plane)."""
    core = fwhm / (2 * np.sqrt(2 ** (1 / BETA) - 1))
    return (BETA - 1) / (np.pi * core**2) * (1 + (dx**2 + dy**2) / core**2) ** -BETA


def galaxy(dx: np.ndarray, dy: np.ndarray, fwhm: float) -> np.ndarray:
    """Return an elliptical Gaussian of flux 1, much wider than a star."""
    a, b = 2.2 * fwhm / 2.355, 1.6 * fwhm / 2.355
    return np.exp(-(dx**2) / (2 * a**2) - dy**2 / (2 * b**2)) / (2 * np.pi * a * b)


def make_field(
    name: FieldId = NAME, seed: int = 1, shape: tuple[int, int] = (460, 420), edge: bool = False
) -> FakeField:
    """Draw a field: objects on a grid, two rows in three of stars; with `edge`, one star at the edge besides."""
    rng = np.random.default_rng([seed, name.run, name.field])
    centre = (150.0 + 0.2 * name.field, 30.0)
    x, y = np.meshgrid(np.arange(60, shape[1] - 50, 55), np.arange(95, shape[0] - 90, 55))
    x = x.ravel() + rng.uniform(-6, 6, x.size)
    y = y.ravel() + rng.uniform(-6, 6, y.size)
    kind = np.where(np.arange(len(x)) % 3 == 2, "GALAXY", "STAR")
    flux = 10 ** rng.uniform(1.2, 2.6, len(x))  # r from 16 to 19.5
    if edge:
        x, y, kind, flux = np.append(x, 8.0), np.append(y, 200.0), np.append(kind, "STAR"), np.append(flux, 50.0)
    ra, dec = wcs_of("r", shape, centre).all_pix2world(x, y, 0)
    objects = pd.DataFrame({"ra": ra, "dec": dec, "x": x, "y": y, "flux": flux, "class": kind})
    frames = {band: bz2.compress(_frame(band, shape, centre, objects, rng)) for band in BANDS}
    return FakeField(name, frames, objects)


def _frame(
    band: str, shape: tuple[int, int], centre: tuple[float, float], objects: pd.DataFrame, rng: np.random.Generator
) -> bytes:
    wcs = wcs_of(band, shape, centre)
    pixels = rng.normal(0, NOISE[band], shape)
    xs, ys = wcs.all_world2pix(objects["ra"], objects["dec"], 0)
    rows, columns = np.indices(shape)
    for x, y, flux, kind in zip(xs, ys, objects["flux"], objects["class"], strict=True):
        part = np.s_[max(int(y) - _HALF, 0) : int(y) + _HALF, max(int(x) - _HALF, 0) : int(x) + _HALF]
        profile = moffat_star if kind == "STAR" else galaxy
        pixels[part] += flux * COLOURS[band] * profile(columns[part] - x, rows[part] - y, FWHM[band])
    header = wcs.to_header()
    header["BUNIT"] = "nanomaggy"
    content = io.BytesIO()
    fits.PrimaryHDU(pixels.astype(np.float32), header).writeto(content)
    return content.getvalue()
