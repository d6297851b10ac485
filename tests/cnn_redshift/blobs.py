"""Stamps of round Gaussian galaxies whose colours tell their redshift, in no time."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.survey.catalogue import STAMPS, write_survey
from analysis.survey.luptitudes import SDSS_SOFTENING, ZERO_POINT, asinh_scaled
from analysis.survey.schema import BANDS
from analysis.survey.stamps_cache import StampCache
from analysis.survey.stamps_file import Stamps, StampsWriter

SIDE = 16
NOISE = np.array([0.03, 0.012, 0.022, 0.03, 0.11], np.float32)  # nanomaggies per pixel
SIGMA = 1.5  # pixels


def magnitudes(z: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Return ugriz magnitudes (n, 5): each colour reddens with redshift."""
    slopes = np.array([4.0, 3.0, 0.0, -1.0, -1.5])
    return r[:, None] + z[:, None] * slopes


def flux_images(z: np.ndarray, r: np.ndarray, seed: int) -> np.ndarray:
    """Return images (n, 5, SIDE, SIDE) in nanomaggies."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    profile = np.exp(-(x**2 + y**2) / (2 * SIGMA**2)) / (2 * np.pi * SIGMA**2)
    flux = 10 ** (0.4 * (ZERO_POINT - magnitudes(z, r)))
    noise = np.random.default_rng(seed).normal(size=(len(z), 5, SIDE, SIDE)) * NOISE[:, None, None]
    return (flux[..., None, None] * profile + noise).astype(np.float32)


def draw(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return redshifts and r magnitudes."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.05, 0.6, n), rng.uniform(15, 18, n)


def blob_cache(z: np.ndarray, r: np.ndarray, seed: int = 1) -> StampCache:
    """Return scaled stamps, one for each redshift."""
    pixels = np.moveaxis(asinh_scaled(flux_images(z, r, seed)), 1, -1).astype(np.float16)
    return StampCache(pixels, 100 + np.arange(len(z)), {"scaling": {"softening": list(SDSS_SOFTENING)}})


def write_blob_survey(folder: Path, n: int, stamps: bool = True, seeing: float = 1.2, z_top: float = 0.6) -> None:
    """Write a survey of n galaxies and a few stars, all over the sky, with stamps of all or none."""
    z, r = draw(n)
    z = z * z_top / 0.6
    stars = n // 10
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"object_id": 100 + np.arange(n + stars)})
    table["ra"], table["dec"] = rng.uniform(0, 360, n + stars), np.degrees(np.arcsin(rng.uniform(-1, 1, n + stars)))
    table["class"] = ["GALAXY"] * n + ["STAR"] * stars
    z, r = np.append(z, np.full(stars, 0.0)), np.append(r, rng.uniform(15, 18, stars))
    table["redshift"], table["redshift_warning"] = z, 0
    for band, of_band in zip(BANDS, magnitudes(z, r).T, strict=True):
        table[f"dered_{band}"] = (of_band + rng.normal(0, 0.02, len(z))).astype(np.float32)
        table[f"extinction_{band}"] = np.float32(0.1)
    table["petroRad_r"] = rng.uniform(1, 5, len(z)).astype(np.float32)
    table["expAB_r"] = rng.uniform(0.2, 1, len(z)).astype(np.float32)
    write_survey(table, folder, {"kind": "mock", "source": "tests"})
    if stamps:
        seen = np.full((len(z), 5), seeing, np.float32) * rng.uniform(0.9, 1.1, (len(z), 1)).astype(np.float32)
        images = Stamps(flux_images(z, r, 2), table["object_id"].to_numpy(), seen, np.tile(NOISE, (len(z), 1)))
        with StampsWriter(folder / STAMPS, (SIDE, SIDE)) as writer:
            writer.append(images)
