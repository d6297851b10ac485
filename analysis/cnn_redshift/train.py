"""Train the network and AdaBoost on the same galaxies, and both on ever fewer. Everything is chosen on validation."""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from analysis import metrics, params, paths, pdf_metrics
from analysis.adaboost import AdaBoostR2, fit_adaboost
from analysis.cnn_redshift import names
from analysis.cnn_redshift.estimator import ImageRedshifts
from analysis.cnn_redshift.pretraining import pretrained
from analysis.cnn_redshift.rate import operations_per_stamp
from analysis.cnn_redshift.sample import galaxies_with_stamps, network_inputs, too_few
from analysis.features import SPLITS, feature_names
from analysis.loop.matrix_rate import matrix_rate
from analysis.loop.processes import Processes
from analysis.photoz_pdf.calibration import Calibration
from analysis.photoz_pdf.interface import grid_for
from analysis.survey.stamps_cache import StampCache, scaled_stamps
from analysis.training import best_epoch

Array = np.ndarray


def fit_network(
    training: pd.DataFrame,
    validation: pd.DataFrame,
    cache: StampCache,
    grid: Array,
    settings: dict[str, Any],
    start: dict[str, Tensor] | None = None,
    name: str = names.CNN,
) -> ImageRedshifts:
    """Fit the estimator of redshifts from stamps.

    Parameters
    ----------
    training, validation : pandas.DataFrame
        As from `galaxies_with_stamps`.
    cache : StampCache
    grid : ndarray, shape (k,)
    settings : dict
        Of `ImageRedshifts`.
    start : dict of Tensor, optional
        Weights to start from.
    name : str
        Of the folder in which an interrupted training waits.
    """
    estimator = ImageRedshifts(grid, **settings)
    estimator.cache, estimator.start = cache, start or {}
    estimator.validation = network_inputs(validation, cache), validation["redshift"].to_numpy()
    estimator.checkpoints = paths.CHECKPOINTS / names.NAME / name
    estimator.fit(network_inputs(training, cache), None, training["redshift"].to_numpy())
    return estimator


def best_point(grid: Array, pdfs: Array, z: Array) -> tuple[str, dict[str, float]]:
    """Return which point of PDFs has the smallest sigma68 on validation galaxies, and sigma68 by point."""
    widths = {name: metrics.sigma68(z, point(grid, pdfs)) for name, point in pdf_metrics.POINTS.items()}
    return min(widths, key=lambda name: widths[name]), widths


def best_trees(
    training: pd.DataFrame, validation: pd.DataFrame, inputs: list[str], settings: dict[str, Any]
) -> tuple[AdaBoostR2, int]:
    """Return AdaBoost with the depth that has the smallest sigma68 on validation galaxies, and the depth."""
    z, X = validation["redshift"].to_numpy(), validation[inputs].to_numpy()
    models = {depth: fit_adaboost(training, inputs, depth, settings) for depth in settings["depths"]}
    depth = min(models, key=lambda depth: metrics.sigma68(z, models[depth].predict(X)))
    return models[depth], depth


def subsets(
    training: pd.DataFrame, fractions: list[float], draws: int, seed: int
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield smaller training samples with the number of their draw; the smaller ones of a draw are in the larger."""
    for draw in range(draws):
        order = np.random.default_rng([seed, draw]).permutation(len(training))
        for fraction in fractions:
            yield draw, training.iloc[np.sort(order[: round(fraction * len(training))])]


def train_curve(
    galaxies: pd.DataFrame, cache: StampCache, grid: Array, settings: dict[str, Any], processes: Processes
) -> None:
    """Train all networks of the learning curve, single ones, but those on all galaxies; save them by size and draw.

    Networks that start from pre-trained weights are trained on all galaxies, too: nobody else does it.
    """
    how, folder = settings["curve"], _curve_folder()
    training, validation, test = (galaxies[galaxies["split"] == split] for split in SPLITS)
    unseen = [*validation["object_id"], *test["object_id"]]
    few = validation.sample(min(len(validation), how["validation"]), random_state=settings["seed"])
    starts: dict[str, dict[str, Tensor]] = {names.CNN: {}}
    for kind in settings["pretraining"]["kinds"]:
        checkpoints = paths.CHECKPOINTS / names.NAME
        starts[f"{names.CNN}_{kind}"] = pretrained(kind, paths.DATA, cache, unseen, settings, checkpoints)
    for draw, some in subsets(training, [*how["fractions"], 1.0], how["draws"], settings["seed"]):
        size, whole = f"{len(some)}-{draw}", len(some) == len(training)
        for learner, start in starts.items():
            if whole and (not start or draw > 0):
                continue
            rate = settings["network"]["learning_rate"] * (settings["pretraining"]["rate"] if start else 1)
            own = settings["network"] | {"seed": settings["seed"] + draw, "learning_rate": rate, "members": 1}
            estimator = fit_network(some, few, cache, grid, own, start, name=f"{learner}-{size}")
            if processes.rank == 0:
                estimator.save(folder / learner / size)


def train_curve_trees(training: pd.DataFrame, inputs: list[str], depth: int, settings: dict[str, Any]) -> None:
    """Fit the trees of the learning curve, on the galaxies of its networks; save them by size and draw."""
    how = settings["curve"]
    for draw, some in subsets(training, how["fractions"], how["draws"], settings["seed"]):
        fit_adaboost(some, inputs, depth, settings).save(_curve_folder() / names.ADABOOST / f"{len(some)}-{draw}.json")


def _curve_folder() -> Path:
    return paths.MODELS / names.NAME / names.CURVE


def train_heads(
    training: pd.DataFrame,
    validation: pd.DataFrame,
    cache: StampCache,
    grid: Array,
    settings: dict[str, Any],
    processes: Processes,
) -> dict[str, Any]:
    """Fit a network with each head; the first process calibrates its PDFs, chooses its point, saves it and says so."""
    found: dict[str, Any] = {}
    z = validation["redshift"].to_numpy()
    for head in settings["heads"]:
        own = settings["network"] | {"head": head, "seed": settings["seed"]}
        estimator = fit_network(training, validation, cache, grid, own, name=head)
        if processes.rank:
            continue  # of several, the first process judges and writes
        estimator.save(paths.MODELS / names.NAME / head)
        pdfs = estimator.pdf(network_inputs(validation, cache), None)
        point, widths = best_point(grid, pdfs, z)
        found[head] = {
            "point": point,
            "validation_sigma68": widths,
            "best_epoch": best_epoch([epoch["validation_loss"] for epoch in estimator.histories[0]]),
            "epochs": len(estimator.histories[0]),
            "n_weights": sum(weight.numel() for weight in estimator.networks[0].parameters()),
            "calibration": asdict(Calibration.fit(grid, pdfs, z, settings["remap_nodes"])),
            "compute": compute(estimator, len(training), own["device"]),
        }
    return found


def compute(estimator: ImageRedshifts, n: int, device: str) -> dict[str, float]:
    """Return the time of all epochs of all members on `n` stamps, those before an interruption too, and the speed."""
    epochs = [epoch for history in estimator.histories for epoch in history]
    seconds, cpu_seconds = (sum(epoch[name] for epoch in epochs) for name in ("seconds", "cpu_seconds"))
    found = {"wall_seconds": seconds, "cpu_seconds": cpu_seconds}
    return found | speed(estimator, len(epochs) * n / seconds, device)


def speed(estimator: ImageRedshifts, stamps_per_second: float, device: str) -> dict[str, float]:
    """Return stamps and operations per second, on GPUs as a percentage of their rate of bfloat16 matrices, too."""
    ny, nx, bands = estimator.cache.pixels.shape[1:]  # type: ignore[union-attr]
    operations = stamps_per_second * operations_per_stamp(estimator.networks[0], (bands, ny, nx))
    found = {"stamps_per_second": stamps_per_second, "operations_per_second": operations}
    processes = Processes.join(device)
    if processes.device.type == "cuda":
        found["matrix_rate"] = processes.size * matrix_rate(processes.device)
        found["matrix_rate_percent"] = 100 * operations / found["matrix_rate"]
    return found


def redshift_grid(galaxies: pd.DataFrame) -> Array:
    """Return a grid for the PDFs that covers training and validation galaxies, with some room above the largest."""
    known = galaxies.loc[galaxies["split"] != "test", "redshift"].to_numpy()
    return grid_for(known) if len(known) else np.zeros(1)


def train_cnn_redshift(_: argparse.Namespace) -> None:
    """Survey and features -> networks and trees, those of the learning curve too, and what was chosen on the way."""
    settings = params.load("train_cnn_redshift")
    folder = paths.MODELS / names.NAME
    galaxies, why = galaxies_with_stamps(paths.DATA)
    grid = redshift_grid(galaxies) if not why else np.zeros(1)
    if why := why or too_few(galaxies, settings, float(grid[-1])):
        metrics.write_metrics(folder / names.CHOICES, {"not_run": why})
        return
    cache = scaled_stamps(paths.DATA, folder=paths.MODELS / "stamps")
    training, validation = (galaxies[galaxies["split"] == split] for split in ("train", "validation"))
    processes = Processes.join(settings["network"]["device"])
    heads = train_heads(training, validation, cache, grid, settings, processes)
    train_curve(galaxies, cache, grid, settings, processes)
    processes.total(0.0)  # waits for all: the first is about to remove checkpoints that others may still read
    if processes.rank:
        return
    trees, depth = best_trees(training, validation, feature_names(galaxies), settings)
    trees.save(folder / names.TREES)
    train_curve_trees(training, feature_names(galaxies), depth, settings)
    metrics.write_metrics(folder / names.CHOICES, {"heads": heads, "depth": depth})
    shutil.rmtree(paths.CHECKPOINTS / names.NAME, ignore_errors=True)
