"""The same code on real tables: redshifts by AdaBoost, and what shapes add to magnitudes and colours."""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.adaboost import fit_adaboost
from analysis.feature_importance.evaluate import figures_of_merit, gains
from analysis.feature_importance.selection.permutation import columns_by_kind, sigma_rises
from analysis.feature_importance.train import cross_validated
from analysis.features import COLOURS, MAGNITUDES, feature_names, sample_with_features
from analysis.survey.catalogue import sha256
from analysis.survey.columns_map import read_map
from analysis.survey.real_tables import TABLES, RealTable, ingested, provenance


def load_settings() -> dict[str, Any]:
    """Return all settings that a result on a real table depends on: those of the stages, but for seed and depth."""
    return {
        **params.load("real_feature_importance"),
        "z_max": params.load("features")["z_max"],
        "adaboost": params.load("train_feature_importance")["adaboost"],
        "n_permutations": params.load("train_feature_selection")["n_permutations"],
        **{name: params.load("evaluate_feature_importance")[name] for name in ("n_bootstrap", "min_outliers")},
    }


def permuted(galaxies: pd.DataFrame, settings: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return by how much sigma rises, in percent, when all features of a kind are shuffled among galaxies.

    Trained on all folds but one, shuffled in that one; the error is the standard error over shuffles.
    """
    names = feature_names(galaxies)
    held_out = np.random.default_rng(settings["seed"]).permutation(len(galaxies)) % settings["folds"] == 0
    model = fit_adaboost(galaxies[~held_out], names, settings["depth"], settings)
    groups = columns_by_kind(names)
    n = settings["n_permutations"]
    X, z = galaxies.loc[held_out, names].to_numpy(), galaxies.loc[held_out, "redshift"].to_numpy()
    rises = sigma_rises(model.predict, X, z, groups, n, settings["seed"])
    return {
        kind.replace(" ", "_"): {
            "n_features": len(groups[kind]),
            "rise_percent": float(values.mean()),
            "rise_percent_err": float(values.std(ddof=1) / np.sqrt(n)),
        }
        for kind, values in rises.items()
    }


def measure(galaxies: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the redshift metrics of a sample with all its features, with magnitudes and colours, and the gain."""
    bootstrap = metrics.resampling(settings)
    how = {"depth": settings["depth"], "folds": settings["folds"], "settings": settings | {"workers": 0}}
    names = feature_names(galaxies)
    photometry = [name for name in names if name in MAGNITUDES + COLOURS]
    if not set(photometry) & set(COLOURS):
        return {"not_run": "magnitudes in one band only: without a colour there is no photometric redshift"}
    z = galaxies["redshift"].to_numpy()
    baseline = predicted = cross_validated(galaxies, photometry, **how)
    if len(names) > len(photometry):
        predicted = cross_validated(galaxies, names, **how)
    result: dict[str, Any] = {
        "folds": settings["folds"],
        "adaboost": figures_of_merit(z, predicted, **bootstrap),
        "magnitudes_and_colours": figures_of_merit(z, baseline, **bootstrap),
    }
    result["permutation"] = permuted(galaxies, settings)
    if len(names) > len(photometry):
        result["gain"] = gains(z, baseline, predicted, **bootstrap, min_outliers=settings["min_outliers"])
    return result


def made_with(table: RealTable) -> dict[str, Any]:
    """Return the settings, and the checksums of the code and of the columns map, that decide a table's result."""
    code = [paths.PACKAGE / name for name in ("adaboost.py", "features.py", "metrics.py")]
    code += [paths.PACKAGE / "feature_importance" / f"{name}.py" for name in ("evaluate", "real", "train")]
    code.append(paths.PACKAGE / "feature_importance" / "selection" / "permutation.py")
    code.append(paths.PACKAGE / "survey" / "real_tables.py")
    files = [*code, paths.COLUMN_MAPS / table.map]
    return {
        "params": load_settings(),
        "sha256": {path.relative_to(paths.ROOT).as_posix(): sha256(path) for path in files},
    }


def run_on_real_tables(options: argparse.Namespace) -> None:
    """Real tables -> results/real/<table>/metrics.json: figures and numbers, never rows."""
    settings = load_settings()
    for table in TABLES:
        print(f"{table.name}: {table.what}")
        with ingested(table, options.real_data) as catalogue:
            galaxies = sample_with_features(catalogue, settings["z_max"])
            sample = {
                "n_objects": len(catalogue),
                "n_galaxies_with_redshift": len(galaxies),
                "n_features": len(feature_names(galaxies)),
            }
        result: dict[str, Any] = {
            "provenance": provenance(table, options.real_data),
            "made_with": made_with(table),
            "sample": sample,
        }
        if read_map(paths.COLUMN_MAPS / table.map).simulated:
            result["simulated"] = True
        metrics.write_metrics(paths.REAL_RESULTS / table.name / paths.METRICS, result | measure(galaxies, settings))
