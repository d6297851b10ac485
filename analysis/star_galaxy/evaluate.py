"""The test objects, read once, by every classifier; and objects without spectra, in truth and on the sky."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import params, paths
from analysis.results import write_not_run, write_result
from analysis.star_galaxy import classifiers, comparison, deep, inputs, names, sky
from analysis.star_galaxy.sample import star_galaxy_sample
from analysis.survey.catalogue import read_catalogue

Array = np.ndarray

TABLES = {  # their columns; what cannot run leaves them empty
    names.MERIT: comparison.MERIT_COLUMNS,
    names.ROC: comparison.ROC_COLUMNS,
    names.RELIABILITY: comparison.RELIABILITY_COLUMNS,
    names.BINS: comparison.BIN_COLUMNS,
    names.IMPORTANCES: ["feature", "importance", "importance_err"],
    names.KINDS: ["kind", "n_features", "mse_rise", "mse_rise_err"],
    names.GAIN: deep.GAIN_COLUMNS,
    names.OBJECTS: ["object_id", "class", "r", "p_galaxy", "p_err"],
    names.LATITUDE: sky.LATITUDE_COLUMNS,
}
COPIED = (names.IMPORTANCES, names.KINDS)


def why_no_convnet(about: dict[str, Any], folder: Path) -> str:
    """Return why the network on the images has no predictions, or nothing."""
    if "no_stamps" in about:
        return about["no_stamps"]
    choices = folder / names.CHOICES
    if not choices.is_file():
        return "the network has not been trained"
    return json.loads(choices.read_text()).get("not_run", "")


def predict(
    objects: pd.DataFrame, trained: dict[str, classifiers.Classifier], with_convnet: bool
) -> tuple[dict[str, Array], Array | None]:
    """Return p(galaxy) of objects by each classifier, and with stamps by the network, whose error is returned too."""
    error = None
    found = {name: classifiers.p_galaxy(name, model, objects) for name, model in trained.items()}
    if with_convnet:
        from analysis.star_galaxy import network

        folder = paths.MODELS / names.CONVNET_NAME
        found[names.CONVNET], error = network.predict(folder, paths.DATA, objects["object_id"].to_numpy())
    return found, error


def by_network(test: pd.DataFrame, p_galaxy: Array, p_err: Array) -> pd.DataFrame:
    """Return a table of the test objects as the network sees them."""
    band = inputs.magnitudes_and_colours(test).get(f"dered_{inputs.REFERENCE_BAND}")
    columns = {"object_id": test["object_id"], "class": test["class"], "r": band, "p_galaxy": p_galaxy, "p_err": p_err}
    return pd.DataFrame(columns, columns=TABLES[names.OBJECTS], index=test.index)


def compare(
    validation: pd.DataFrame,
    test: pd.DataFrame,
    predictions: tuple[dict[str, Array], dict[str, Array]],
    settings: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return what the test objects say of all classifiers, with thresholds chosen on validation; and tables of it."""
    of_validation, of_test = predictions
    truth = test["is_galaxy"].to_numpy()
    thresholds = comparison.thresholds_of(validation["is_galaxy"].to_numpy(), of_validation)
    merit = comparison.figures_of_merit(truth, of_test, settings)
    result = {
        "classifiers": merit,
        "auc_difference": comparison.auc_differences(truth, of_test, settings),
        "thresholds": comparison.thresholds_on_test(truth, of_test, thresholds),
    }
    lines = [{"classifier": name} | values for name, values in merit.items()]
    graded = {name: p for name, p in of_test.items() if name not in comparison.CUTS}
    tables = {
        names.MERIT: pd.DataFrame(lines, columns=TABLES[names.MERIT]),
        names.ROC: comparison.roc(truth, of_test),
        names.RELIABILITY: comparison.reliability(truth, graded, settings["n_reliability"]),
        names.BINS: by_magnitude_and_colour(test, of_test, thresholds, settings["n_bins"]),
    }
    return result, tables


def by_magnitude_and_colour(
    test: pd.DataFrame, predictions: dict[str, Array], thresholds: dict[str, Any], n_bins: int
) -> pd.DataFrame:
    """Return completeness and purity in bins of equal numbers of test objects, by magnitude and, if any, by colour."""
    photometry = inputs.magnitudes_and_colours(test)
    band = inputs.REFERENCE_BAND
    parts = []
    for by, column in {names.MAGNITUDE: f"dered_{band}", names.COLOUR: f"dered_g-dered_{band}"}.items():
        if column in photometry:
            values = photometry[column].to_numpy()
            edges = comparison.equal_numbers(values, n_bins)
            parts.append(comparison.by_bins(values, by, edges, test["is_galaxy"].to_numpy(), predictions, thresholds))
    return pd.concat(parts) if parts else pd.DataFrame(columns=TABLES[names.BINS])


def on_the_sky(trained: dict[str, classifiers.Classifier], settings: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return where on the sky the objects without spectra are that classifiers call stars and galaxies."""
    catalogue = read_catalogue(paths.DATA)
    nothing = pd.DataFrame(columns=sky.LATITUDE_COLUMNS)
    objects = catalogue[catalogue["class"].isna()]
    if why := sky.why_not(objects, settings["sky"]):
        return {"not_run": why}, nothing
    predictions = {name: classifiers.p_galaxy(name, model, objects) for name, model in trained.items()}
    return sky.measure(catalogue, objects, predictions, settings)


def evaluate_star_galaxy(_: argparse.Namespace) -> None:
    """Classifiers and test objects -> metrics.json and tables."""
    settings, models = params.load("evaluate_star_galaxy"), paths.MODELS / names.NAME
    choices = json.loads((models / names.CHOICES).read_text())
    path = paths.RESULTS / names.NAME / names.METRICS
    if "not_run" in choices:
        write_not_run(path, choices["not_run"], TABLES)
        return
    objects, about = star_galaxy_sample(paths.DATA)
    trained = {name: classifiers.load(name, models) for name in choices["classifiers"]}
    why = why_no_convnet(about, paths.MODELS / names.CONVNET_NAME)
    judged = objects[objects["split"] != "train"]
    predictions, error = predict(judged, trained, with_convnet=not why)
    parts = {split: (judged["split"] == split).to_numpy() for split in ("validation", "test")}
    of_split = [{name: p[part] for name, p in predictions.items()} for part in parts.values()]
    validation, test = (judged[part] for part in parts.values())
    result, tables = compare(validation, test, (of_split[0], of_split[1]), settings)
    tables[names.OBJECTS] = pd.DataFrame(columns=TABLES[names.OBJECTS])
    if error is not None:
        tables[names.OBJECTS] = by_network(test, of_split[1][names.CONVNET], error[parts["test"]])
    result = {"sample": about, "without": choices["without"] | ({names.CONVNET: why} if why else {})} | result
    training = params.load("train_star_galaxy")
    result["deep"], tables[names.GAIN] = deep.measure(paths.DATA, trained, settings, training)
    result["sky"], tables[names.LATITUDE] = on_the_sky(trained, settings)
    write_result(path, result, tables | {name: pd.read_csv(models / name) for name in COPIED})
