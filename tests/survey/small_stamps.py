"""A survey of a few objects with stamps, for tests: drawn with GalSim, with magnitudes that are known."""

from pathlib import Path

import galsim
import numpy as np
import pandas as pd

from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, Stamps, StampsWriter

SEEING = 1.3  # arcsec
SKY_NOISE = np.array([0.03, 0.012, 0.022, 0.03, 0.11], np.float32)  # nanomaggies per pixel
COLOURS = {"GALAXY": (19.2, 17.8, 17.0, 16.6, 16.3), "STAR": (18.0, 17.2, 17.0, 16.9, 16.9)}  # at r = 17


def draw_stamps(classes: list[str], r: np.ndarray, side: int = SIDE, seed: int = 1) -> Stamps:
    """Draw exponential galaxies (half-light radius 1.5 arcsec) and stars with a Moffat PSF in sky noise."""
    rng = np.random.default_rng(seed)
    psf = galsim.Moffat(beta=3, fwhm=SEEING)
    pixels = np.empty((len(classes), 5, side, side), np.float32)
    for k, (label, magnitude) in enumerate(zip(classes, r, strict=True)):
        galaxy = galsim.Exponential(half_light_radius=1.5).shear(q=0.6, beta=k * galsim.radians)
        shape = psf if label == "STAR" else galsim.Convolve(galaxy, psf)
        for band, at_17 in enumerate(COLOURS["STAR" if label == "STAR" else "GALAXY"]):
            flux = 10 ** (0.4 * (22.5 - at_17 - magnitude + 17))
            pixels[k, band] = shape.withFlux(flux).drawImage(nx=side, ny=side, scale=PIXEL_SCALE).array
    pixels += SKY_NOISE[:, None, None] * rng.normal(size=pixels.shape).astype(np.float32)
    object_id = 1000 + np.arange(len(classes))
    width = np.full((len(classes), 5), SEEING, np.float32)
    return Stamps(pixels, object_id, width, np.tile(SKY_NOISE, (len(classes), 1)))


def write_small_survey(
    folder: Path, n: int = 40, extinction: float | None = None, kind: str = "mock", stamps: bool = True
) -> Stamps:
    """Write a survey of n objects, galaxies and stars in turn, r from 16 to 20.5; return its stamps as drawn."""
    classes = ["GALAXY" if k % 2 else "STAR" for k in range(n)]
    r = np.linspace(16, 20.5, n)
    drawn = draw_stamps(classes, r)
    table = pd.DataFrame({"object_id": drawn.object_id, "class": classes, "dered_r": r.astype(np.float32)})
    if extinction is not None:
        for band in BANDS:
            table[f"extinction_{band}"] = np.float32(extinction)
    write_survey(table, folder, {"kind": kind, "source": "tests"})
    if stamps:
        with StampsWriter(folder / STAMPS) as writer:
            writer.append(drawn)
    return drawn
