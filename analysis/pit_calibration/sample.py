"""Galaxies with redshift, split, magnitudes and their errors: the sample of every result on redshift PDFs."""

import numpy as np
import pandas as pd

from analysis import paths
from analysis.features import read_features
from analysis.survey.catalogue import column_names, read_catalogue
from analysis.survey.schema import BANDS

Array = np.ndarray


def bands_of(columns: list[str]) -> list[str]:
    """List the bands of a catalogue's model magnitudes: ugriz, then any further ones."""
    bands = [name.removeprefix("dered_") for name in columns if name.startswith("dered_")]
    return [band for band in BANDS if band in bands] + [band for band in bands if band not in BANDS]


def photometry(catalogue: pd.DataFrame) -> tuple[Array, Array]:
    """Return model magnitudes and their errors, both of shape (n, bands); NaN where there is none."""
    bands = bands_of(list(map(str, catalogue)))
    return tuple(  # type: ignore[return-value]
        catalogue.reindex(columns=[f"{kind}_{band}" for band in bands]).to_numpy(float)
        for kind in ("dered", "deredErr")
    )


def labelled_galaxies() -> pd.DataFrame:
    """Return the galaxies of the features stage with what the redshift PDFs need.

    Returns
    -------
    pandas.DataFrame
        `object_id`, `redshift`, `split`, and of the catalogue `ra`, `dec`, magnitudes and errors.
    """
    galaxies, _summary = read_features(paths.FEATURES)
    columns = [name for name in column_names(paths.DATA) if name.startswith(("dered_", "deredErr_"))]
    catalogue = read_catalogue(paths.DATA, ["object_id", "ra", "dec", *columns]).drop_duplicates("object_id")
    return galaxies[["object_id", "redshift", "split"]].merge(catalogue, on="object_id", how="left", validate="1:1")


def why_not(galaxies: pd.DataFrame, summary: dict) -> str:
    """Return why there can be no photometric redshifts, or nothing."""
    if "not_run" in summary:
        return str(summary["not_run"])
    if len(bands_of(list(map(str, galaxies)))) < 2:
        return "model magnitudes in fewer than two bands: without a colour there is no photometric redshift"
    return ""
