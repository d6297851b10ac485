"""A survey of Gaussian stars and galaxies with stamps, in no time."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import PIXEL_SCALE, SIDE, Stamps, StampsWriter

SKY_NOISE = np.array([0.03, 0.012, 0.022, 0.03, 0.11], np.float32)  # nanomaggies per pixel
FWHM = 1.3  # arcsec, of stars; galaxies are twice as wide
EXTINCTION = 0.3


def write_toy_survey(folder: Path, n: int, stamps: bool = True) -> Stamps:
    """Write a survey of n stars and galaxies in turn, all over the sky, r from 16 to 19.5; return its stamps."""
    rng, number = np.random.default_rng(1), np.arange(n)
    is_galaxy, r = number % 2 == 1, rng.uniform(16, 19.5, n)
    y, x = (np.indices((SIDE, SIDE)) - (SIDE - 1) / 2) * PIXEL_SCALE
    sigma = np.where(is_galaxy, 2, 1)[:, None, None] * FWHM / 2.355
    profile = np.exp(-(x**2 + y**2) / (2 * sigma**2)) * PIXEL_SCALE**2 / (2 * np.pi * sigma**2)
    magnitude = r[:, None] + np.where(is_galaxy[:, None], [2.0, 0.8, 0, -0.4, -0.7], [1.0, 0.2, 0, -0.1, -0.1])
    flux = 10 ** (0.4 * (22.5 - magnitude - EXTINCTION))
    pixels = flux[..., None, None] * profile[:, None] + SKY_NOISE[:, None, None] * rng.normal(size=(n, 5, SIDE, SIDE))
    table = {"object_id": 1000 + number, "class": np.where(is_galaxy, "GALAXY", "STAR")}
    table |= {"ra": rng.uniform(120, 240, n), "dec": rng.uniform(0, 60, n)}
    for band, values in zip(BANDS, magnitude.T, strict=True):
        error = np.full(n, 0.03)
        model = values + error * rng.normal(size=n)
        table |= {f"dered_{band}": model, f"deredErr_{band}": error, f"extinction_{band}": np.full(n, EXTINCTION)}
        psf = model + EXTINCTION + np.where(is_galaxy, 0.6, 0.0) + error * rng.normal(size=n)
        table |= {f"psfMag_{band}": psf, f"psfMagErr_{band}": error}
    write_survey(pd.DataFrame(table), folder, {"kind": "mock", "source": "tests"})
    width = np.full((n, 5), FWHM, np.float32)
    drawn = Stamps(pixels.astype(np.float32), 1000 + number, width, np.tile(SKY_NOISE, (n, 1)))
    if stamps:
        with StampsWriter(folder / STAMPS) as writer:
            writer.append(drawn)
    return drawn
