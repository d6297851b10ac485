"""The sky in fields: where they are, how deep the dust is, how good the night was."""

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import SkyCoord

from analysis.survey.mock.parameters import parameters
from analysis.survey.schema import BANDS

SEEING = [f"fwhm_{band}" for band in BANDS]  # arcsec
SKY_NOISE = [f"sky_noise_{band}" for band in BANDS]  # nanomaggies in one square arcsecond
ZEROPOINT = [f"zeropoint_{band}" for band in BANDS]  # mag, calibration error
EXTINCTION = [f"extinction_{band}" for band in BANDS]  # mag


def draw_fields(seed: int) -> pd.DataFrame:
    """Draw the fields of a survey.

    Parameters
    ----------
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row per field: centre (deg), sine of the Galactic latitude, and per band seeing, noise, calibration error
        and extinction.
    """
    rng = np.random.default_rng([seed, 0])
    settings, camera = parameters()["fields"], parameters()["camera"]
    number = settings["number"]
    (west, east), (south, north) = settings["ra"], np.sin(np.radians(settings["dec"]))
    ra = rng.uniform(west, east, number)
    dec = np.degrees(np.arcsin(rng.uniform(south, north, number)))
    latitude = SkyCoord(ra * units.deg, dec * units.deg).galactic.b.radian
    dust = settings["dust_pole"] / np.abs(np.sin(latitude)) * np.exp(settings["dust_scatter"] * rng.normal(size=number))
    common, own = rng.normal(size=(number, 1)), rng.normal(size=(number, 5))
    blur = camera["seeing_scatter"] * common + camera["seeing_band_scatter"] * own
    noise = np.exp(camera["sky_noise_scatter"] * rng.normal(size=(number, 5))) * camera["sky_noise_nmgy"]
    bands = {
        **dict(zip(SEEING, (np.array(camera["seeing_fwhm"]) * np.exp(blur)).T, strict=True)),
        **dict(zip(SKY_NOISE, noise.T / camera["pixel_arcsec"], strict=True)),
        **dict(zip(ZEROPOINT, (rng.normal(size=(number, 5)) * camera["zeropoint_scatter"]).T, strict=True)),
        **dict(zip(EXTINCTION, (dust[:, None] * settings["reddening"]).T, strict=True)),
    }
    return pd.DataFrame({"field_ra": ra, "field_dec": dec, "sin_b": np.abs(np.sin(latitude)), **bands})


def place(rng: np.random.Generator, truth: pd.DataFrame, fields: pd.DataFrame) -> pd.DataFrame:
    """Put objects into fields: stars more often towards the plane; positions uniform within a field.

    Returns
    -------
    pandas.DataFrame
        The truth with `field`, `ra`, `dec` (deg) and the columns of its field.
    """
    number, settings = len(truth), parameters()["fields"]
    crowding = np.cumsum(np.exp(-fields["sin_b"].to_numpy() / parameters()["stars"]["latitude_scale"]))
    towards_plane = np.searchsorted(crowding, rng.random(number) * crowding[-1])
    anywhere = rng.integers(len(fields), size=number)
    field = np.where(truth["class"].to_numpy() == "STAR", towards_plane, anywhere)
    here = fields.iloc[field].reset_index(drop=True)
    dec = here["field_dec"] + (rng.random(number) - 0.5) * settings["height_deg"]
    offset = (rng.random(number) - 0.5) * settings["width_deg"]
    ra = (here["field_ra"] + offset / np.cos(np.radians(dec))) % 360
    position = pd.DataFrame({"field": field, "ra": ra, "dec": dec})
    return pd.concat([truth.reset_index(drop=True), position, here.drop(columns=["field_ra", "field_dec"])], axis=1)
