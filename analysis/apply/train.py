"""Trained models and the objects of their training -> the one folder that workers load."""

import argparse
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from sklearn.ensemble import IsolationForest, RandomForestClassifier

from analysis import metrics, params, paths, pdf_metrics
from analysis.apply import bundle, names
from analysis.apply.forests import classifier_trees, isolation_trees, variance_share
from analysis.apply.outside import PhotometricTraining, TrainingDistribution
from analysis.cores import cores
from analysis.files import replacing
from analysis.photoz_pdf import names as photoz
from analysis.photoz_pdf.inputs import bands_of
from analysis.photoz_pdf.mdn import MixtureDensityNetworks
from analysis.photoz_pdf.photometry import PhotometricInputs
from analysis.photoz_pdf.remap import remapped
from analysis.photoz_pdf.sample import magnitudes_and_errors, read_sample
from analysis.results import read_choices
from analysis.star_galaxy import classifiers
from analysis.star_galaxy import names as star_galaxy
from analysis.star_galaxy.sample import star_galaxy_sample

Array = np.ndarray

ESTIMATOR = "mdn"  # the one whose PDFs have a closed form


def in_training(objects: pd.DataFrame) -> pd.DataFrame:
    """Return the training objects of a sample."""
    return objects[objects["split"] == "train"]


def held_out(objects: pd.DataFrame) -> pd.DataFrame:
    """Return the validation objects of a sample."""
    return objects[objects["split"] == "validation"]


def class_part(
    objects: pd.DataFrame, name: str, forest: Any, settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what is to be known of the classifier, and its arrays: trees, and what is like its training objects."""
    columns = bundle.class_columns(name, objects.columns)
    of_class = bundle.CLASS_INPUTS[name](in_training(objects)[columns])
    low, centre, high = np.nanpercentile(of_class.to_numpy(), [25, 50, 75], axis=0)
    arrays = {f"{bundle.CLASS}centre": centre, f"{bundle.CLASS}scale": np.maximum((high - low) / 1.349, 1e-6)}
    training = TrainingDistribution.fit(bundle.standardised(of_class, arrays), of_class.isna().to_numpy(), **settings)
    arrays |= training.to_arrays(bundle.CLASS_TRAINING) | classifier_trees(forest).to_arrays(bundle.CLASS)
    validation = bundle.CLASS_INPUTS[name](held_out(objects))
    about: dict[str, Any] = {"classifier": name, "catalogue_columns": columns, "columns": list(of_class)}
    about |= {"trees": len(forest.estimators_)}
    return about | {"variance_share": variance_share(forest, validation.to_numpy())}, arrays


def fit_isolation(X: Array, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what is to be known of an isolation forest grown on X, and its trees."""
    forest = IsolationForest(**settings, n_jobs=cores()).fit(X)
    return {"max_samples": int(forest.max_samples_)}, isolation_trees(forest).to_arrays(bundle.ISOLATION)


@dataclass(frozen=True)
class Parts:
    """What a bundle is made of.

    Attributes
    ----------
    galaxies : pandas.DataFrame
        Of known redshift: `split`, `redshift`, magnitudes and errors.
    objects : pandas.DataFrame
        Of known class: `split`, and the columns that the classifier takes.
    model : MixtureDensityNetworks or None
        None: the bundle has no redshifts.
    remapping : list of float
        Its calibration.
    forest : RandomForestClassifier or None
        None: the bundle does not tell stars from galaxies.
    classifier : str
        Which of `bundle.CLASS_INPUTS` the forest takes.
    """

    galaxies: pd.DataFrame
    objects: pd.DataFrame
    model: MixtureDensityNetworks | None
    remapping: list[float]
    forest: RandomForestClassifier | None
    classifier: str


def agreement(made: bundle.Bundle, parts: Parts) -> dict[str, Any]:
    """Hold the fast way against the slow one, on validation objects.

    Returns
    -------
    dict
        `p_galaxy`: the largest difference from scikit-learn's forest. `redshift`: the largest difference of a quantile
        from that of the remapped PDFs on their grid (99th percentile of objects), and by level the percentage of true
        redshifts below. `outside_…_percent`: of validation objects that are flagged.
    """
    result: dict[str, Any] = {}
    if parts.forest is not None:
        held = held_out(parts.objects)
        answers = made.answers(held, "validation objects")
        of_class = bundle.CLASS_INPUTS[parts.classifier](held).to_numpy()
        slow = parts.forest.predict_proba(of_class)[:, list(parts.forest.classes_).index(True)]
        result["p_galaxy"] = {"largest_difference": float(np.max(np.abs(answers[names.P_GALAXY] - slow)))}
        result["outside_class_percent"] = float(100 * answers[names.OUTSIDE_CLASS].mean())
    if made.redshifts is not None:
        held = held_out(parts.galaxies)
        z, model = held["redshift"].to_numpy(), made.redshifts.model
        answers = made.redshifts(*magnitudes_and_errors(held))
        quantiles = np.column_stack([answers[names.quantile_name(level)] for level in names.LEVELS])
        pdfs = remapped(model.grid, model.pdf(*magnitudes_and_errors(held)), np.array(parts.remapping))
        slow = pdf_metrics.quantiles(model.grid, pdfs, np.array(names.LEVELS))
        below = {names.quantile_name(q): float(100 * np.mean(z < quantiles[:, k])) for k, q in enumerate(names.LEVELS)}
        differences = np.max(np.abs(quantiles - slow), axis=1)
        result["redshift"] = {"difference_99": float(np.percentile(differences, 99)), "below_percent": below}
        outside = made.outside_redshift(made.inputs(*magnitudes_and_errors(held)), *magnitudes_and_errors(held))
        result["outside_redshift_percent"] = float(100 * outside.mean())
    return result


def write_bundle(folder: Path, parts: Parts, settings: Mapping[str, Any]) -> None:
    """Write the folder of models that workers load.

    Parameters
    ----------
    folder : pathlib.Path
    parts : Parts
    settings : mapping
        `outside` of `TrainingDistribution.fit`, `isolation` of scikit-learn's IsolationForest.
    """
    labelled = pd.concat([in_training(parts.galaxies), in_training(parts.objects)]).drop_duplicates("object_id")
    about: dict[str, Any] = {"format": bundle.FORMAT, "bands": bands_of(map(str, labelled))}
    inputs = PhotometricInputs.for_sample(*magnitudes_and_errors(labelled))
    about["isolation"], arrays = fit_isolation(inputs(*magnitudes_and_errors(labelled)), settings["isolation"])
    arrays |= inputs.for_model()
    if parts.model is not None:
        about["redshift"] = {"remapping": parts.remapping}
        sample = magnitudes_and_errors(in_training(parts.galaxies))
        training = PhotometricTraining.fit(inputs(*sample)[:, : inputs.n_magnitudes], *sample, **settings["outside"])
        arrays |= training.to_arrays(bundle.REDSHIFT_TRAINING)
        parts.model.save(folder / names.REDSHIFT)
    if parts.forest is not None:
        about["class"], of_class = class_part(parts.objects, parts.classifier, parts.forest, settings["outside"])
        arrays |= of_class
    with replacing(folder / names.ARRAYS) as partial:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, partial)
    metrics.write_metrics(folder / names.ABOUT, about)
    about["agreement"] = agreement(bundle.Bundle.load(folder), parts)
    metrics.write_metrics(folder / names.ABOUT, about)


def has_inputs(classifier: str, objects: pd.DataFrame) -> bool:
    """Tell whether the inputs of a classifier are defined; say so if not: then the bundle does not tell classes."""
    lacking = sorted(set(bundle.class_columns(classifier, objects.columns)) - set(objects.columns))
    if lacking:
        print(f"no p(galaxy): the survey has neither {lacking[0]} nor cModelMag, so its concentration is undefined")
    return not lacking


def train_apply(_: argparse.Namespace) -> None:
    """Models of the redshift PDFs and of the star-galaxy result -> models/apply."""
    folder, settings = paths.MODELS / names.NAME, params.load("train_apply")
    shutil.rmtree(folder, ignore_errors=True)
    photoz_choices = read_choices(paths.MODELS / photoz.NAME / photoz.CHOICES, "pit-calibration train")
    class_choices = read_choices(paths.MODELS / star_galaxy.NAME / star_galaxy.CHOICES, "star-galaxy train")
    why = [choices["not_run"] for choices in (photoz_choices, class_choices) if "not_run" in choices]
    if len(why) == 2:
        metrics.write_metrics(folder / names.ABOUT, {"not_run": "; ".join(why)})
        return
    model, remapping, forest = None, [], None
    if "not_run" not in photoz_choices:
        model = MixtureDensityNetworks.load(paths.MODELS / photoz.NAME / ESTIMATOR)
        remapping = photoz_choices["calibrations"][ESTIMATOR]["remapping"]
    objects, _about = star_galaxy_sample(paths.DATA)
    if settings["classifier"] in class_choices.get("classifiers", []) and has_inputs(settings["classifier"], objects):
        loaded = classifiers.load(settings["classifier"], paths.MODELS / star_galaxy.NAME)
        assert isinstance(loaded, classifiers.ScikitLearn)
        forest = loaded.model
    write_bundle(folder, Parts(read_sample(), objects, model, remapping, forest, settings["classifier"]), settings)
