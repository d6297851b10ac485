"""Read the test galaxies, once: every number of the feature-importance result, with its bootstrap error."""

import argparse
import json
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.feature_importance.model import AdaBoostR2
from analysis.feature_importance.names import (
    ADABOOSTS,
    ANN_TABLE,
    CHOICES,
    IMPORTANCES,
    METRICS,
    NAME,
    REDSHIFTS,
    ROWS,
    STANDARD,
    STANDARD_TOP_1_2_3,
)
from analysis.feature_importance.network import RedshiftNetwork
from analysis.features import feature_names, read_features
from analysis.files import replacing

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
    REDSHIFTS: ["z_spec", "z_predicted", "galaxies"],
}


def gains(z_true: np.ndarray, z_baseline: np.ndarray, z_predicted: np.ndarray, n: int, seed: int) -> dict[str, float]:
    """Return the gain on a baseline in sigma and outliers, in percent of it, with error and 95% interval (paired).

    A gain on a baseline that has no outliers to lose is left out.
    """
    result = {}
    for name, metric in {
        "sigma_percent": metrics.sigma,
        "outliers_percent": metrics.outliers_percent,
    }.items():
        gain = metrics.gain_percent(metric, z_true, z_baseline, z_predicted, n, seed)
        if gain:
            result[name] = gain["value"]
            result |= {f"{name}_{part}": gain[part] for part in ("err", "low", "high")}
    return result


def predict_all(test: pd.DataFrame, inputs: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Return the prediction of each AdaBoost, and of each row of networks (their mean), for galaxies."""
    folder = paths.MODELS / NAME
    predictions = {
        name: AdaBoostR2.load(folder / f"{name}.txt").predict(test[inputs[name]].to_numpy()) for name in ADABOOSTS
    }
    for row in ROWS:
        networks = [RedshiftNetwork.load(path) for path in sorted((folder / row).glob("*.safetensors"))]
        predictions[row] = np.mean([network.predict(test[inputs[row]].to_numpy()) for network in networks], axis=0)
    return predictions


def compare_with_sdss(
    z_true: np.ndarray, sdss: np.ndarray, adaboost: np.ndarray, n: int, seed: int
) -> dict[str, float]:
    """Return sigma_scaled and outliers of SDSS's own estimate and of AdaBoost, on galaxies that have both."""
    has = np.isfinite(sdss)
    compared = {name: metrics.PAPER_ERA[name] for name in ("sigma_scaled", "outliers_percent")}
    result: dict[str, float] = {}
    for who, predicted in {"sdss": sdss, "adaboost": adaboost}.items():
        values = metrics.with_errors(compared, z_true[has], predicted[has], n, seed)
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
    return table.value_counts(sort=False).rename("galaxies").reset_index()


def ann_table(rows: dict[str, dict[str, float]], inputs: dict[str, list[str]]) -> pd.DataFrame:
    """Return the paper's table: a line for each choice of inputs."""
    lines = [{"inputs": row, "n_inputs": len(inputs[row])} | values for row, values in rows.items()]
    return pd.DataFrame(lines)[TABLES[ANN_TABLE]]


def evaluate_feature_importance(_: argparse.Namespace) -> None:
    """Models and test galaxies -> metrics.json and tables."""
    choices = json.loads((paths.MODELS / NAME / CHOICES).read_text())
    if "not_run" in choices:
        tables = {name: pd.DataFrame(columns=columns) for name, columns in TABLES.items()}
        _write({"not_run": choices["not_run"]}, tables)
        return
    settings = params.load("evaluate_feature_importance")
    bootstrap = {"n": settings["n_bootstrap"], "seed": settings["seed"]}
    galaxies, _summary = read_features(paths.FEATURES)
    test = galaxies[galaxies["split"] == "test"]
    z = test["redshift"].to_numpy()
    predictions = predict_all(test, choices["inputs"])

    scores = {name: metrics.with_errors(metrics.PAPER_ERA, z, p, **bootstrap) for name, p in predictions.items()}
    standard, best = predictions[STANDARD], predictions[STANDARD_TOP_1_2_3]
    compute = choices["compute"]
    sizes = galaxies["split"].value_counts()
    result: dict[str, Any] = {
        "sample": {f"n_{split}": int(sizes[split]) for split in ("train", "validation", "test")}
        | {"n_features": len(feature_names(galaxies))},
        **{name: scores[name] for name in ADABOOSTS},
        "ann": {row: scores[row] for row in ROWS},
        "ann_gain": gains(z, standard, best, **bootstrap),
        "adaboost_vs_ann": gains(z, best, predictions["adaboost_same_inputs"], **bootstrap),
        "compute": compute | {"ratio": compute["ann_cpu_seconds"] / compute["adaboost_cpu_seconds"]},
        "lsst": metrics.with_errors(metrics.LSST_ERA, z, predictions["adaboost"], **bootstrap),
    }
    if "photoz_sdss" in test and test["photoz_sdss"].notna().any():
        sdss = test["photoz_sdss"].to_numpy()
        result["sdss_vs_adaboost"] = compare_with_sdss(z, sdss, predictions["adaboost"], **bootstrap)
    if not any(name.startswith("psfMag") for name in choices["inputs"][STANDARD]):
        result["note"] = "the survey has no PSF magnitudes: model magnitudes stand for them"
    importances = pd.read_csv(paths.MODELS / NAME / IMPORTANCES, index_col="feature")
    tables = {
        IMPORTANCES: ranked(importances),
        ANN_TABLE: ann_table(result["ann"], choices["inputs"]),
        REDSHIFTS: binned(z, predictions["adaboost"], settings["bin_width"]),
    }
    _write(result, tables)


def _write(result: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
    folder = paths.RESULTS / NAME
    for name, table in tables.items():
        with replacing(folder / name) as partial:
            table.to_csv(partial, index=False, float_format="%.6g")
    metrics.write_metrics(folder / METRICS, result)
