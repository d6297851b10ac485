"""The mock held against real tables: medians, quartiles and redshift errors of both -> results/real/anchoring."""

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from analysis import metrics, params, paths
from analysis.adaboost import AdaBoostR2
from analysis.anchoring import samples
from analysis.anchoring.names import (
    COMPARISONS,
    NAME,
    RADII,
    STATISTICS,
    TOLERANCES,
    Comparison,
)
from analysis.anchoring.samples import Pair
from analysis.features import feature_names, photometric_features
from analysis.results import write_tables
from analysis.survey.mock.parameters import parameters_hash
from analysis.survey.real_tables import provenance, table

QUARTILES = ("q25", "median", "q75")
PAIRS = {
    "main": samples.main_pair,
    "boss": samples.boss_pair,
    "shapes": samples.shapes_pair,
    "nearby": samples.nearby_pair,
}


def draw_pairs(real_data: Path, settings: dict[str, Any]) -> dict[str, Pair]:
    """Draw the mock galaxies of each comparison and read the real ones.

    Parameters
    ----------
    real_data : pathlib.Path
        The folder of real tables.
    settings : dict
        `seed`, and `n_galaxies`, the number of mock galaxies in each comparison.

    Returns
    -------
    dict of str to Pair
        Keys as in `names.COMPARISONS`.
    """
    number, seed = settings["n_galaxies"], settings["seed"]
    return {
        name: PAIRS[name](np.random.default_rng([seed, k]), number, real_data)
        for k, name in enumerate(track(COMPARISONS, description="drawing mock galaxies"))
    }


def statistics(name: str, pair: Pair, settings: dict[str, Any]) -> pd.DataFrame:
    """Compare medians and quartiles in bins.

    Parameters
    ----------
    name : str
        Of the comparison.
    pair : Pair
    settings : dict
        `seed` and `n_bootstrap` of the errors; bins of fewer real or mock galaxies than `min_in_bin` are left out.

    Returns
    -------
    pandas.DataFrame
        One row per quantity, bin and statistic (quartiles and median): value in mock and real galaxies with bootstrap
        errors, difference (of radii in percent), tolerance (NaN where a quartile is only reported), `within`.
    """
    comparison = COMPARISONS[name]
    rows = [
        row
        for quantity in comparison.quantities
        for low, high in pairwise(comparison.edges)
        for row in _bin_rows(comparison, quantity, (low, high), pair, settings)
    ]
    return pd.DataFrame(rows).assign(comparison=name)


def _bin_rows(
    comparison: Comparison, quantity: str, edges: tuple[float, float], pair: Pair, settings: dict[str, Any]
) -> list[dict[str, Any]]:
    inside = [galaxies[galaxies[comparison.binned_by].between(*edges)][quantity].dropna() for galaxies in pair]
    if min(map(len, inside)) < settings["min_in_bin"]:
        return []
    bootstrap = metrics.resampling(settings)
    values = [_quartiles(one.to_numpy()) for one in inside]
    drawn = [metrics.bootstrap(_quartiles, one.to_numpy(), **bootstrap) for one in inside]
    differences, errors = _difference(quantity, *values), _difference(quantity, *drawn).std(axis=0, ddof=1)
    tolerance = TOLERANCES[quantity]
    allowed = (tolerance.quartile, tolerance.median, tolerance.quartile)
    return [
        {
            "quantity": quantity,
            "low": edges[0],
            "high": edges[1],
            "statistic": statistic,
            "n_mock": len(inside[0]),
            "n_real": len(inside[1]),
            "mock": values[0][k],
            "mock_err": drawn[0][:, k].std(ddof=1),
            "real": values[1][k],
            "real_err": drawn[1][:, k].std(ddof=1),
            "difference": differences[k],
            "difference_err": errors[k],
            "tolerance": allowed[k] if allowed[k] is not None else np.nan,
            "within": allowed[k] is None or abs(differences[k]) <= allowed[k],
        }
        for k, statistic in enumerate(QUARTILES)
    ]


def _quartiles(values: np.ndarray) -> np.ndarray:
    return np.percentile(values, [25, 50, 75])


def _difference(quantity: str, mock: np.ndarray, real: np.ndarray) -> np.ndarray:
    return 100 * (mock / real - 1) if quantity in RADII else mock - real


def photoz(pair: Pair, settings: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Compare one estimator's redshift errors: boosted trees on magnitudes and colours, trained on half a sample.

    Both samples have the size of the smaller one. The errors are bootstraps over test galaxies.

    Returns
    -------
    dict
        LSST-era metrics of `mock` and `real`, each trained and tested on itself, and of `transfer`, trained on the
        mock and tested on the real galaxies; `ratio`, of sigma_IQR mock over real and transfer over real.
    """
    rng, number = np.random.default_rng(settings["seed"]), min(map(len, pair))
    shuffled = (galaxies.iloc[rng.permutation(len(galaxies))[:number]] for galaxies in pair)
    (mock_train, mock_test), (real_train, real_test) = ((one[: number // 2], one[number // 2 :]) for one in shuffled)
    cases = {"mock": (mock_train, mock_test), "real": (real_train, real_test), "transfer": (mock_train, real_test)}
    bootstrap = metrics.resampling(settings)
    result: dict[str, dict[str, float]] = {}
    sigma: dict[str, np.ndarray] = {}
    for name, (train, test) in cases.items():
        truth, predicted = test["redshift"].to_numpy(), _predicted(train, test, settings["adaboost"])
        result[name] = metrics.with_errors(metrics.LSST_ERA, truth, predicted, **bootstrap)
        sigma[name] = metrics.bootstrap(metrics.lsst_sigma_iqr, truth, predicted, **bootstrap)
    result["ratio"] = {}
    for name in ("mock", "transfer"):
        result["ratio"][name] = result[name]["sigma_IQR"] / result["real"]["sigma_IQR"]
        result["ratio"][f"{name}_err"] = float((sigma[name] / sigma["real"]).std(ddof=1))
    return result


def _predicted(train: pd.DataFrame, test: pd.DataFrame, adaboost: dict[str, Any]) -> np.ndarray:
    X = [photometric_features(galaxies) for galaxies in (train, test)]
    names = feature_names(X[0])
    model = AdaBoostR2(**adaboost).fit(X[0][names].to_numpy(), train["redshift"].to_numpy())
    return model.predict(X[1][names].to_numpy())


def summary(compared: pd.DataFrame) -> dict[str, Any]:
    """Return, by comparison and quantity: how many figures are tested, how many within, and the worst median."""
    result: dict[str, Any] = {}
    for (name, quantity), rows in compared.groupby(["comparison", "quantity"], sort=False):
        tested, medians = rows[rows["tolerance"].notna()], rows[rows["statistic"] == "median"]
        worst = medians.iloc[int(medians["difference"].abs().argmax())]
        result.setdefault(str(name), {})[str(quantity)] = {
            "n_tested": len(tested),
            "n_within": int(tested["within"].sum()),
            "worst": float(worst["difference"]),
            "worst_err": float(worst["difference_err"]),
            "tolerance": float(worst["tolerance"]),
        }
    return result


def made_with() -> dict[str, Any]:
    """Return what decides the result, the real tables aside: settings and the mock's parameters."""
    return {"params": params.load("real_anchoring"), "mock_parameters_sha256": parameters_hash()}


def measure(options: argparse.Namespace) -> None:
    """Real tables and a mock drawn for them -> metrics.json and statistics.csv: numbers, never rows."""
    settings = params.load("real_anchoring")
    pairs = draw_pairs(options.real_data, settings)
    compared = pd.concat([statistics(name, pair, settings) for name, pair in pairs.items()], ignore_index=True)
    result = {
        "made_with": made_with(),
        "provenance": {c.table: provenance(table(c.table), options.real_data) for c in COMPARISONS.values()},
        "sample": {name: {"n_mock": len(pair.mock), "n_real": len(pair.real)} for name, pair in pairs.items()},
        "figures": {
            "n_tested": int(compared["tolerance"].notna().sum()),
            "n_missed": int((~compared["within"]).sum()),
        },
        "compared": summary(compared),
        "photoz": {name: photoz(pairs[name], settings) for name in ("main", "boss")},
    }
    folder = paths.REAL_RESULTS / NAME
    write_tables(folder, {STATISTICS: compared}, digits=5)
    metrics.write_metrics(folder / paths.METRICS, result)
    print(f"{result['figures']['n_missed']} of {result['figures']['n_tested']} figures miss: see {folder / STATISTICS}")
