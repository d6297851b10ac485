"""Read the test galaxies, once: every number of the feature-importance result, with its bootstrap error."""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.adaboost import AdaBoostR2
from analysis.feature_importance.names import (
    ADABOOSTS,
    ANN_TABLE,
    CHOICES,
    IMPORTANCES,
    NAME,
    REDSHIFTS,
    ROWS,
    STANDARD,
    STANDARD_TOP_1_2_3,
)
from analysis.feature_importance.network import RedshiftNetwork
from analysis.features import feature_names, read_features
from analysis.results import read_choices, write_not_run, write_result

TABLES = {  # their columns; a result that cannot run leaves them empty
    IMPORTANCES: ["feature", "importance_all", "rank_all"],
    ANN_TABLE: [
        "inputs",
        "n_inputs",
        "mu",
        "mu_err",
        "sigma",
        "sigma_err",
        "outliers_percent",
        "outliers_percent_err",
    ],
    REDSHIFTS: ["z_spec", "z_predicted", "bin_width", "galaxies"],
}


def figures_of_merit(z_true: np.ndarray, z_predicted: np.ndarray, n: int, seed: int) -> dict[str, float]:
    """Return the paper-era metrics with bootstrap errors, and how many outliers there are."""
    scores = metrics.with_errors(metrics.PAPER_ERA, z_true, z_predicted, n, seed)
    return scores | {"n_outliers": int(metrics.is_outlier(z_true, z_predicted).sum())}


def gains(
    z_true: np.ndarray,
    z_baseline: np.ndarray,
    z_predicted: np.ndarray,
    n: int,
    seed: int,
    min_outliers: int,
    width: str = "sigma",
) -> dict[str, float]:
    """Return by how many percent of a baseline's value a prediction lowers a width and the outlier rate.

    Parameters
    ----------
    z_true, z_baseline, z_predicted : ndarray, shape (objects,)
        True redshifts and two predictions for the same objects.
    n, seed : int
        Number of bootstrap resamples, and their seed.
    min_outliers : int
        With fewer outliers in the baseline, their gain would rest on a handful of objects: it is left out.
    width : str
        Key of `metrics.PAPER_ERA`.

    Returns
    -------
    dict
        `<width>_percent` and `outliers_percent`, each with `_err` and the 95% interval from `_low` to `_high`.
    """
    compared = {f"{width}_percent": metrics.PAPER_ERA[width]}
    if metrics.is_outlier(z_true, z_baseline).sum() >= min_outliers:
        compared["outliers_percent"] = metrics.outliers_percent
    result: dict[str, float] = {}
    for name, metric in compared.items():
        result |= metrics.gain_percent(name, metric, z_true, z_baseline, z_predicted, n, seed)
    return result


def predict_all(test: pd.DataFrame, inputs: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Return the prediction of each AdaBoost, and of each row of networks (their mean), for galaxies."""
    folder = paths.MODELS / NAME
    predictions = {
        name: AdaBoostR2.load(folder / f"{name}.json").predict(test[inputs[name]].to_numpy()) for name in ADABOOSTS
    }
    for row in ROWS:
        networks = [RedshiftNetwork.load(path) for path in sorted((folder / row).glob("*.safetensors"))]
        predictions[row] = np.mean([network.predict(test[inputs[row]].to_numpy()) for network in networks], axis=0)
    return predictions


def compare_with_sdss(
    z_true: np.ndarray, sdss: np.ndarray, adaboost: np.ndarray, n: int, seed: int, min_outliers: int
) -> dict[str, float]:
    """Return the gains of AdaBoost on SDSS's own estimate, and the values of both, on galaxies that have both."""
    has = np.isfinite(sdss)
    z_true, sdss, adaboost = z_true[has], sdss[has], adaboost[has]
    compared = {name: metrics.PAPER_ERA[name] for name in ("sigma_scaled", "outliers_percent")}
    result = gains(z_true, sdss, adaboost, n, seed, min_outliers, width="sigma_scaled")
    for who, predicted in {"sdss": sdss, "adaboost": adaboost}.items():
        values = metrics.with_errors(compared, z_true, predicted, n, seed)
        for name in compared:
            result |= {f"{name}_{who}": values[name], f"{name}_{who}_err": values[f"{name}_err"]}
    return result


def ranked(importances: pd.DataFrame) -> pd.DataFrame:
    """Return importances (features x samples) with the rank in each sample, most important feature first."""
    columns = {}
    for name in importances:
        columns[f"importance_{name}"] = importances[name]
        columns[f"rank_{name}"] = importances[name].rank(ascending=False, method="first").astype(int)
    return pd.DataFrame(columns).sort_values("rank_all").reset_index()


def binned(z_true: np.ndarray, z_predicted: np.ndarray, width: float) -> pd.DataFrame:
    """Count galaxies in bins of true and predicted redshift; return the centres of those that hold any."""
    centres = [(np.floor(z / width) + 0.5) * width for z in (z_true, z_predicted)]
    table = pd.DataFrame(dict(zip(TABLES[REDSHIFTS][:2], np.round(centres, 6), strict=True)))
    return table.assign(bin_width=width).value_counts(sort=False).rename("galaxies").reset_index()


def ann_table(rows: dict[str, dict[str, float]], inputs: dict[str, list[str]]) -> pd.DataFrame:
    """Return the paper's table: a line for each choice of inputs."""
    lines = [{"inputs": row, "n_inputs": len(inputs[row])} | values for row, values in rows.items()]
    return pd.DataFrame(lines)[TABLES[ANN_TABLE]]


def evaluate_feature_importance(_: argparse.Namespace) -> None:
    """Models and test galaxies -> metrics.json and tables."""
    choices = read_choices(paths.MODELS / NAME / CHOICES, "feature-importance train")
    out = paths.RESULTS / NAME / paths.METRICS
    if "not_run" in choices:
        write_not_run(out, choices["not_run"], TABLES)
        return
    settings = params.load("evaluate_feature_importance")
    bootstrap = metrics.resampling(settings)
    to_gain = bootstrap | {"min_outliers": settings["min_outliers"]}
    galaxies, _summary = read_features(paths.FEATURES)
    test = galaxies[galaxies["split"] == "test"]
    z = test["redshift"].to_numpy()
    inputs = choices["inputs"]
    predictions = predict_all(test, inputs)

    scores = {name: figures_of_merit(z, p, **bootstrap) for name, p in predictions.items()}
    standard, best = predictions[STANDARD], predictions[STANDARD_TOP_1_2_3]
    compute = choices["compute"]
    sizes, names = galaxies["split"].value_counts(), feature_names(galaxies)
    result: dict[str, Any] = {
        "sample": {f"n_{split}": int(sizes[split]) for split in ("train", "validation", "test")}
        | {
            "n_features": len(names),
            "n_psf_features": sum(name.startswith("psfMag_") for name in names),
            "n_left_out_of_ranking": choices["n_left_out_of_ranking"],
        },
        **{name: scores[name] for name in ADABOOSTS},
        "ann": {row: scores[row] for row in ROWS},
        # the same inputs give the same networks: no gain to speak of
        "ann_gain": {} if inputs[STANDARD] == inputs[STANDARD_TOP_1_2_3] else gains(z, standard, best, **to_gain),
        "adaboost_vs_ann": gains(z, best, predictions["adaboost_same_inputs"], **to_gain),
        "compute": compute | {"ratio": compute["ann_cpu_seconds"] / compute["adaboost_cpu_seconds"]},
        "lsst": metrics.with_errors(metrics.LSST_ERA, z, predictions["adaboost"], **bootstrap),
    }
    if "photoz_sdss" in test and test["photoz_sdss"].notna().any():
        sdss = test["photoz_sdss"].to_numpy()
        result["sdss_vs_adaboost"] = compare_with_sdss(z, sdss, predictions["adaboost"], **to_gain)
    importances = pd.read_csv(paths.MODELS / NAME / IMPORTANCES, index_col="feature")
    tables = {
        IMPORTANCES: ranked(importances),
        ANN_TABLE: ann_table(result["ann"], inputs),
        REDSHIFTS: binned(z, predictions["adaboost"], settings["bin_width"]),
    }
    write_result(out, result, tables)
