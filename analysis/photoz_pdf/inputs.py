"""From a survey to what the estimators take: magnitudes and their errors by band, redshifts, who is held out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from analysis import params
from analysis.errors import InputError
from analysis.features import MAGNITUDES, labelled_galaxies, split_sample, without_duplicates
from analysis.survey.catalogue import catalogue_path, column_names, read_catalogue
from analysis.survey.schema import BANDS, MAGNITUDE_RANGE

Array = np.ndarray

HELD_OUT = "test"  # the split that training leaves out


class Photometry(NamedTuple):
    """Objects as the estimators take them.

    Attributes
    ----------
    object_id : ndarray, shape (n,)
    magnitudes, errors : ndarray, shape (n, n_bands)
        Extinction-corrected model magnitudes and their standard errors; NaN is missing or unknown.
    """

    object_id: Array
    magnitudes: Array
    errors: Array


def bands_of(names: Iterable[str]) -> list[str]:
    """List the bands of which a survey has `dered_<band>`: SDSS's in their order, then others by name."""
    found = {name.removeprefix("dered_") for name in names if name.startswith("dered_")}
    return [band for band in BANDS if band in found] + sorted(found - set(BANDS))


def band_columns(bands: Sequence[str]) -> list[str]:
    """List the columns that hold the magnitudes and errors of bands."""
    return [f"{name}_{band}" for name in ("dered", "deredErr") for band in bands]


def photometry(table: pd.DataFrame, bands: Sequence[str], source: str) -> Photometry:
    """Return a catalogue's magnitudes and errors in some bands; errors that it lacks are NaN.

    Raises
    ------
    InputError
        If the catalogue lacks the magnitudes of a band, or one is impossible.
    """
    _check_bands(table.columns, bands, source)
    values = table.reindex(columns=band_columns(bands)).to_numpy(float)
    magnitudes, errors = values[:, : len(bands)], values[:, len(bands) :]
    impossible = (magnitudes < MAGNITUDE_RANGE[0]) | (magnitudes > MAGNITUDE_RANGE[1])
    if impossible.any():
        row, band = np.argwhere(impossible)[0]
        low, high = MAGNITUDE_RANGE
        raise InputError(
            f"{source}: column 'dered_{bands[band]}', object {table['object_id'].iloc[row]}: value "
            f"{magnitudes[row, band]:g}; expected {low:g} to {high:g}, or null where there is none",
            "out-of-range",
        )
    return Photometry(table["object_id"].to_numpy(), magnitudes, errors)


def _check_bands(names: Iterable[str], bands: Sequence[str], source: str) -> None:
    here = bands_of(names)
    if lacking := [band for band in bands if band not in here]:
        raise InputError(
            f"{source}: no column 'dered_{lacking[0]}' (bands here: {', '.join(here) or 'none'}); expected the bands "
            f"of the model's training: {', '.join(bands)}",
            "no-such-column",
        )


def labelled_sample(directory: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the distinct labelled galaxies of a survey with the split of each, and the survey's bands.

    The galaxies and, for the survey in place, the split are those of the `features` stage: by patch of sky where
    there are positions.

    Returns
    -------
    galaxies : pandas.DataFrame
        `object_id`, `redshift`, `split` (train, validation or test), magnitudes and errors.
    bands : list of str

    Raises
    ------
    InputError
        If the survey has no redshifts, no magnitudes, or no labelled galaxy.
    """
    present, settings = column_names(directory), params.load("features")
    bands = bands_of(present)
    where = catalogue_path(directory)
    if "redshift" not in present:
        raise InputError(
            f"{where}: no column 'redshift'; expected a survey with spectroscopic redshifts", "no-such-column"
        )
    if not bands:
        raise InputError(
            f"{where}: no column 'dered_<band>'; expected model magnitudes in at least one band", "no-such-column"
        )
    magnitudes = list(dict.fromkeys([*MAGNITUDES, *(f"dered_{band}" for band in bands)]))
    labels = ["object_id", "ra", "dec", "class", "redshift", "redshift_warning"]
    catalogue = read_catalogue(directory, [*labels, *magnitudes, *(f"deredErr_{band}" for band in bands)])
    galaxies = without_duplicates(labelled_galaxies(catalogue, settings["z_max"], magnitudes), magnitudes)
    if galaxies.empty:
        raise InputError(f"{where}: no galaxy with redshift (0 to {settings['z_max']:g}) and a magnitude", "no-rows")
    split, _ = split_sample(galaxies, settings["nside"], settings["seed"])
    kept = ["object_id", "redshift", *(name for name in band_columns(bands) if name in galaxies)]
    return galaxies[kept].assign(split=split), bands


def in_chunks(path: Path, bands: Sequence[str], rows: int) -> Iterator[Photometry]:
    """Read magnitudes and errors of a Parquet catalogue, so many objects at a time."""
    with pq.ParquetFile(path) as file:
        _check_bands(file.schema_arrow.names, bands, str(path))
        wanted = [name for name in ("object_id", *band_columns(bands)) if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=rows, columns=wanted):
            yield photometry(batch.to_pandas(), bands, str(path))
