"""Feature importance in depth, all that needs no test redshifts: controls, refits, rankings, search, predictions."""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from analysis import metrics, params, paths
from analysis.feature_importance.selection import inputs, mint, names
from analysis.feature_importance.selection.controls import Settings, fit_adaboost, permute, refit
from analysis.feature_importance.selection.samples import Sample, samples_of, science_features
from analysis.feature_importance.selection.search import best_settings, fit_best, random_search
from analysis.feature_importance.train import in_parallel
from analysis.features import feature_names, read_features, standard_features
from analysis.files import replacing
from analysis.results import write_tables
from analysis.survey.catalogue import read_catalogue


def selections(settings: Settings, orders: dict[str, np.ndarray], n_features: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield sets of features, each with its name, `<method>:<number of features>:<draw>`."""
    generator = np.random.default_rng(settings["seed"])
    random = [generator.permutation(n_features) for _ in range(settings["n_random"])]
    for size in sorted({min(size, n_features) for size in settings["n_features"]}):
        for method, order in orders.items():
            yield f"{method}:{size}:0", order[:size]
        for draw, order in enumerate(random):
            yield f"{names.RANDOM}:{size}:{draw}", order[:size]


def predict_by_selection(
    samples: dict[str, Sample], orders: dict[str, np.ndarray], settings: Settings
) -> dict[str, np.ndarray]:
    """Return redshifts of the other galaxies by AdaBoosts on ever more features, for each method."""
    (X, z), others = samples["train"], samples["others"].X
    chosen = dict(selections(settings, orders, X.shape[1]))

    def predict(columns: np.ndarray) -> np.ndarray:
        return fit_adaboost(Sample(X[:, columns], z), settings).predict(others[:, columns])

    predicted = in_parallel(predict, list(chosen.values()), settings["workers"], "AdaBoost on chosen features")
    return dict(zip(chosen, predicted, strict=True))


def predict_by_inputs(
    samples: dict[str, Sample], features: list[str], settings: Settings
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Return redshifts of the other galaxies by AdaBoosts on made features, and how many features each has."""
    (X, z), others = samples["train"], samples["others"].X
    standard = [features.index(name) for name in standard_features(features)]
    sets = {"all": (X, others), "standard": (X[:, standard], others[:, standard])}
    recipes = inputs.recipes(len(features), **settings["made_features"], seed=settings["seed"])
    sets |= {name: inputs.made_features(X, others, recipe) for name, recipe in recipes.items()}
    sets["all_and_pca"] = (np.hstack([X, sets["pca"][0]]), np.hstack([others, sets["pca"][1]]))

    def predict(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return fit_adaboost(Sample(pair[0], z), settings).predict(pair[1])

    predicted = in_parallel(predict, list(sets.values()), settings["workers"], "AdaBoost on made features")
    return dict(zip(sets, predicted, strict=True)), {name: pair[0].shape[1] for name, pair in sets.items()}


def train_feature_selection(_: argparse.Namespace) -> None:
    """Features, split and unlabelled objects -> importances with errors, rankings, choices, predictions."""
    galaxies, summary = read_features(paths.FEATURES)
    folder = paths.MODELS / names.NAME
    if "not_run" in summary:
        metrics.write_metrics(folder / names.CHOICES, {"not_run": summary["not_run"]})
        return
    settings = params.load("train_feature_selection")
    torch.set_num_threads(1)  # as the trees' learners: CPU times compare
    features = feature_names(galaxies)
    samples = samples_of(galaxies, features)
    train = samples["train"]

    science = science_features(read_catalogue(paths.DATA), features)
    n_science = len(science) if len(science) >= settings["min_sample"] else 0
    information = mint.information(*train, science if n_science else train.X, settings["information_bins"])
    rankings = {names.MINT: mint.greedy(*information), names.MINT_PAIRS: mint.greedy(*mint.without_self(*information))}
    refits = refit(galaxies[galaxies["split"] == "train"], train, features, settings)
    by_trees = np.argsort(-refits.loc["all"].to_numpy().mean(axis=0), kind="stable")
    orders = {name: ranking.order for name, ranking in rankings.items()} | {names.TREES: by_trees}
    searched = random_search(*train, settings["search"], settings["seed"], settings["workers"])
    best = best_settings(searched)

    by_learner, seconds = fit_best(best, *train, samples["others"].X, settings["seed"], settings["workers"])
    by_inputs, n_inputs = predict_by_inputs(samples, features, settings)
    by_selection = predict_by_selection(samples, orders, settings)
    predictions = {"curve": by_selection, "inputs": by_inputs, "learners": by_learner}
    tables = {
        names.PERMUTATION: permute(samples, features, settings),
        names.RANKING: _ranked(rankings, features),
        names.SEARCH: searched,
    }
    write_tables(folder, tables)
    predicted = {f"{part}:{name}": values for part, named in predictions.items() for name, values in named.items()}
    for name, table in (
        (names.REFITS, refits),
        (names.PREDICTIONS, pd.DataFrame(predicted, dtype=np.float32)),
    ):
        with replacing(folder / name) as partial:
            table.to_parquet(partial)
    learners = {name: best[name] | {"cpu_seconds": seconds[name]} for name in best}
    choices = {"n_unlabelled": n_science, "n_inputs": n_inputs, "learners": learners}
    metrics.write_metrics(folder / names.CHOICES, choices)


def _ranked(rankings: dict[str, mint.Ranking], features: list[str]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"method": name, "feature": np.array(features)[ranking.order], **ranking._asdict()})
        for name, ranking in rankings.items()
    ]
    return pd.concat(tables).drop(columns="order")
