"""The faint end, as Soumagnac et al. (2015) show it: simulated objects whose class is known though none has a spectrum.

Objects with spectra are bright, and chosen by their concentration: there one parameter separates the classes almost
without error. The objects of a mock survey without spectra reach the limit of the images, and their truth can be drawn
again. Each classifier is judged on them twice: trained on the objects with spectra, as it would have to be on the sky,
and, as in Soumagnac et al., trained on others of the same kind (by folds of sky patches).
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from analysis import classification_metrics as merit
from analysis import metrics
from analysis.star_galaxy import classifiers, inputs, names
from analysis.star_galaxy.comparison import Predictions, equal_numbers, figures_of_merit
from analysis.star_galaxy.folds import cross_validated
from analysis.star_galaxy.sample import GALAXY, STAR
from analysis.survey.catalogue import read_catalogue, read_provenance
from analysis.survey.mock import truth

Array = np.ndarray

GAIN_COLUMNS = ["low", "high", "sample", "n", "single_purity", "purity", "gain_percent", "gain_percent_err"]
_PURITIES = {"galaxies": merit.galaxy_purity, "stars": merit.star_purity}


def objects_without_spectra(survey: Path, n_chunks: int) -> tuple[pd.DataFrame, str]:
    """Return stars and galaxies of a mock survey that have no spectrum, with `is_galaxy`; none, and why, elsewhere."""
    catalogue, provenance = read_catalogue(survey), read_provenance(survey)
    if why := truth.why_unknown(provenance):
        return catalogue.iloc[:0], f"classes are not known: {why}"
    drawn, true = truth.draw_truth(provenance, n_chunks)
    if not truth.is_same(drawn, catalogue):
        return catalogue.iloc[:0], "drawn again, the mock survey is another one: the code that draws it has changed"
    true = true[["object_id", "class"]].rename(columns={"class": "true_class"})
    objects = catalogue[catalogue["class"].isna()].merge(true, on="object_id")
    objects = objects[objects["true_class"].isin([STAR, GALAXY])].reset_index(drop=True)
    return objects.assign(is_galaxy=objects["true_class"] == GALAXY), ""


def purity_gain(
    is_galaxy: Array, single: Array, p_galaxy: Array, settings: dict[str, Any], bootstrap: dict[str, int]
) -> dict[str, dict[str, float]]:
    """Return the gain in purity over the single-parameter classifier at equal completeness, of galaxies and of stars.

    Parameters
    ----------
    is_galaxy : ndarray of bool, shape (objects,)
    single, p_galaxy : ndarray, shape (objects,)
        p(galaxy) of the single-parameter classifier and of another one.
    settings : dict
        `completeness`, that of both; `min_in_bin`, objects of either class, with fewer of which nothing is returned.
    bootstrap : dict
        `n` and `seed`.

    Returns
    -------
    dict
        For `galaxies` and `stars`: `single_purity`, `purity`, and `gain_percent`, 100 times their difference, with
        error and 95% interval.
    """
    completeness, least = settings["completeness"], settings["min_in_bin"]
    if min(np.count_nonzero(is_galaxy), np.count_nonzero(~is_galaxy)) < least:
        return {}
    result = {}
    for sample, purity in _PURITIES.items():

        def gain(truth: Array, a: Array, b: Array, purity: Any = purity) -> float:
            return 100 * (purity(truth, b, completeness) - purity(truth, a, completeness))

        result[sample] = {
            "single_purity": purity(is_galaxy, single, completeness),
            "purity": purity(is_galaxy, p_galaxy, completeness),
            **metrics.with_interval("gain_percent", gain, is_galaxy, single, p_galaxy, **bootstrap),
        }
    return result


def gain_by_magnitude(
    magnitude: Array, is_galaxy: Array, predictions: Predictions, settings: dict[str, Any], bootstrap: dict[str, int]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the gain of the network at the faint end, and in bins of magnitude, columns as in `GAIN_COLUMNS`."""
    single, network = predictions[names.SINGLE], predictions[names.PCA_NETWORK]
    lines = []
    edges = equal_numbers(magnitude, settings["n_bins"])
    for low, high in pairwise(edges):
        here = (magnitude >= low) & (magnitude < high)
        found = purity_gain(is_galaxy[here], single[here], network[here], settings, bootstrap)
        for sample, values in found.items():
            line = {"low": low, "high": high, "sample": sample, "n": np.count_nonzero(here)}
            lines.append(line | values)
    faint = magnitude >= settings["faint"]
    at_faint_end: dict[str, Any] = purity_gain(is_galaxy[faint], single[faint], network[faint], settings, bootstrap)
    return at_faint_end | {"faint": settings["faint"], "n_faint": int(faint.sum())}, pd.DataFrame(
        lines, columns=GAIN_COLUMNS
    )


def measure(
    survey: Path, trained: dict[str, classifiers.Classifier], settings: dict[str, Any], training: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, dict[str, dict[str, Array]]]:
    """Judge classifiers on objects without spectra.

    Parameters
    ----------
    survey : pathlib.Path
    trained : dict
        Classifiers by name, trained on objects with spectra.
    settings : dict
        Of the evaluation: `n_bootstrap`, `seed`, `deep`.
    training : dict
        Settings with which to train classifiers on objects of the same kind.

    Returns
    -------
    result : dict
        Figures of merit by training and classifier, and the gain in purity; or `not_run`, why there are none.
    gain : pandas.DataFrame
        By magnitude.
    objects : pandas.DataFrame
        Those that were judged, with `is_galaxy`.
    predictions : dict
        By training and classifier, p(galaxy) of them.
    """
    own = settings["deep"]
    objects, why = objects_without_spectra(survey, own["truth_chunks"])
    if not why and min(objects["is_galaxy"].sum(), (~objects["is_galaxy"]).sum()) < own["min_objects"]:
        why = f"fewer than {own['min_objects']} stars or galaxies without spectra"
    gain = pd.DataFrame(columns=GAIN_COLUMNS)
    if why:
        return {"not_run": why}, gain, objects, {}
    is_galaxy = objects["is_galaxy"].to_numpy()
    folds, training = own["folds"] | {"seed": settings["seed"]}, training | {"forest": own["forest"]}
    learners = [name for name in trained if name not in names.CUTS]
    predictions = {
        names.SPECTRA: {name: classifiers.p_galaxy(name, model, objects) for name, model in trained.items()},
        names.SAME_KIND: {
            name: cross_validated(name, objects, folds, training)
            for name in track(learners, "training on objects without spectra")
        },
    }
    result: dict[str, Any] = {"n_galaxies": int(is_galaxy.sum()), "n_stars": int((~is_galaxy).sum())}
    result |= {sample: figures_of_merit(is_galaxy, p, settings) for sample, p in predictions.items()}
    if {names.SINGLE, names.PCA_NETWORK} <= set(trained):
        bootstrap = metrics.resampling(settings)
        magnitude = objects[f"dered_{inputs.REFERENCE_BAND}"].to_numpy(float)
        found = gain_by_magnitude(magnitude, is_galaxy, predictions[names.SAME_KIND], own, bootstrap)
        result["gain"], gain = found
    return result, gain, objects, predictions
