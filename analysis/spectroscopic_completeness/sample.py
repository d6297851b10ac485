"""The galaxies of the images, with and without redshift."""

import numpy as np
import pandas as pd

from analysis import paths
from analysis.features import read_features
from analysis.photoz_pdf.inputs import band_columns, bands_of
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.photoz_pdf.sample import magnitudes_and_errors
from analysis.survey.catalogue import column_names, read_catalogue

Array = np.ndarray

_RESOLVED = 0.145  # least psfMag_r - cModelMag_r of a galaxy, as SDSS classifies


def galaxies_of_the_images() -> pd.DataFrame:
    """Return what the images show as galaxies: those with a good redshift, and the science sample, without.

    Stars and quasars by their spectra, and unresolved objects without spectrum, are left out.

    Returns
    -------
    pandas.DataFrame
        `object_id`, `labelled`, `split` (empty without a label), `redshift` (NaN without), magnitudes and errors.
    """
    features, _summary = read_features(paths.FEATURES)
    magnitudes = band_columns(bands_of(column_names(paths.DATA)))
    wanted = ["object_id", "class", "psfMag_r", "cModelMag_r", *magnitudes]
    catalogue = read_catalogue(paths.DATA, wanted).drop_duplicates("object_id")
    catalogue = catalogue.merge(
        features.reindex(columns=["object_id", "redshift", "split"]), on="object_id", how="left"
    )
    catalogue["labelled"] = catalogue["redshift"].notna()
    catalogue["split"] = catalogue["split"].fillna("")
    classes = catalogue["class"].astype(object) if "class" in catalogue else pd.Series(None, catalogue.index, object)
    science = classes.isna() | (classes == "GALAXY")
    if {"psfMag_r", "cModelMag_r"} <= set(catalogue):
        science &= catalogue["psfMag_r"] - catalogue["cModelMag_r"] > _RESOLVED
    science &= catalogue[[name for name in magnitudes if name.startswith("dered_")]].notna().any(axis=1)
    kept = [name for name in ("object_id", "labelled", "split", "redshift", *magnitudes) if name in catalogue]
    return catalogue.loc[catalogue["labelled"] | science, kept].reset_index(drop=True)


def standardised(galaxies: pd.DataFrame) -> Array:
    """Return magnitudes and colours, each in units of its spread over all of the galaxies, shape (n, d)."""
    inputs = PhotometricInputs.for_sample(*magnitudes_and_errors(galaxies))
    return inputs(*magnitudes_and_errors(galaxies))[:, : inputs.n_magnitudes].astype(float)
