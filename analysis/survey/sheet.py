"""Colour images of stamps, measured and chosen alike for mock and real surveys: what the contact sheet shows."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from astropy.visualization import make_lupton_rgb
from matplotlib.image import imread, imsave

from analysis import paths
from analysis.errors import InputError
from analysis.files import replacing, write_json
from analysis.survey.catalogue import STAMPS, read_catalogue
from analysis.survey.luptitudes import ZERO_POINT
from analysis.survey.schema import BANDS
from analysis.survey.stamps_file import iterate_stamps, read_stamps

FloatArray = np.ndarray

REAL_SHEET = paths.REAL_RESULTS / "stamps"
IMAGE, TILES, ABOUT = "sheet.png", "tiles.csv", "about.json"
ROWS = ("GALAXY", "STAR")  # of a sheet, one tile per object
APERTURE = 3.0  # arcsec, radius of the aperture of the magnitudes, on the stamp's centre
_G, _R, _I = (BANDS.index(band) for band in "gri")


@dataclass(frozen=True)
class Sheet:
    """Tiles of one survey, a row for each class.

    Attributes
    ----------
    rgb : ndarray of uint8 (rows * side, columns * side, 3)
        White where there is no tile.
    tiles : DataFrame
        For each tile: class, column, r (aperture magnitude).
    about : dict
        name, side (pixels), pixel_scale (arcsec), stretch (nanomaggies), q, columns.
    """

    rgb: np.ndarray
    tiles: pd.DataFrame
    about: dict[str, Any]


def aperture_magnitudes(image: FloatArray, pixel_scale: float) -> FloatArray:
    """Return magnitudes of images (n, ny, nx) in nanomaggies within `APERTURE` of the centre; NaN without flux."""
    ny, nx = image.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    inside = np.hypot(y - (ny - 1) / 2, x - (nx - 1) / 2) * pixel_scale <= APERTURE
    flux = image[:, inside].sum(axis=1)
    return ZERO_POINT - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def measure(survey: Path) -> pd.DataFrame:
    """Measure all stamps of a survey: row in stamps.h5, object_id, class, r; of objects with a class only.

    Raises
    ------
    InputError
        If the survey has no stamps.
    """
    path = survey / STAMPS
    if not path.is_file():
        raise InputError(f"{survey}: no {STAMPS}: this survey has no stamps")
    scale = pixel_scale(path)
    parts = [
        pd.DataFrame({"object_id": part.object_id, "r": aperture_magnitudes(part.pixels[:, _R], scale)})
        for part in iterate_stamps(path)
    ]
    table = pd.concat(parts, ignore_index=True).rename_axis("row").reset_index()
    catalogue = read_catalogue(survey, ["object_id", "class"])
    if "class" not in catalogue:
        catalogue["class"] = None
    return table.merge(catalogue, on="object_id").dropna(subset=["class", "r"])


def pixel_scale(path: Path) -> float:
    """Return the size of a pixel of a stamps file in arcsec."""
    with h5py.File(path, "r") as file:
        return float(file.attrs["pixel_scale"])


def spread(measured: pd.DataFrame, columns: int, limits: tuple[float, float]) -> pd.DataFrame:
    """Choose up to so many objects of each class, spread evenly over the magnitudes between two limits."""
    chosen = []
    for label in ROWS:
        table = measured[(measured["class"] == label) & measured["r"].between(*limits)].sort_values("r")
        wanted = pd.DataFrame({"class": label, "r": np.linspace(*limits, columns), "column": range(columns)})
        chosen.append(_nearest(table, wanted).sort_values("r").assign(column=lambda t: range(len(t))))
    return pd.concat(chosen, ignore_index=True)


def matched(measured: pd.DataFrame, tiles: pd.DataFrame) -> pd.DataFrame:
    """Choose, for each tile of another sheet, the object of the same class that is nearest to it in magnitude."""
    return pd.concat(
        [_nearest(measured[measured["class"] == label], tiles[tiles["class"] == label]) for label in ROWS],
        ignore_index=True,
    )


def _nearest(table: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Take for each wanted magnitude, in turn, the object nearest to it that is not taken yet."""
    left, rows = table, []
    for column, r in zip(wanted["column"], wanted["r"], strict=True):
        if left.empty:
            break
        nearest = (left["r"] - r).abs().idxmin()
        rows.append(left.loc[nearest].to_dict() | {"column": column})
        left = left.drop(index=nearest)
    return pd.DataFrame(rows, columns=[*table.columns, "column"])


def draw(survey: Path, chosen: pd.DataFrame, settings: dict[str, Any], about: dict[str, Any]) -> Sheet:
    """Draw the chosen objects of a survey: i, r, g as red, green, blue (Lupton et al. 2004, PASP 116, 133).

    Parameters
    ----------
    survey : pathlib.Path
    chosen : DataFrame
        row, class, r, column.
    settings : dict
        side, stretch (nanomaggies), q, columns.
    about : dict
        What the survey is: `name`, in a word or two, and more if wanted.
    """
    path, side = survey / STAMPS, settings["side"]
    rgb = np.full((len(ROWS) * side, settings["columns"] * side, 3), 255, np.uint8)
    for row, label, column in zip(chosen["row"], chosen["class"], chosen["column"], strict=True):
        pixels = read_stamps(path, int(row), int(row) + 1).pixels[0]
        shown = min(side, *pixels.shape[1:])  # a smaller stamp stands in the middle of its tile
        top, left = ((size - shown) // 2 for size in pixels.shape[1:])
        g, r, i = (pixels[band, top : top + shown, left : left + shown] for band in (_G, _R, _I))
        image = make_lupton_rgb(i, r, g, stretch=settings["stretch"], Q=settings["q"])
        y, x = (place * side + (side - shown) // 2 for place in (ROWS.index(label), int(column)))
        rgb[y : y + shown, x : x + shown] = image
    how = {name: settings[name] for name in ("side", "stretch", "q", "columns")}
    how |= {"pixel_scale": pixel_scale(path), "aperture": APERTURE}
    return Sheet(rgb, chosen[["class", "column", "r"]], how | about)


def write_sheet(sheet: Sheet, folder: Path) -> None:
    """Write a sheet: a picture without loss, a table of its tiles, and how it was made."""
    with replacing(folder / IMAGE) as partial:
        imsave(partial, sheet.rgb, format="png")
    with replacing(folder / TILES) as partial:
        sheet.tiles.round(2).to_csv(partial, index=False)
    write_json(folder / ABOUT, sheet.about)


def read_sheet(folder: Path) -> Sheet | None:
    """Read a sheet; None if there is none."""
    if not (folder / ABOUT).is_file():
        return None
    rgb = np.rint(255 * imread(folder / IMAGE)[..., :3]).astype(np.uint8)  # as matplotlib reads a PNG: 0 to 1
    return Sheet(rgb, pd.read_csv(folder / TILES), json.loads((folder / ABOUT).read_text()))
