"""The galaxies of feature selection: to train, to test, without redshift; and their division by what they are."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.feature_importance.train import subsamples
from analysis.features import photometric_features

# psfMag - cModelMag of a galaxy, as SDSS separates them from stars (Stoughton et al. 2002)
_LEAST_CONCENTRATION = 0.145


class Sample(NamedTuple):
    """Galaxies as arrays: features (objects, features) and redshifts (objects,)."""

    X: np.ndarray
    z: np.ndarray


def samples_of(galaxies: pd.DataFrame, features: list[str]) -> dict[str, Sample]:
    """Return the galaxies of 'train' and 'validation', and 'others', those not of training, in their order."""
    X, z, split = galaxies[features].to_numpy(), galaxies["redshift"].to_numpy(), galaxies["split"].to_numpy()
    chosen = {"train": split == "train", "validation": split == "validation", "others": split != "train"}
    return {name: Sample(X[which], z[which]) for name, which in chosen.items()}


def science_features(catalogue: pd.DataFrame, features: list[str]) -> np.ndarray:
    """Return the features of the objects that redshifts are wanted for: without one, extended like galaxies.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        A survey. Without PSF and composite magnitudes, its point sources are included.
    features : list of str
        Those wanted.

    Returns
    -------
    ndarray, shape (objects, features)
    """
    chosen = catalogue["redshift"].isna()
    if "class" in catalogue:
        chosen &= catalogue["class"].isna() | (catalogue["class"] == "GALAXY")
    if {"psfMag_r", "cModelMag_r"} <= set(catalogue):
        chosen &= catalogue["psfMag_r"] - catalogue["cModelMag_r"] > _LEAST_CONCENTRATION
    return photometric_features(catalogue[chosen])[features].to_numpy()


def by_type_magnitude_redshift(training: pd.DataFrame) -> dict[str, np.ndarray]:
    """Divide galaxies in three ways: by type, by thirds in r magnitude, by thirds in redshift.

    Returns
    -------
    dict
        Name of each sample, 'all' first: whether a galaxy is in it, shape (objects,).
    """
    edges = np.nanquantile(training["dered_r"], [1 / 3, 2 / 3]) if "dered_r" in training else np.empty(0)
    types, magnitudes = (subsamples(training.filter([column]), edges) for column in ("fracDeV_r", "dered_r"))
    z = training["redshift"].to_numpy()
    third = np.digitize(z, np.quantile(z, [1 / 3, 2 / 3]))
    divided = {"all": np.full(len(training), True)}
    divided |= {f"type: {name.removesuffix('_all')}": chosen for name, chosen in types.items()}
    divided |= {f"magnitude: {name.removeprefix('all_')}": chosen for name, chosen in magnitudes.items()}
    divided |= {f"redshift: {name}": third == number for number, name in enumerate(("low", "middle", "high"))}
    return {name: chosen for name, chosen in divided.items() if "all_all" not in name and not name.endswith(": all")}
