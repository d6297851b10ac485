"""The test objects, read once, by every classifier; and objects without spectra, in truth and on the sky."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import params, paths
from analysis.results import read_choices, write_not_run, write_result
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
_MADE_BY = "star-galaxy train-convnet"


def why_no_convnet(about: dict[str, Any], folder: Path) -> str:
    """Return why the network on the images has no predictions; empty where it has."""
    if "no_stamps" in about:
        return about["no_stamps"]
    choices = folder / names.CHOICES
    if not choices.is_file():
        return "the network has not been trained"
    return read_choices(choices, _MADE_BY).get("not_run", "")


def predict(
    objects: pd.DataFrame, trained: dict[str, classifiers.Classifier], with_convnet: bool
) -> tuple[dict[str, Array], Array]:
    """Return p(galaxy) of objects by each classifier, with stamps also by the network, and the error of that one."""
    found = {name: classifiers.p_galaxy(name, model, objects) for name, model in trained.items()}
    if not with_convnet:
        return found, np.full(len(objects), np.nan)
    from analysis.star_galaxy import network

    folder = paths.MODELS / names.CONVNET_NAME
    found[names.CONVNET], error = network.predict(folder, paths.DATA, objects["object_id"].to_numpy())
    return found, error


def by_network(test: pd.DataFrame, predictions: dict[str, Array], p_err: Array) -> pd.DataFrame:
    """Return a table of the test objects as the network sees them, without lines where there is none."""
    if names.CONVNET not in predictions:
        return pd.DataFrame(columns=TABLES[names.OBJECTS])
    band = inputs.magnitudes_and_colours(test).get(f"dered_{inputs.REFERENCE_BAND}")
    columns = {"object_id": test["object_id"], "class": test["class"], "r": band}
    return pd.DataFrame(columns | {"p_galaxy": predictions[names.CONVNET], "p_err": p_err})


def compare(test: pd.DataFrame, predictions: dict[str, Array], thresholds: Any, settings: dict[str, Any]) -> Any:
    """Return what the test objects say of all classifiers, with thresholds chosen on validation."""
    truth = test["is_galaxy"].to_numpy()
    return {
        "classifiers": comparison.figures_of_merit(truth, predictions, settings),
        "auc_difference": comparison.auc_differences(truth, predictions, settings),
        "thresholds": comparison.thresholds_on_test(truth, predictions, thresholds),
    }


def on_the_sky(trained: dict[str, classifiers.Classifier], settings: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return where on the sky the objects without spectra are that classifiers call stars and galaxies."""
    catalogue = read_catalogue(paths.DATA)
    nothing = pd.DataFrame(columns=sky.LATITUDE_COLUMNS)
    objects = catalogue[catalogue["class"].isna()]
    if why := sky.why_not(objects, settings["sky"]):
        return {"not_run": why}, nothing
    predictions = {name: classifiers.p_galaxy(name, model, objects) for name, model in trained.items()}
    return sky.measure(catalogue, objects, predictions, settings)


def evaluate(choices: dict[str, Any], settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return every number of the result, and its tables; `choices` are those of training."""
    models = paths.MODELS / names.NAME
    objects, about = star_galaxy_sample(paths.DATA)
    trained = {name: classifiers.load(name, models) for name in choices["classifiers"]}
    why = why_no_convnet(about, paths.MODELS / names.CONVNET_NAME)
    parts = [objects[objects["split"] == split] for split in ("validation", "test")]
    (of_validation, _), (of_test, p_err) = (predict(part, trained, with_convnet=not why) for part in parts)
    thresholds = comparison.thresholds_of(parts[0]["is_galaxy"].to_numpy(), of_validation)
    result = {"sample": about, "without": choices["without"] | ({names.CONVNET: why} if why else {})}
    result |= compare(parts[1], of_test, thresholds, settings)
    if not why:
        result["network"] = read_choices(paths.MODELS / names.CONVNET_NAME / names.CHOICES, _MADE_BY)

    training = params.load("train_star_galaxy")
    result["deep"], gain, others, of_others = deep.measure(paths.DATA, trained, settings, training)
    result["sky"], latitude = on_the_sky(trained, settings)

    judged = {names.TEST: (parts[1], of_test)} | {sample: (others, p) for sample, p in of_others.items()}
    curves = {sample: comparison.curves(*of, thresholds, settings) for sample, of in judged.items()}
    lines = [{"classifier": name} | values for name, values in result["classifiers"].items()]
    tables = {names.MERIT: pd.DataFrame(lines), names.GAIN: gain, names.LATITUDE: latitude}
    # the thresholds are those of the classifiers trained on spectra: others of the same name have none
    curves.get(names.SAME_KIND, {}).pop(names.BINS, None)
    for name in curves[names.TEST]:
        tables[name] = pd.concat([of[name].assign(sample=sample) for sample, of in curves.items() if name in of])
    tables |= {name: pd.read_csv(models / name) for name in COPIED}
    tables[names.OBJECTS] = by_network(parts[1], of_test, p_err)
    return result, {name: table[TABLES[name]] for name, table in tables.items()}


def evaluate_star_galaxy(_: argparse.Namespace) -> None:
    """Classifiers and test objects -> metrics.json and tables.

    Raises
    ------
    InputError
        If nothing has been trained.
    """
    choices = read_choices(paths.MODELS / names.NAME / names.CHOICES, "star-galaxy train")
    path = paths.RESULTS / names.NAME / paths.METRICS
    if "not_run" in choices:
        write_not_run(path, choices["not_run"], TABLES)
    else:
        write_result(path, *evaluate(choices, params.load("evaluate_star_galaxy")))
