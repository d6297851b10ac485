"""The same classifiers on real tables, every object judged by one that saw no object of its patch of sky."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from analysis import classification_metrics as merit
from analysis import metrics, params, paths
from analysis.star_galaxy import classifiers, comparison, inputs, names
from analysis.star_galaxy.classifiers import Forest
from analysis.star_galaxy.folds import cross_validated, sky_folds
from analysis.star_galaxy.network import WEIGHTS
from analysis.star_galaxy.sample import labelled_objects, lacks
from analysis.star_galaxy.transfer import run_on_real_stamps
from analysis.survey.real_tables import RealTable, ingested, provenance, table
from analysis.survey.schema import CLASSES

_STARS = (*(f"train_sgCatalogue_star_{k}.txt" for k in range(4)), "eval_sgCatalogue_star.txt")
TABLES = (
    table("star_galaxy_sdss")._replace(
        files=table("star_galaxy_sdss").files + _STARS,
        what="SDSS stars and galaxies with spectra, r band only (ANNZ's example set)",
    ),
    table("sdss_spectro_10k")._replace(what="SDSS DR14 stars, galaxies and quasars with spectra, model magnitudes"),
)
_TYPE_GALAXY = 3  # of SDSS's `type`; 6 is a star
_AS_CALLED: Mapping[str, metrics.Metric] = {  # of objects that are of a class, and objects called so
    "completeness": lambda is_it, called: float(np.mean(called[is_it])),
    "purity": lambda is_it, called: float(np.mean(is_it[called])),
}


def sdss_types(table: RealTable, real_data: Path) -> pd.Series | None:
    """Return SDSS's own `type` by object number, where the files of a table have it: a baseline, never an input."""
    files = [real_data / table.name / name for name in table.files]
    parts = [pd.read_csv(path, skiprows=[1]) for path in files]  # the second line says what the columns are
    if not all({"objid", "type"} <= set(part) for part in parts):
        return None
    return pd.concat(parts).drop_duplicates("objid").set_index("objid")["type"]


def three_classes(objects: pd.DataFrame, settings: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """Tell stars, galaxies and quasars apart by magnitudes and colours: TPC_phot with three classes.

    Returns
    -------
    dict
        For each class its number, AUC against the others, and completeness and purity where each object is given the
        class of highest probability; with bootstrap errors. Or `not_run`, why not: a class in so few patches of sky
        that some objects would be judged by a classifier that knows nothing of it.
    """
    X, truth = inputs.magnitudes_and_colours(objects), objects["class"].astype(str).to_numpy()
    fold = sky_folds(objects, settings["nside"], settings["n_folds"], settings["seed"])
    classes = np.unique(truth)
    p = np.empty((len(X), len(classes)))
    for name in classes:
        if len(np.unique(fold[truth == name])) < 2:
            return {"not_run": f"all objects of class {name} are in one of {settings['n_folds']} folds of sky patches"}
    for k in range(settings["n_folds"]):
        forest = Forest(seed=training["seed"], **training["forest"]).fit(X[fold != k], truth[fold != k]).model
        p[fold == k] = forest.predict_proba(X[fold == k])
    called = classes[p.argmax(axis=1)]
    how = metrics.resampling(settings)
    result: dict[str, Any] = {"accuracy": float(np.mean(called == truth))}
    for k, name in enumerate(classes):
        is_it = truth == name
        result[name] = {"n": int(is_it.sum())} | metrics.with_errors({"auc": merit.auc}, is_it, p[:, k], **how)
        result[name] |= metrics.with_errors(_AS_CALLED, is_it, called == name, **how)
    return result


def measure(name: str, catalogue: pd.DataFrame, types: pd.Series | None, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of merit of every classifier on a real table; `types`, SDSS's own, by object number."""
    training = params.load("train_star_galaxy")
    objects, sample = labelled_objects(catalogue, name)
    is_galaxy = objects["is_galaxy"].to_numpy()
    if why := lacks(is_galaxy, params.load("star_galaxy")["min_objects"]):
        return {"sample": sample, "not_run": why}
    chosen, without = classifiers.possible(objects)
    predictions = {
        one: cross_validated(one, objects, settings, training) for one in track(chosen, f"classifiers on {name}")
    }
    if types is not None:
        predictions[names.SDSS_TYPE] = (types[objects["object_id"]] == _TYPE_GALAXY).to_numpy().astype(float)
        without.pop(names.SDSS_TYPE, None)
    result = {
        "sample": sample | {"n_folds": settings["n_folds"]},
        "without": without,
        "classifiers": comparison.figures_of_merit(is_galaxy, predictions, settings),
        "auc_difference": comparison.auc_differences(is_galaxy, predictions, settings),
    }
    everything, _ = labelled_objects(catalogue, name, CLASSES)
    colours = len(inputs.magnitudes_and_colours(everything).columns) > 1
    if colours and (everything["class"] == "QSO").sum() >= settings["n_folds"]:
        result["three_classes"] = three_classes(everything, settings, training)
    return result


def run_on_real_tables(options: argparse.Namespace) -> None:
    """Real tables and stamps -> results/real/<table>/star_galaxy/metrics.json: numbers, never rows."""
    settings = params.load("real_star_galaxy")
    for one in TABLES:
        print(f"{one.name}: {one.what}")
        with ingested(one, options.real_data) as catalogue:
            measured = measure(one.name, catalogue, sdss_types(one, options.real_data), settings)
        content = {"provenance": provenance(one, options.real_data)} | measured
        metrics.write_metrics(paths.REAL_RESULTS / one.name / names.NAME / paths.METRICS, content)
    if (paths.MODELS / names.CONVNET_NAME / WEIGHTS).is_file():
        run_on_real_stamps(options.real_data)
    else:
        print("real stamps: left out, for the network has not been trained (`star-galaxy train-convnet`)")
