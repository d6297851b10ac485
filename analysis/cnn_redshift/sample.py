"""The galaxies of the features stage that have a stamp, and what the network and the bins of bias need of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import paths
from analysis.features import read_features
from analysis.survey.catalogue import STAMPS, read_catalogue
from analysis.survey.schema import BANDS
from analysis.survey.stamps_cache import StampCache
from analysis.survey.stamps_file import read_about

Array = np.ndarray

# A_r / E(B-V) of Schlegel, Finkbeiner & Davis (1998) in SDSS's r: Stoughton et al. (2002, AJ 123, 485), table 22.
REDDENING_R = 2.751
SEEING = "psf_fwhm_r"  # arcsec, of the stamp


def galaxies_with_stamps(survey: Path) -> tuple[pd.DataFrame, str]:
    """Return the labelled galaxies of a survey that have a stamp, or why there can be none.

    Parameters
    ----------
    survey : pathlib.Path
        The survey that the features stage has read.

    Returns
    -------
    galaxies : pandas.DataFrame
        The columns of the features stage (so the split is the one of every result), `ebv` (E(B-V), 0 where the survey
        has no extinction), `psf_fwhm_r` (arcsec, NaN where the stamps have none).
    why_not : str
        Why there are none; empty where there may be some.
    """
    features, summary = read_features(paths.FEATURES)
    if "not_run" in summary:
        return features, summary["not_run"]
    if not (survey / STAMPS).is_file():
        return features.iloc[:0], "the survey has no stamps"
    stamps = read_about(survey / STAMPS)
    seeing = pd.DataFrame({"object_id": stamps.object_id, SEEING: stamps.psf_fwhm[:, BANDS.index("r")]})
    galaxies = features.merge(seeing, on="object_id")
    extinction = read_catalogue(survey, ["object_id", "extinction_r"]).drop_duplicates("object_id")
    galaxies = galaxies.merge(extinction, on="object_id", how="left")
    a_r = galaxies.pop("extinction_r") if "extinction_r" in galaxies else pd.Series(0.0, galaxies.index)
    galaxies["ebv"] = a_r.fillna(0.0) / REDDENING_R
    return galaxies, ""


def too_few(galaxies: pd.DataFrame, settings: dict[str, Any], high: float) -> str:
    """Return of what there are too few galaxies; empty where there are enough.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        `split`.
    settings : dict
        Of the training stage: `min_galaxies` of each split, and `min_per_bin`, training galaxies in a bin on average.
    high : float
        Redshift up to which there are bins.
    """
    sizes = galaxies["split"].value_counts()
    for split, least in settings["min_galaxies"].items():
        if (number := int(sizes.get(split, 0))) < least:
            return f"{number} galaxies with redshift and stamp in the {split} sample; {least} are needed"
    bins, least = max(2, round(high / settings["network"]["bin_width"])), settings["min_per_bin"]
    if sizes["train"] >= least * bins:
        return ""
    few = f"{sizes['train']} training galaxies for {bins} bins of redshift"
    return f"{few}; {least} a bin are needed on average (wider ones: bin_width in params.yaml)"


def network_inputs(galaxies: pd.DataFrame, cache: StampCache) -> Array:
    """Return the row of each galaxy's stamp in the cache and its E(B-V), shape (n, 2)."""
    rows = pd.Series(np.arange(len(cache.object_id)), cache.object_id)
    return np.column_stack([rows.loc[galaxies["object_id"]], galaxies["ebv"]]).astype(float)
