"""Cells of colour-magnitude space, weights of the training galaxies, and redshifts that contradict the photometry.

No redshift of a test galaxy is read here; that a galaxy has one is.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis import metrics, params, paths
from analysis.features import read_features
from analysis.photoz_pdf.inputs import bands_of
from analysis.photoz_pdf.interface import grid_for
from analysis.photoz_pdf.sample import magnitudes_and_errors, why_not
from analysis.photoz_pdf.store import estimator_class
from analysis.results import write_tables
from analysis.spectroscopic_completeness import cells, labels, names
from analysis.spectroscopic_completeness.sample import galaxies_of_the_images, standardised
from analysis.spectroscopic_completeness.weights import effective_size, neighbour_weights

Array = np.ndarray


def completeness_map(
    galaxies: pd.DataFrame, points: Array, settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return the completeness of each cell, and how uneven it is."""
    generator = np.random.default_rng(settings["seed"])
    some = points[generator.permutation(len(points))[: settings["elbow_objects"]]]
    numbers = [k for k in settings["n_cells"] if k < len(some)]
    squares = cells.within_cell_squares(some, numbers, settings["seed"])
    chosen = cells.elbow(numbers, squares)
    cell = cells.cell_of(points, cells.make_cells(points, chosen, settings["seed"]))
    labelled = galaxies["labelled"].to_numpy()
    table = cells.completeness(cell, labelled, chosen)
    share = table["completeness"].to_numpy()[cell]
    large = table[table["objects"] >= settings["min_objects"]]
    result = {
        "n_cells": chosen,
        "completeness": float(labelled.mean()),
        "lowest": float(large["completeness"].min()),
        "highest": float(large["completeness"].max()),
    }
    result |= metrics.with_interval(
        "spread",
        lambda c, has: cells.spread(c, has, chosen),
        *(cell, labelled),
        **metrics.resampling(settings),
    )
    drawn = {
        names.CELLS: table.rename_axis("cell").reset_index(),
        names.ELBOW: pd.DataFrame({"n_cells": numbers, "squares": squares, "chosen": np.array(numbers) == chosen}),
        names.MAP: colour_magnitude_map(galaxies, share, settings["pixels"]),
    }
    return result, drawn


def colour_magnitude_map(galaxies: pd.DataFrame, share: Array, pixels: int) -> pd.DataFrame:
    """Return the mean completeness of the cells of the galaxies in each pixel of a colour and a magnitude."""
    bands = bands_of(map(str, galaxies))
    band = "r" if "r" in bands[1:] else bands[1]
    bluer = bands[bands.index(band) - 1]
    magnitude = galaxies[f"dered_{band}"].to_numpy(float)
    colour = galaxies[f"dered_{bluer}"].to_numpy(float) - magnitude
    known = np.isfinite(magnitude) & np.isfinite(colour)
    columns = {f"{band} magnitude": magnitude[known], f"{bluer} - {band}": colour[known]}
    limits = [np.percentile(values, [0.2, 99.8]) for values in columns.values()]
    edges = [np.linspace(low, high, pixels + 1) for low, high in limits]
    mean, _, _, _ = stats.binned_statistic_2d(*columns.values(), share[known], "mean", edges)
    x, y = np.meshgrid(*((e[1:] + e[:-1]) / 2 for e in edges), indexing="ij")
    table = dict(zip(columns, (x.ravel(), y.ravel()), strict=True)) | {"completeness": mean.ravel()}
    return pd.DataFrame(table).dropna()


def train_with_weights(
    galaxies: pd.DataFrame, points: Array, folder: Path, settings: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Train the estimator on training galaxies drawn by their weights, save it; return how alike the samples are.

    Every estimator can be given a resampled training set; few take weights.
    """
    training, science = (galaxies["split"] == "train").to_numpy(), ~galaxies["labelled"].to_numpy()
    weights = neighbour_weights(points[training], points[science], settings["neighbours"])
    generator = np.random.default_rng(settings["seed"])
    drawn = generator.choice(len(weights), len(weights), p=weights / weights.sum())
    resampled = galaxies[training].iloc[drawn]
    grid = grid_for(galaxies.loc[galaxies["labelled"], "redshift"].to_numpy())
    estimator = estimator_class(settings["estimator"])(grid, **settings["own"]).fit(
        *magnitudes_and_errors(resampled), resampled["redshift"].to_numpy()
    )
    estimator.save(folder / names.WEIGHTED)
    before, after = points[training], points[training][drawn]
    return {
        "distance": {name: distance(p, points[science]) for name, p in (("unweighted", before), ("weighted", after))},
        "weights": {"effective_size": effective_size(weights), "largest": float(weights.max())},
    }


def distance(points: Array, others: Array) -> float:
    """Return the mean over magnitudes and colours of the Kolmogorov-Smirnov distance of two samples."""
    return float(np.mean([stats.ks_2samp(a, b).statistic for a, b in zip(points.T, others.T, strict=True)]))


def flag_labels(galaxies: pd.DataFrame, points: Array, settings: dict[str, Any]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Exchange some redshifts of training galaxies, and say how well each way to flag bad ones finds them."""
    training = (galaxies["split"] == "train").to_numpy()
    z = galaxies.loc[training, "redshift"].to_numpy()
    swapped, chosen = labels.swap_redshifts(z, settings["swapped"], settings["seed"])
    # an exchange among galaxies of like redshift does no harm, and nothing could find it
    bad = chosen & (np.abs(swapped - z) > settings["harmful"] * (1 + z))
    scores = {
        labels.LEAVES: labels.leaf_mate_scores(
            points[training], swapped, settings["trees"], settings["min_samples_leaf"], settings["seed"]
        ),
        labels.ISOLATION: labels.isolation_scores(points[training], swapped, settings["trees"], settings["seed"]),
    }
    result: dict[str, Any] = {"n_bad": int(bad.sum()), "n_training": len(z), "bad_percent": float(100 * bad.mean())}
    tables = []
    for name, values in scores.items():
        result[name] = labels.detection(values, bad, settings["swapped"])
        tables.append(labels.trade_off(values, bad, settings["points"]).assign(method=name))
    return result, pd.concat(tables)[["method", "recall", "precision"]]


def train_spectroscopic_completeness(_: argparse.Namespace) -> None:
    """Catalogue and features -> map, weighted estimator, flags, and what was found on the way."""
    settings = params.load("train_spectroscopic_completeness")
    settings["own"] = params.load("photoz_pdf")[settings["estimator"]]
    folder = paths.MODELS / names.NAME
    galaxies = galaxies_of_the_images()
    if why := why_not(galaxies, read_features(paths.FEATURES)[1]):
        metrics.write_metrics(folder / names.CHOICES, {"not_run": why})
        return
    points = standardised(galaxies)
    choices: dict[str, Any] = {
        "n_labelled": int(galaxies["labelled"].sum()),
        "n_science": int((~galaxies["labelled"]).sum()),
    }
    tables: dict[str, pd.DataFrame] = {}
    if choices["n_science"] < settings["min_science"]:
        choices["no_science"] = (
            f"{choices['n_science']} galaxies without redshift; {settings['min_science']} are needed"
        )
    else:
        choices["map"], tables = completeness_map(galaxies, points, settings)
        choices |= train_with_weights(galaxies, points, folder, settings)
    choices["labels"], tables[names.LABELS] = flag_labels(
        galaxies, points, settings["labels"] | {"seed": settings["seed"]}
    )
    write_tables(folder, tables)
    metrics.write_metrics(folder / names.CHOICES, choices)
