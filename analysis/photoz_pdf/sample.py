"""Galaxies with redshift, split, magnitudes and their errors: the sample of every result on redshift PDFs."""

from typing import Any

import numpy as np
import pandas as pd

from analysis import paths
from analysis.features import read_features
from analysis.photoz_pdf import inputs
from analysis.survey.catalogue import column_names, read_catalogue

Array = np.ndarray


def magnitudes_and_errors(galaxies: pd.DataFrame) -> tuple[Array, Array]:
    """Return model magnitudes and their errors in all bands, both of shape (n, bands); NaN where there is none."""
    found = inputs.photometry(galaxies, inputs.bands_of(map(str, galaxies)), "the sample")
    return found.magnitudes, found.errors


def read_sample() -> pd.DataFrame:
    """Return the galaxies of the features stage with what the redshift PDFs need.

    Returns
    -------
    pandas.DataFrame
        `object_id`, `redshift`, `split`, and of the catalogue `ra`, `dec`, magnitudes and errors.
    """
    galaxies, _summary = read_features(paths.FEATURES)
    columns = inputs.band_columns(inputs.bands_of(column_names(paths.DATA)))
    catalogue = read_catalogue(paths.DATA, ["object_id", "ra", "dec", *columns]).drop_duplicates("object_id")
    labels = galaxies.reindex(columns=["object_id", "redshift", "split"])  # a survey without redshifts has no labels
    return labels.merge(catalogue, on="object_id", how="left", validate="1:1")


def why_not(galaxies: pd.DataFrame, summary: dict[str, Any]) -> str:
    """Return why there can be no photometric redshifts; empty where there can."""
    if "not_run" in summary:
        return str(summary["not_run"])
    if len(inputs.bands_of(map(str, galaxies))) < 2:
        return "model magnitudes in fewer than two bands: without a colour there is no photometric redshift"
    return ""
