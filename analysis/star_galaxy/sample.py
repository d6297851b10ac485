"""The sample of the result: distinct stars and galaxies by their spectra, with stamps where the survey has any."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import params
from analysis.errors import InputError
from analysis.features import MAGNITUDES, SPLITS, split_sample, without_duplicates
from analysis.survey.catalogue import CATALOGUE, STAMPS, read_catalogue
from analysis.survey.schema import CLASSES
from analysis.survey.stamps_file import read_ids

STAR, GALAXY = "STAR", "GALAXY"


def labelled_objects(
    catalogue: pd.DataFrame, source: str, classes: tuple[str, ...] = (STAR, GALAXY)
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Select the distinct stars and galaxies of a catalogue by their spectra; flagged spectra and quasars are left out.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        One row per object, columns as in the catalogue contract.
    source : str
        Where it is from, for messages.
    classes : tuple of str
        The classes selected.

    Returns
    -------
    objects : pandas.DataFrame
        With all columns of the catalogue, and `is_galaxy`.
    counts : dict
        `n_galaxies` and `n_stars`; `n_quasars`, with their duplicates.

    Raises
    ------
    InputError
        If a class is none of the contract's.
    """
    known = catalogue["class"].astype(object) if "class" in catalogue else pd.Series(None, catalogue.index, object)
    unknown = known.notna() & ~known.isin(CLASSES)
    if unknown.any():
        row = catalogue[unknown].iloc[0]
        where = f"{source}: class of object {row['object_id']}"
        raise InputError(f"{where} is {row['class']!r}; expected {', '.join(CLASSES)} or nothing", "unknown-class")
    good = catalogue[[name for name in MAGNITUDES if name in catalogue]].notna().any(axis=1)
    if "redshift_warning" in catalogue:
        good &= catalogue["redshift_warning"].fillna(0) == 0
    chosen = good & known.isin(classes)
    objects = without_duplicates(catalogue.assign(**{"class": known})[chosen].reset_index(drop=True))
    is_galaxy = (objects["class"] == GALAXY).to_numpy()
    counts = {
        "n_galaxies": int(is_galaxy.sum()),
        "n_stars": int((objects["class"] == STAR).sum()),
        "n_quasars": int((good & (known == "QSO")).sum()),
    }
    return objects.assign(is_galaxy=is_galaxy), counts


def lacks(is_galaxy: np.ndarray, least: int, what: str = "") -> str:
    """Return which class has fewer than `least` objects; empty where none has."""
    numbers = {"stars": np.count_nonzero(~is_galaxy), "galaxies": np.count_nonzero(is_galaxy)}
    few = [f"{number} {name}{what}" for name, number in numbers.items() if number < least]
    return f"{' and '.join(few)}; {least} of each class are needed" if few else ""


def star_galaxy_sample(survey: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the sample of a survey, split by patch of sky: the same for catalogue and pixels.

    Objects without a stamp are left out, so that features and pixels are judged on the same ones; where there are too
    few stamps, all labelled objects are the sample, and the network cannot run.

    Parameters
    ----------
    survey : pathlib.Path
        The survey's folder.

    Returns
    -------
    objects : pandas.DataFrame
        `object_id`, `is_galaxy`, `split` ('train', 'validation' or 'test'), and all columns of the catalogue. No rows
        where the result cannot run.
    about : dict
        Counts; how it was split; `no_stamps`, why the network cannot run; `not_run`, why nothing can.

    Raises
    ------
    InputError
        If the survey cannot be read, or a class is none of the contract's.
    """
    settings, own = params.load("features"), params.load("star_galaxy")
    least = own["min_objects"]
    catalogue = read_catalogue(survey)
    source = str(Path(survey) / CATALOGUE)
    objects, about = labelled_objects(catalogue, source)
    if why := lacks(objects["is_galaxy"].to_numpy(), least):
        return objects.iloc[:0].assign(split=""), about | {"not_run": why}
    stamps = Path(survey) / STAMPS
    if not stamps.is_file():
        about["no_stamps"] = "the survey has no stamps"
    else:
        stamped, counts = labelled_objects(catalogue[catalogue["object_id"].isin(read_ids(stamps))], source)
        if why := lacks(stamped["is_galaxy"].to_numpy(), least, " with a stamp"):
            about["no_stamps"] = why
        else:
            objects, about = stamped, counts
    objects["split"], about["split"] = split_sample(objects, settings["nside"], settings["seed"])
    for split in SPLITS:
        of_split = objects[objects["split"] == split]
        about[f"n_{split}"] = len(of_split)
        if why := lacks(of_split["is_galaxy"].to_numpy(), own["min_in_split"], f" in the {split} split"):
            return objects.iloc[:0], about | {"not_run": why}
    return objects, about
