"""What the stamps of a survey folder are, and whether they keep the contract; read some at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from analysis.errors import InputError
from analysis.survey.catalogue import CATALOGUE, STAMPS, read_catalogue
from analysis.survey.schema import BANDS, CLASSES
from analysis.survey.stamps_file import CHUNK, About, Stamps, iterate_stamps, read_about

_BATCH = 8 * CHUNK
UNLABELLED = "unlabelled"


def summarise_stamps(directory: Path) -> dict[str, Any] | None:
    """Check the stamps of a survey, every pixel of them, and say what they are.

    Parameters
    ----------
    directory : pathlib.Path
        A survey folder.

    Returns
    -------
    dict or None
        For JSON: stamps (their number), with_redshift, classes (counts; objects without class are `UNLABELLED`), shape
        (ny, nx), pixel_scale (arcsec), psf_fwhm (arcsec; None where unknown) and sky_noise (nanomaggies per pixel),
        both medians by band. None if the survey has no stamps.

    Raises
    ------
    InputError
        If the file is no stamps file, a chunk is corrupted, a stamp has no row in the catalogue or the row of another
        stamp, a pixel is no number, a band is dead (its pixels are alike to within its sky noise), or a PSF or sky
        noise is not above 0: the object and its row, counted from 1, are named.
    """
    path = Path(directory) / STAMPS
    if not path.is_file():
        return None
    about = read_about(path)
    labels = _labels(Path(directory), path, about.object_id)
    _check_per_object(path, about)
    row, console = 0, Console(stderr=True)
    for stamps in track(
        iterate_stamps(path, _BATCH),
        "checking stamps",
        total=-(-len(about.object_id) // _BATCH),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        _check_pixels(path, stamps, row)
        row += len(stamps.object_id)
    classes = {name: int((labels["class"] == name).sum()) for name in CLASSES}
    return {
        "stamps": len(labels),
        "with_redshift": int(labels["redshift"].notna().sum()),
        "classes": classes | {UNLABELLED: len(labels) - sum(classes.values())},
        "shape": list(about.shape),
        "pixel_scale": about.pixel_scale,
        "psf_fwhm": _medians(about.psf_fwhm),
        "sky_noise": _medians(about.sky_noise),
    }


def _where(path: Path, object_id: int, row: int) -> str:
    return f"{path}: stamp of object {object_id} (row {row + 1})"


def _labels(directory: Path, path: Path, object_id: np.ndarray) -> pd.DataFrame:
    """Return class and redshift of the objects with stamps; each has one row in the catalogue, and one stamp."""
    table = read_catalogue(directory, ["object_id", "class", "redshift"])
    table = table.reindex(columns=["object_id", "class", "redshift"]).set_index("object_id")
    for wrong, complaint, kind in (
        (~np.isin(object_id, table.index), f"no row in {CATALOGUE}; expected one for every stamp", "no-row-for-stamp"),
        (pd.Series(object_id).duplicated().to_numpy(), "a second one; expected one for an object", "object-twice"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(f"{_where(path, object_id[row], row)}: {complaint}", kind)
    return table.loc[object_id]


def _check_per_object(path: Path, about: About) -> None:
    """Raise InputError for a sky noise or PSF that cannot be."""
    noise, width = about.sky_noise, about.psf_fwhm
    for name, values, good, expected in (
        ("sky noise", noise, (noise > 0) & np.isfinite(noise), "more than 0"),
        ("PSF FWHM", width, np.isnan(width) | (width > 0) & np.isfinite(width), "more than 0, or NaN where unknown"),
    ):
        if not good.all():
            row, band = np.argwhere(~good)[0]
            where = f"{_where(path, about.object_id[row], row)}, band {BANDS[band]}"
            raise InputError(f"{where}: {name} {values[row, band]:g}; expected {expected}", "out-of-range")


def _check_pixels(path: Path, stamps: Stamps, first: int) -> None:
    """Raise InputError for a pixel that is no number, or a band in which nothing varies.

    A value that was the same all over comes back spread by the dither: by less than the sky noise.
    """
    for wrong, complaint in (
        (~np.isfinite(stamps.pixels).all((2, 3)), "a pixel is no number"),
        (np.ptp(stamps.pixels, axis=(2, 3)) < stamps.sky_noise, "dead: all pixels are alike to within its sky noise"),
    ):
        if wrong.any():
            row, band = np.argwhere(wrong)[0]
            raise InputError(
                f"{_where(path, stamps.object_id[row], first + row)}, band {BANDS[band]}: {complaint}", "bad-pixels"
            )


def _medians(values: np.ndarray) -> dict[str, float | None]:
    """Return the median of each band, None where nothing is known."""
    known = [column[~np.isnan(column)] for column in values.T]
    return {
        band: float(f"{np.median(column):.4g}") if len(column) else None
        for band, column in zip(BANDS, known, strict=True)
    }


def described(summary: dict[str, Any] | None) -> dict[str, str]:
    """Put what `summarise_stamps` found into words, for people."""
    if summary is None:
        return {"stamps": "no"}
    ny, nx = summary["shape"]
    counts = ", ".join(f"{count:,} {name}" for name, count in summary["classes"].items() if count)
    lines = {"stamps": f"{summary['stamps']:,} of {ny} x {nx} pixels of {summary['pixel_scale']:g} arcsec: {counts}"}
    for name, title in {"psf_fwhm": "PSF FWHM (arcsec)", "sky_noise": "sky noise (nmgy per pixel)"}.items():
        medians = summary[name].items()
        lines[title] = ", ".join(f"{band} {'unknown' if value is None else f'{value:g}'}" for band, value in medians)
    return lines
