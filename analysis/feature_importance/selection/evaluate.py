"""Read the test galaxies, once: sigma against the number of features, inputs, and learners against AdaBoost."""

import argparse
import shutil
from typing import Any

import numpy as np
import pandas as pd

from analysis import metrics, params, paths
from analysis.feature_importance.selection import names
from analysis.feature_importance.selection.stability import rank_correlations, share_in_top
from analysis.features import feature_names, read_features
from analysis.files import replacing
from analysis.results import read_choices, write_not_run, write_result

TABLES = {  # their columns; a result that cannot run leaves them empty
    names.PERMUTATION: ["name", "kind", "n_features", "tree_importance", "rise_percent", "rise_percent_err"],
    names.RANKING: ["method", "feature", "relevance", "redundancy"],
    names.SEARCH: ["learner", "settings", "sigma_cross_validated"],
    names.IMPORTANCES: ["sample", "feature", "importance", "importance_err", "in_top"],
    names.CURVE: [
        "method",
        "n_features",
        "draws",
        "sigma_validation",
        "sigma_validation_err",
        "sigma",
        "sigma_err",
        "sigma_draws",
    ],
    names.INPUTS: ["inputs", "n_inputs", "sigma", "sigma_err", "sigma68", "sigma68_err", "outliers_percent"],
    names.LEARNERS: [
        "learner",
        "cpu_seconds",
        "sigma_cross_validated",
        "sigma",
        "sigma_err",
        "outliers_percent",
        "gain_percent",
        "gain_percent_err",
    ],
}
_COPIED = (names.PERMUTATION, names.RANKING, names.SEARCH)  # need no test galaxies: from the training stage

Bootstrap = dict[str, int]


def summarised(refits: pd.DataFrame, top: int) -> pd.DataFrame:
    """Return the mean importance over bootstrap refits, its standard deviation, and how often it is in the top.

    `refits` has an importance for each feature (columns) and each (sample, refit); the result a line for each sample
    and feature.
    """
    lines = []
    for sample, of_sample in refits.groupby("sample", sort=False):
        columns: dict[str, Any] = {
            "sample": sample,
            "importance": of_sample.mean(),
            "importance_err": of_sample.std(ddof=1),
            "in_top": share_in_top(of_sample.to_numpy(), top),
        }
        lines.append(pd.DataFrame(columns).rename_axis("feature").reset_index())
    return pd.concat(lines, ignore_index=True)[TABLES[names.IMPORTANCES]]


def stability(refits: pd.DataFrame, top: int) -> dict[str, float]:
    """Return how much the ranking over all galaxies changes between refits."""
    importances = refits.loc["all"].to_numpy()
    always = int(np.sum(share_in_top(importances, top) == 1))
    return {"n_refits": len(importances), "top": top, "always_in_top": always} | rank_correlations(importances)


def curve(predictions: pd.DataFrame, z: np.ndarray, test: np.ndarray, bootstrap: Bootstrap) -> pd.DataFrame:
    """Return sigma on validation and test galaxies for each method and number of features.

    Parameters
    ----------
    predictions : pandas.DataFrame
        A column `<method>:<number of features>:<draw>` for each model.
    z : ndarray, shape (objects,)
    test : ndarray of bool, shape (objects,)
        The others are validation galaxies.
    bootstrap : dict
        `n` and `seed`.

    Returns
    -------
    pandas.DataFrame
        Mean over the draws; `sigma_err` is the bootstrap error over galaxies, `sigma_draws` the standard deviation
        over draws (missing where there is one).
    """
    lines = []
    for name in map(str, predictions):
        method, n_features, _draw = name.split(":")
        predicted = predictions[name].to_numpy()
        on_test = metrics.with_errors({"sigma": metrics.sigma}, z[test], predicted[test], **bootstrap)
        on_validation = metrics.with_errors(
            {"sigma_validation": metrics.sigma}, z[~test], predicted[~test], **bootstrap
        )
        lines.append({"method": method, "n_features": int(n_features)} | on_validation | on_test)
    groups = pd.DataFrame(lines).groupby(["method", "n_features"], sort=False)
    spread = groups["sigma"].agg(draws="size", sigma_draws="std")
    return groups.mean().join(spread).reset_index()[TABLES[names.CURVE]]


def chosen_by_validation(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return, for each method, the number of features that validation chooses, and sigma on test galaxies with it.

    It is the least one whose sigma on validation is within one standard error of the lowest (Breiman et al. 1984).
    """
    columns = ["n_features", "sigma_validation", "sigma", "sigma_err"]
    chosen = {}
    for method, lines in table.sort_values("n_features").groupby("method", sort=False):
        sigmas, errors = (lines[name].to_numpy() for name in ("sigma_validation", "sigma_validation_err"))
        best = int(np.argmin(sigmas))
        enough = sigmas <= sigmas[best] + errors[best]
        chosen[str(method)] = lines.loc[enough, columns].to_dict("records")[0]
    return chosen


def scores(predictions: pd.DataFrame, z: np.ndarray, benchmark: str, bootstrap: Bootstrap) -> dict[str, dict[str, Any]]:
    """Return the metrics of each column of predictions on test galaxies, and its paired gain on the benchmark."""
    baseline = predictions[benchmark].to_numpy()
    result: dict[str, dict[str, Any]] = {}
    for name in map(str, predictions):
        predicted = predictions[name].to_numpy()
        result[name] = metrics.with_errors(metrics.PAPER_ERA, z, predicted, **bootstrap)
        if name != benchmark:
            gain = metrics.gain_percent("sigma_percent", metrics.sigma, z, baseline, predicted, **bootstrap)
            result[name]["gain"] = gain
    return result


def learners_table(by_learner: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return a line for each learner; its gain in sigma on the benchmark is missing for the benchmark itself."""
    lines = []
    for name, values in by_learner.items():
        gain = values.get("gain", {})
        of_sigma = {f"gain_percent{end}": gain.get(f"sigma_percent{end}") for end in ("", "_err")}
        lines.append({"learner": name} | values | of_sigma)
    return pd.DataFrame(lines)


def part_of(predictions: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the predictions of one part of the study, columns without its name."""
    of_part = predictions.filter(regex=f"^{part}:")
    return of_part.rename(columns=lambda name: name.removeprefix(f"{part}:"))


def evaluate_feature_selection(_: argparse.Namespace) -> None:
    """Predictions and test redshifts -> metrics.json and tables."""
    models, out = paths.MODELS / names.NAME, paths.RESULTS / names.NAME / paths.METRICS
    choices = read_choices(models / names.CHOICES, "feature-selection train")
    if "not_run" in choices:
        write_not_run(out, choices["not_run"], TABLES)
        return
    settings = params.load("evaluate_feature_selection")
    bootstrap = metrics.resampling(settings)
    galaxies, _summary = read_features(paths.FEATURES)
    others = galaxies[galaxies["split"] != "train"]
    z, test = others["redshift"].to_numpy(), (others["split"] == "test").to_numpy()
    predictions = pd.read_parquet(models / names.PREDICTIONS)
    refits = pd.read_parquet(models / names.REFITS)
    permutation = pd.read_csv(models / names.PERMUTATION)

    by_inputs, by_learner = (
        scores(part_of(predictions, part)[test], z[test], benchmark, bootstrap)
        for part, benchmark in (("inputs", "all"), ("learners", names.BENCHMARK))
    )
    by_learner = {name: by_learner[name] | choices["learners"][name] for name in by_learner}
    by_inputs = {name: {"n_inputs": choices["n_inputs"][name]} | by_inputs[name] for name in by_inputs}
    curves = curve(part_of(predictions, "curve"), z, test, bootstrap)
    kinds = permutation[permutation["name"] == permutation["kind"]].set_index("name")
    sizes = galaxies["split"].value_counts()
    result: dict[str, Any] = {
        "sample": {f"n_{split}": int(sizes[split]) for split in ("train", "validation", "test")}
        | {"n_features": len(feature_names(galaxies)), "n_unlabelled": choices["n_unlabelled"]},
        "permutation": {
            str(kind).replace(" ", "_"): line for kind, line in kinds.filter(like="rise").to_dict("index").items()
        },
        "stability": stability(refits, settings["top"]),
        "chosen": chosen_by_validation(curves),
        "inputs": by_inputs,
        "learners": by_learner,
    }
    tables = {
        names.IMPORTANCES: summarised(refits, settings["top"]),
        names.CURVE: curves,
        names.INPUTS: pd.DataFrame.from_dict(by_inputs, "index").rename_axis("inputs").reset_index(),
        names.LEARNERS: learners_table(by_learner),
    }
    write_result(out, result, {name: table[TABLES[name]] for name, table in tables.items()})
    for name in _COPIED:
        with replacing(out.with_name(name)) as partial:
            shutil.copy(models / name, partial)
