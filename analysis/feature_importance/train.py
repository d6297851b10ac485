"""Train the learners of Hoyle et al. (2015) and rank the features. Everything is chosen on validation."""

import argparse
import os
import shutil
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from rich.progress import track
from torch.utils.data import TensorDataset

from analysis import metrics, params, paths
from analysis.feature_importance.model import AdaBoostR2
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
from analysis.files import replacing
from analysis.training import LOG, Settings, train

Item = TypeVar("Item")
Result = TypeVar("Result")

_EARLY_TYPE = 0.5  # least fracDeV_r of an early type


def subsamples(galaxies: pd.DataFrame, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Divide galaxies by type (weight of the de Vaucouleurs profile in r) and by r magnitude.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        One row per galaxy; where `fracDeV_r` or `dered_r` is missing, there is no division by it.
    edges : ndarray, shape (2,)
        r magnitudes between bright, middle and faint.

    Returns
    -------
    dict
        Name of each subsample: whether a galaxy is in it, shape (objects,).
    """
    types, magnitudes = {"all": np.full(len(galaxies), True)}, {"all": np.full(len(galaxies), True)}
    if "fracDeV_r" in galaxies:
        weight = galaxies["fracDeV_r"].to_numpy()
        types = {"early": weight > _EARLY_TYPE, "late": weight <= _EARLY_TYPE}
    if "dered_r" in galaxies:
        r = galaxies["dered_r"].to_numpy()
        magnitudes = {
            "bright": r < edges[0],
            "middle": (r >= edges[0]) & (r < edges[1]),
            "faint": r >= edges[1],
        }
    return {
        f"{t}_{m}": of_type & of_magnitude for t, of_type in types.items() for m, of_magnitude in magnitudes.items()
    }


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


def fit_adaboost(galaxies: pd.DataFrame, inputs: list[str], depth: int, settings: dict[str, Any]) -> AdaBoostR2:
    """Fit AdaBoost to the redshifts of galaxies with the settings of the stage."""
    model = AdaBoostR2(max_depth=depth, **settings["adaboost"], seed=settings["seed"])
    return model.fit(galaxies[inputs].to_numpy(), galaxies["redshift"].to_numpy())


def in_parallel(
    work: Callable[[Item], Result], items: Collection[Item], workers: int, description: str
) -> list[Result]:
    """Return `work` of each item, several at a time (0 workers: one per core), with a progress bar.

    Threads suffice: LightGBM computes outside of Python's lock.
    """
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        return list(track(pool.map(work, items), description, total=len(items)))


def fit_networks(
    training: pd.DataFrame, validation: pd.DataFrame, row: str, inputs: list[str], settings: dict[str, Any]
) -> float:
    """Train the networks of a row of the table; return the CPU seconds of one, on average."""
    samples = (_tensors(training, inputs), _tensors(validation, inputs))
    X, z = training[inputs].to_numpy(float), training["redshift"].to_numpy()
    seconds = 0.0
    for number in range(settings["n_networks"]):
        seed = settings["seed"] + number
        network = RedshiftNetwork.for_sample(X, z, settings["hidden"], seed)
        checkpoints = _checkpoints() / row / str(number)
        how = Settings(**settings["network"], seed=seed, device="cpu")
        history = train(network, squared_error, *samples, how, checkpoints)
        seconds += sum(epoch["cpu_seconds"] for epoch in history)
        network.save(paths.MODELS / NAME / row / f"network_{number}.safetensors")
        shutil.copy(checkpoints / LOG, paths.MODELS / NAME / row / f"log_{number}.csv")
    return seconds / settings["n_networks"]


def _checkpoints() -> Path:
    """Return where interrupted trainings wait: not in the stage's output, which DVC clears first."""
    return paths.MODELS / "checkpoints" / NAME


def _tensors(galaxies: pd.DataFrame, inputs: list[str]) -> TensorDataset:
    columns = (galaxies[inputs], galaxies["redshift"])
    return TensorDataset(*(torch.tensor(column.to_numpy(np.float32)) for column in columns))


def _cpu_seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def choose_depth(
    training: pd.DataFrame, validation: pd.DataFrame, names: list[str], settings: dict[str, Any]
) -> tuple[AdaBoostR2, int, dict[str, float]]:
    """Fit to all features with each depth; return the best on validation, its depth, sigma by depth."""
    depths = settings["depths"]
    models = in_parallel(
        lambda depth: fit_adaboost(training, names, depth, settings),
        depths,
        settings["workers"],
        "AdaBoost, depth of the trees",
    )
    fits = dict(zip(depths, models, strict=True))
    z, X = validation["redshift"].to_numpy(), validation[names].to_numpy()
    sigmas = {depth: metrics.sigma(z, model.predict(X)) for depth, model in fits.items()}
    best = min(sigmas, key=lambda depth: sigmas[depth])
    return fits[best], best, {str(depth): sigma for depth, sigma in sigmas.items()}


def importances_by_subsample(
    training: pd.DataFrame, whole: AdaBoostR2, names: list[str], depth: int, settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return importances over all training galaxies ('all') and each large subsample, and how they divide."""
    edges = np.nanquantile(training["dered_r"], [1 / 3, 2 / 3]) if "dered_r" in training else np.empty(0)
    large = {
        name: chosen
        for name, chosen in subsamples(training, edges).items()
        if settings["min_subsample"] <= chosen.sum() < len(training)
    }
    models = in_parallel(
        lambda chosen: fit_adaboost(training[chosen], names, depth, settings),
        large.values(),
        settings["workers"],
        "AdaBoost, subsamples",
    )
    columns = {name: model.feature_importances_ for name, model in zip(large, models, strict=True)}
    columns = {"all": whole.feature_importances_} | columns
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
    importances, divided = importances_by_subsample(training, adaboost, names, depth, settings)
    with replacing(folder / IMPORTANCES) as partial:
        importances.to_csv(partial, float_format="%.6g")
    inputs = network_inputs(names, importances.drop(columns="all") if divided["subsamples"] else importances)

    torch.set_num_threads(1)  # as AdaBoost's: threads that wait for each other would cost CPU time too
    same_inputs, adaboost_seconds = _cpu_seconds(
        lambda: fit_adaboost(training, inputs[STANDARD_TOP_1_2_3], depth, settings)
    )
    standard = fit_adaboost(training, inputs[STANDARD], depth, settings)
    for name, model in zip(ADABOOSTS, (adaboost, standard, same_inputs), strict=True):
        model.save(folder / f"{name}.txt")
    ann_seconds = {
        row: fit_networks(training, validation, row, inputs[row], settings)
        for row in track(ROWS, "neural networks, rows of the table")
    }
    adaboost_inputs = dict(zip(ADABOOSTS, (names, inputs[STANDARD], inputs[STANDARD_TOP_1_2_3]), strict=True))
    choices = {
        "depth": depth,
        "validation_sigma_by_depth": sigmas,
        **divided,
        "inputs": adaboost_inputs | inputs,
        "compute": {
            "adaboost_cpu_seconds": adaboost_seconds,
            "ann_cpu_seconds": ann_seconds[STANDARD_TOP_1_2_3],
        },
    }
    metrics.write_metrics(folder / CHOICES, choices)
    shutil.rmtree(_checkpoints(), ignore_errors=True)
