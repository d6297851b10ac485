"""The 85 photometric features of Hoyle et al. (2015, arXiv:1410.4696), and the sample that has them."""

import argparse
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import params, paths
from analysis.errors import InputError
from analysis.files import replacing, write_json
from analysis.survey.catalogue import column_names, read_catalogue
from analysis.survey.schema import BANDS

FEATURES_FILE = "features.parquet"
SUMMARY_FILE = "summary.json"
SPLITS = {"train": 0.6, "validation": 0.2, "test": 0.2}

_COLOUR_MAGNITUDES = ("dered", "psfMag", "fiberMag")
_BAND_PAIRS = list(combinations(BANDS, 2))


def _per_band(*names: str) -> list[str]:
    return [f"{name}_{band}" for name in names for band in BANDS]


def _colours(magnitude: str) -> list[str]:
    return [f"{magnitude}_{blue}-{red}" for blue, red in _BAND_PAIRS]


MAGNITUDES = _per_band(*_COLOUR_MAGNITUDES)
COLOURS = [colour for magnitude in _COLOUR_MAGNITUDES for colour in _colours(magnitude)]
MEASURED = MAGNITUDES + _per_band("petroRad", "expRad", "deVRad", "fracDeV", "expAB", "deVAB", "q", "u")
FEATURES = (
    MAGNITUDES + _per_band("petroRad", "expRad", "deVRad") + COLOURS + _per_band("fracDeV", "expAB", "deVAB", "q", "u")
)

_LABELS = ["object_id", "ra", "dec", "class", "redshift", "redshift_warning", "photoz_sdss"]
_SAME_POSITION_ARCSEC = 1.0
_SMALLEST_PATCHES = 512  # HEALPix nside: 7 arcmin
_SPLIT_TOLERANCE = 0.03  # by which the fraction of objects in a split may differ from the wanted one


def photometric_features(catalogue: pd.DataFrame) -> pd.DataFrame:
    """Compute the features that a catalogue's columns allow.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        One row per object, columns as in the catalogue contract.

    Returns
    -------
    pandas.DataFrame
        Same rows; float32 columns, those of `FEATURES` for which the catalogue has the measurements, in that
        order. Magnitudes and colours in mag, radii in arcsec; missing is NaN.
    """
    features = {name: catalogue[name] for name in MEASURED if name in catalogue}
    for magnitude in _COLOUR_MAGNITUDES:
        for colour, (blue, red) in zip(_colours(magnitude), _BAND_PAIRS, strict=True):
            first, second = f"{magnitude}_{blue}", f"{magnitude}_{red}"
            if first in catalogue and second in catalogue:
                features[colour] = catalogue[first].astype(float) - catalogue[second].astype(float)
    wanted = [name for name in FEATURES if name in features]
    return pd.DataFrame({name: features[name].astype(np.float32) for name in wanted}, index=catalogue.index)


def feature_names(table: pd.DataFrame) -> list[str]:
    """List the features that a table has, in the order of `FEATURES`."""
    return [name for name in FEATURES if name in table]


def standard_features(names: list[str]) -> list[str]:
    """List the standard inputs: PSF magnitudes and colours, or model ones where there are more of them."""
    inputs = [
        [n for n in _per_band(magnitude) + _colours(magnitude) if n in names] for magnitude in ("psfMag", "dered")
    ]
    return max(inputs, key=len)  # the PSF ones where both are complete


def labelled_galaxies(catalogue: pd.DataFrame, z_max: float, magnitudes: Sequence[str] = MAGNITUDES) -> pd.DataFrame:
    """Select the galaxies of good spectroscopic redshift, 0 < z < z_max, that have any of some magnitudes."""
    good = catalogue["redshift"].between(0, z_max, inclusive="neither")
    if "class" in catalogue:
        good &= catalogue["class"].isna() | (catalogue["class"] == "GALAXY")
    if "redshift_warning" in catalogue:
        good &= catalogue["redshift_warning"].fillna(0) == 0
    good &= catalogue[[name for name in magnitudes if name in catalogue]].notna().any(axis=1)
    return catalogue[good].reset_index(drop=True)


def has_position(catalogue: pd.DataFrame) -> np.ndarray:
    """Tell of each object whether it has a position on the sky."""
    return catalogue.reindex(columns=["ra", "dec"]).notna().all(axis=1).to_numpy()


def sky_pixels(objects: pd.DataFrame, nside: int) -> np.ndarray:
    """Return the HEALPix pixel of each object, shape (objects,); -1, -2, … for objects without position."""
    # Imported here, as below: they are slow, and training needs only the names of the features.
    from astropy import units
    from astropy_healpix import HEALPix

    placed, pixels = has_position(objects), -1 - np.arange(len(objects))
    ra, dec = objects.reindex(columns=["ra", "dec"]).to_numpy(float)[placed].T * units.deg
    pixels[placed] = HEALPix(nside).lonlat_to_healpix(ra, dec)
    return pixels


def without_duplicates(catalogue: pd.DataFrame, magnitudes: Sequence[str] = MAGNITUDES) -> pd.DataFrame:
    """Keep the first of the entries with one number, or within 1 arcsec.

    An object without position is dropped where its magnitudes are those of another one that is kept.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord, search_around_sky

    catalogue = catalogue.drop_duplicates("object_id", ignore_index=True)
    placed = has_position(catalogue)
    if placed.any():
        numbers = np.flatnonzero(placed)
        sky = SkyCoord(*catalogue.loc[placed, ["ra", "dec"]].to_numpy().T, unit="deg")
        first, second, _, _ = search_around_sky(sky, sky, _SAME_POSITION_ARCSEC * units.arcsec)
        catalogue = catalogue.drop(index=numbers[np.unique(second[first < second])].tolist())
        placed = has_position(catalogue)
    placed_first = pd.concat([catalogue[placed], catalogue[~placed]])
    same = placed_first.duplicated([name for name in magnitudes if name in catalogue])
    return catalogue[placed | ~same.reindex(catalogue.index)].reset_index(drop=True)


def _fill_splits(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Deal groups of objects, in random order, each to the split that lacks most objects."""
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    lacking = np.array(list(SPLITS.values())) * len(groups)
    split_of_group = np.empty(len(sizes), int)
    for group in generator.permutation(len(sizes)):
        split = int(np.argmax(lacking))
        split_of_group[group] = split
        lacking[split] -= sizes[group]
    return split_of_group[group_of]


def split_sample(catalogue: pd.DataFrame, nside: int, seed: int) -> tuple[np.ndarray, str]:
    """Split a sample into train, validation and test, by patch of sky; an object without position goes alone.

    Where the patches are too few for the wanted fractions, their side is halved, down to 7 arcmin.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        One row per object.
    nside : int
        HEALPix resolution of the patches: there are 12 nside^2 on the sky.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    split : ndarray of str, shape (objects,)
        'train', 'validation' or 'test'.
    how : str
        How it was done, in words.
    """
    generator = np.random.default_rng(seed)
    names, wanted = np.array(list(SPLITS)), np.array(list(SPLITS.values()))
    alone = -1 - np.arange(len(catalogue))  # numbers that no patch has
    placed = has_position(catalogue)
    if not placed.any():
        return names[_fill_splits(alone, generator)], "at random (no positions)"
    while nside <= _SMALLEST_PATCHES:
        groups = sky_pixels(catalogue, nside)
        split = _fill_splits(groups, generator)
        fractions = np.bincount(split, minlength=len(names)) / len(catalogue)
        if np.all(np.abs(fractions - wanted) < _SPLIT_TOLERANCE):
            how = f"by {len(np.unique(groups[placed]))} patches of sky (HEALPix nside {nside})"
            without = np.count_nonzero(~placed)
            return names[split], how + (f", and {without} objects without position one by one" if without else "")
        nside *= 2
    return names[_fill_splits(alone, generator)], "at random (the sky covered is too small for patches)"


def sample_with_features(catalogue: pd.DataFrame, z_max: float) -> pd.DataFrame:
    """Return the distinct labelled galaxies of a catalogue: number, position, redshift, features.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        One row per object, columns as in the catalogue contract.
    z_max : float
        Largest redshift used.

    Returns
    -------
    pandas.DataFrame
        One row per galaxy; no rows if the catalogue has no redshifts. What no galaxy has is no feature.
    """
    galaxies = catalogue.iloc[:0]
    if "redshift" in catalogue and any(name in catalogue for name in MAGNITUDES):
        galaxies = without_duplicates(labelled_galaxies(catalogue, z_max))
    kept = [name for name in ("object_id", "ra", "dec", "redshift", "photoz_sdss") if name in galaxies]
    return pd.concat([galaxies[kept], photometric_features(galaxies).dropna(axis=1, how="all")], axis=1)


def make_features(_: argparse.Namespace) -> None:
    """Raw survey -> features.parquet (one row per labelled galaxy, with its split) and a summary."""
    settings = params.load("features")
    present = column_names(paths.DATA)
    galaxies = sample_with_features(read_catalogue(paths.DATA, _LABELS + MEASURED), settings["z_max"])
    summary: dict[str, Any] = {"n_features": len(feature_names(galaxies)), "n_galaxies": len(galaxies)}
    if "redshift" not in present:
        summary["not_run"] = "the survey has no redshifts"
    elif len(galaxies) < settings["min_galaxies"]:
        needed = settings["min_galaxies"]
        summary["not_run"] = f"{len(galaxies)} galaxies with redshift and magnitudes; {needed} are needed"
    if "not_run" in summary:
        galaxies = galaxies.iloc[:0].assign(split="")
    else:
        galaxies["split"], summary["split"] = split_sample(galaxies, settings["nside"], settings["seed"])
    _write(galaxies.drop(columns=["ra", "dec"], errors="ignore"), summary, paths.FEATURES)
    print("; ".join(f"{name}: {value}" for name, value in summary.items()))


def _write(galaxies: pd.DataFrame, summary: dict[str, Any], folder: Path) -> None:
    with replacing(folder / FEATURES_FILE) as partial:
        galaxies.to_parquet(partial, index=False)
    write_json(folder / SUMMARY_FILE, summary)


def read_features(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read what the features stage wrote: one row per labelled galaxy, and the summary.

    Raises
    ------
    InputError
        If the stage has not run.
    """
    if not (folder / SUMMARY_FILE).is_file():
        raise InputError(f"{folder}: no features here; `python -m analysis features` makes them")
    return pd.read_parquet(folder / FEATURES_FILE), json.loads((folder / SUMMARY_FILE).read_text())
