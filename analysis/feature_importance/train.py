"""Train the learners of Hoyle et al. (2015) and rank the features. Everything is chosen on validation."""

import argparse
import shutil
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from rich.progress import track
from torch.utils.data import TensorDataset

from analysis import metrics, params, paths
from analysis.adaboost import AdaBoostR2, fit_adaboost
from analysis.cores import cores
from analysis.feature_importance.names import (
    ADABOOSTS,
    CHOICES,
    IMPORTANCES,
    NAME,
    ROWS,
    STANDARD,
    STANDARD_TOP_1_2,
    STANDARD_TOP_1_2_3,
    TOP_1_2,
)
from analysis.feature_importance.network import RedshiftNetwork, squared_error
from analysis.features import feature_names, read_features, standard_features
from analysis.results import write_tables
from analysis.training import LOG, Settings, train

Item = TypeVar("Item")
Result = TypeVar("Result")

_EARLY_TYPE = 0.5  # least fracDeV_r of an early type


def subsamples(galaxies: pd.DataFrame, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Divide galaxies by type (weight of the de Vaucouleurs profile in r) and by r magnitude.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        One row per galaxy; where no galaxy has `fracDeV_r` or `dered_r`, there is no division by it.
    edges : ndarray, shape (2,)
        r magnitudes between bright, middle and faint.

    Returns
    -------
    dict
        Name of each subsample: whether a galaxy is in it, shape (objects,).
    """
    types, magnitudes = {"all": np.full(len(galaxies), True)}, {"all": np.full(len(galaxies), True)}
    if _is_measured(galaxies, "fracDeV_r"):
        weight = galaxies["fracDeV_r"].to_numpy()
        types = {"early": weight > _EARLY_TYPE, "late": weight <= _EARLY_TYPE}
    if _is_measured(galaxies, "dered_r"):
        r = galaxies["dered_r"].to_numpy()
        magnitudes = {
            "bright": r < edges[0],
            "middle": (r >= edges[0]) & (r < edges[1]),
            "faint": r >= edges[1],
        }
    return {
        f"{t}_{m}": of_type & of_magnitude for t, of_type in types.items() for m, of_magnitude in magnitudes.items()
    }


def _is_measured(galaxies: pd.DataFrame, name: str) -> bool:
    return name in galaxies and bool(galaxies[name].notna().any())


def top_features(importances: pd.DataFrame, k: int) -> list[str]:
    """List the features that are among the `k` most important in any subsample.

    `importances` has a row per feature and a column per subsample.
    """
    ranks = importances.rank(ascending=False, method="first")
    return list(importances.index[(ranks <= k).any(axis=1)])


def network_inputs(names: list[str], importances: pd.DataFrame) -> dict[str, list[str]]:
    """Return the features that the aNN gets in each row of the paper's table."""
    standard = standard_features(names)
    top_2, top_3 = (top_features(importances, k) for k in (2, 3))
    rows = {
        STANDARD: standard,
        TOP_1_2: top_2,
        STANDARD_TOP_1_2: standard + top_2,
        STANDARD_TOP_1_2_3: standard + top_3,
    }
    return {row: [name for name in names if name in inputs] for row, inputs in rows.items()}


def in_parallel(
    work: Callable[[Item], Result], items: Collection[Item], workers: int, description: str
) -> list[Result]:
    """Return `work` of each item, several at a time (0 workers: one per core), with a progress bar.

    Threads suffice: LightGBM computes outside of Python's lock.
    """
    with ThreadPoolExecutor(workers or cores()) as pool:
        return list(track(pool.map(work, items), description, total=len(items)))


def cross_validated(
    galaxies: pd.DataFrame, inputs: list[str], depth: int, folds: int, settings: dict[str, Any]
) -> np.ndarray:
    """Predict each galaxy's redshift by an AdaBoost that was trained on the other folds.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        One row per galaxy: inputs and `redshift`.
    inputs : list of str
        Features used.
    depth : int
        Of the trees.
    folds : int
        Number of parts, at random by the settings' seed: the same parts for any inputs.
    settings : dict
        Of the training stage.

    Returns
    -------
    ndarray, shape (objects,)
    """
    fold = np.random.default_rng(settings["seed"]).permutation(len(galaxies)) % folds
    training = [fold != number for number in range(folds)]
    models = in_parallel(
        lambda chosen: fit_adaboost(galaxies[chosen], inputs, depth, settings),
        training,
        settings["workers"],
        f"{len(galaxies)} galaxies, {len(inputs)} features, {folds} folds",
    )
    predicted = np.empty(len(galaxies))
    for chosen, model in zip(training, models, strict=True):
        predicted[~chosen] = model.predict(galaxies.loc[~chosen, inputs].to_numpy())
    return predicted


def fit_networks(
    training: pd.DataFrame, validation: pd.DataFrame, row: str, inputs: list[str], settings: dict[str, Any]
) -> float:
    """Train the networks of a row of the table; return the CPU seconds of all, for their mean is what is judged."""
    samples = (_tensors(training, inputs), _tensors(validation, inputs))
    X, z = training[inputs].to_numpy(float), training["redshift"].to_numpy()
    seconds = 0.0
    for number in range(settings["n_networks"]):
        seed = settings["seed"] + number
        network = RedshiftNetwork.for_sample(X, z, settings["hidden"], seed)
        checkpoints = paths.CHECKPOINTS / NAME / row / str(number)
        how = Settings(**settings["network"], seed=seed)
        history = train(network, squared_error, *samples, how, checkpoints)
        seconds += sum(epoch["cpu_seconds"] for epoch in history)
        network.save(paths.MODELS / NAME / row / f"network_{number}.safetensors")
        shutil.copy(checkpoints / LOG, paths.MODELS / NAME / row / f"log_{number}.csv")
    return seconds


def _tensors(galaxies: pd.DataFrame, inputs: list[str]) -> TensorDataset:
    columns = (galaxies[inputs], galaxies["redshift"])
    return TensorDataset(*(torch.tensor(column.to_numpy(np.float32)) for column in columns))


def _cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def choose_depth(
    training: pd.DataFrame, validation: pd.DataFrame, names: list[str], settings: dict[str, Any]
) -> tuple[AdaBoostR2, int, dict[str, dict[str, float]]]:
    """Fit to all features with each depth; return the model chosen, its depth, sigma with error by depth.

    Chosen is the smallest depth whose sigma on validation is within one bootstrap error of the lowest (the
    one-standard-error rule: Breiman et al. 1984, Classification and Regression Trees, section 3.4.3).
    """
    depths = settings["depths"]
    models = in_parallel(
        lambda depth: fit_adaboost(training, names, depth, settings),
        depths,
        settings["workers"],
        "AdaBoost, depth of the trees",
    )
    fits = dict(zip(depths, models, strict=True))
    z, X = validation["redshift"].to_numpy(), validation[names].to_numpy()
    resampling = metrics.resampling(settings)
    sigmas = {
        depth: metrics.with_errors({"sigma": metrics.sigma}, z, model.predict(X), **resampling)
        for depth, model in fits.items()
    }
    lowest = min(sigmas.values(), key=lambda found: found["sigma"])
    limit = lowest["sigma"] + lowest["sigma_err"]
    chosen = min(depth for depth, found in sigmas.items() if found["sigma"] <= limit)
    return fits[chosen], chosen, {str(depth): found for depth, found in sigmas.items()}


def without_bad_labels(training: pd.DataFrame, names: list[str], depth: int, settings: dict[str, Any]) -> pd.DataFrame:
    """Leave out the galaxies whose redshift contradicts their photometry: outliers of a model that never saw them.

    AdaBoost.R2 divides all losses by the largest. One wrong redshift, which no feature can explain, sets that scale
    and draws weight until trees isolate the galaxy by whatever feature it is extreme in: harmless to the weighted
    median of a prediction, but not to a ranking of features.
    """
    predicted = cross_validated(training, names, depth, settings["folds"], settings)
    return training[~metrics.is_outlier(training["redshift"].to_numpy(), predicted)]


def importances_by_subsample(
    galaxies: pd.DataFrame, names: list[str], depth: int, settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return importances over all galaxies ('all') and each large subsample, and how they divide."""
    has_r = _is_measured(galaxies, "dered_r")
    edges = np.nanquantile(galaxies["dered_r"], [1 / 3, 2 / 3]) if has_r else np.empty(0)
    large = {
        name: chosen
        for name, chosen in subsamples(galaxies, edges).items()
        if settings["min_subsample"] <= chosen.sum() < len(galaxies)
    }
    samples = {"all": np.full(len(galaxies), True)} | large
    models = in_parallel(
        lambda chosen: fit_adaboost(galaxies[chosen], names, depth, settings),
        samples.values(),
        settings["workers"],
        "AdaBoost, all galaxies and subsamples",
    )
    columns = {name: model.feature_importances_ for name, model in zip(samples, models, strict=True)}
    sizes = {name: int(chosen.sum()) for name, chosen in large.items()}
    table = pd.DataFrame(columns, index=pd.Index(names, name="feature"))
    return table, {"magnitude_edges": [float(edge) for edge in edges], "subsamples": sizes}


def train_feature_importance(_: argparse.Namespace) -> None:
    """Features and split -> models, importances and what was chosen on the way."""
    settings = params.load("train_feature_importance")
    galaxies, summary = read_features(paths.FEATURES)
    folder = paths.MODELS / NAME
    if "not_run" in summary:
        metrics.write_metrics(folder / CHOICES, {"not_run": summary["not_run"]})
        return
    names = feature_names(galaxies)
    training, validation = (galaxies[galaxies["split"] == split] for split in ("train", "validation"))

    adaboost, depth, sigmas = choose_depth(training, validation, names, settings)
    ranking = without_bad_labels(training, names, depth, settings)
    importances, divided = importances_by_subsample(ranking, names, depth, settings)
    write_tables(folder, {IMPORTANCES: importances.reset_index()})
    inputs = network_inputs(names, importances.drop(columns="all") if divided["subsamples"] else importances)

    torch.set_num_threads(1)  # as AdaBoost's: threads that wait for each other would cost CPU time too
    same_inputs, adaboost_seconds = _cpu_seconds(
        lambda: fit_adaboost(training, inputs[STANDARD_TOP_1_2_3], depth, settings)
    )
    standard = fit_adaboost(training, inputs[STANDARD], depth, settings)
    for name, model in zip(ADABOOSTS, (adaboost, standard, same_inputs), strict=True):
        model.save(folder / f"{name}.json")
    ann_seconds = {
        row: fit_networks(training, validation, row, inputs[row], settings)
        for row in track(ROWS, "neural networks, rows of the table")
    }
    adaboost_inputs = dict(zip(ADABOOSTS, (names, inputs[STANDARD], inputs[STANDARD_TOP_1_2_3]), strict=True))
    choices = {
        "depth": depth,
        "validation_by_depth": sigmas,
        "n_left_out_of_ranking": len(training) - len(ranking),
        **divided,
        "inputs": adaboost_inputs | inputs,
        "compute": {
            "adaboost_cpu_seconds": adaboost_seconds,
            "ann_cpu_seconds": ann_seconds[STANDARD_TOP_1_2_3],
        },
    }
    metrics.write_metrics(folder / CHOICES, choices)
    shutil.rmtree(paths.CHECKPOINTS / NAME, ignore_errors=True)
