"""Feature importance in depth, all that needs no test redshifts: controls, refits, rankings, search, predictions."""

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from analysis import metrics, params, paths
from analysis.feature_importance.model import AdaBoostR2
from analysis.feature_importance.selection import inputs, mint, names
from analysis.feature_importance.selection.permutation import sigma_rises
from analysis.feature_importance.selection.search import best_settings, fit_best, random_search
from analysis.feature_importance.train import in_parallel, subsamples
from analysis.features import feature_names, photometric_features, read_features, standard_features
from analysis.files import replacing
from analysis.survey.catalogue import read_catalogue

# psfMag - cModelMag of a galaxy, as SDSS separates them from stars (Stoughton et al. 2002)
_LEAST_CONCENTRATION = 0.145

Settings = dict[str, Any]


class Sample(NamedTuple):
    """Galaxies as arrays: features (objects, features) and redshifts (objects,)."""

    X: np.ndarray
    z: np.ndarray


def samples_of(galaxies: pd.DataFrame, features: list[str]) -> dict[str, Sample]:
    """Return the galaxies of 'train' and 'validation', and 'others', those not of training, in their order."""
    X, z, split = galaxies[features].to_numpy(), galaxies["redshift"].to_numpy(), galaxies["split"].to_numpy()
    chosen = {"train": split == "train", "validation": split == "validation", "others": split != "train"}
    return {name: Sample(X[which], z[which]) for name, which in chosen.items()}


def science_features(catalogue: pd.DataFrame, features: list[str]) -> np.ndarray:
    """Return the features of the objects that redshifts are wanted for: without one, extended like galaxies.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        A survey. Without PSF and composite magnitudes, its point sources are included.
    features : list of str
        Those wanted.

    Returns
    -------
    ndarray, shape (objects, features)
    """
    chosen = catalogue["redshift"].isna()
    if "class" in catalogue:
        chosen &= catalogue["class"].isna() | (catalogue["class"] == "GALAXY")
    if {"psfMag_r", "cModelMag_r"} <= set(catalogue):
        chosen &= catalogue["psfMag_r"] - catalogue["cModelMag_r"] > _LEAST_CONCENTRATION
    return photometric_features(catalogue[chosen])[features].to_numpy()


def by_type_magnitude_redshift(training: pd.DataFrame) -> dict[str, np.ndarray]:
    """Divide galaxies in three ways: by type, by thirds in r magnitude, by thirds in redshift.

    Returns
    -------
    dict
        Name of each sample, 'all' first: whether a galaxy is in it, shape (objects,).
    """
    edges = np.nanquantile(training["dered_r"], [1 / 3, 2 / 3]) if "dered_r" in training else np.empty(0)
    types, magnitudes = (subsamples(training.filter([column]), edges) for column in ("fracDeV_r", "dered_r"))
    z = training["redshift"].to_numpy()
    third = np.digitize(z, np.quantile(z, [1 / 3, 2 / 3]))
    divided = {"all": np.full(len(training), True)}
    divided |= {f"type: {name.removesuffix('_all')}": chosen for name, chosen in types.items()}
    divided |= {f"magnitude: {name.removeprefix('all_')}": chosen for name, chosen in magnitudes.items()}
    divided |= {f"redshift: {name}": third == number for number, name in enumerate(("low", "middle", "high"))}
    return {name: chosen for name, chosen in divided.items() if "all_all" not in name and not name.endswith(": all")}


def fit_adaboost(sample: Sample, settings: Settings, number: int = 0) -> AdaBoostR2:
    """Fit AdaBoost with the settings of the stage; fits of another number differ in their random draws."""
    return AdaBoostR2(**settings["adaboost"], seed=settings["seed"] + number).fit(*sample)


def permute(samples: dict[str, Sample], features: list[str], settings: Settings) -> pd.DataFrame:
    """Return by how much sigma on validation galaxies rises without each kind of features, and without each one."""
    kinds = {kind: [features.index(f) for f in of_kind if f in features] for kind, of_kind in names.KINDS.items()}
    kinds = {kind: columns for kind, columns in kinds.items() if columns}
    groups = kinds | {feature: [column] for column, feature in enumerate(features)}
    model = fit_adaboost(samples["train"], settings)
    repeats = settings["n_permutations"]

    def rises(name: str) -> np.ndarray:
        one = {name: groups[name]}
        return sigma_rises(model.predict, *samples["validation"], one, repeats, settings["seed"])[name]

    by_group = in_parallel(rises, list(groups), settings["workers"], "permutations on validation galaxies")
    importances = model.feature_importances_
    lines = [
        {
            "name": name,
            "kind": next(kind for kind, columns in kinds.items() if groups[name][0] in columns),
            "n_features": len(groups[name]),
            "tree_importance": importances[groups[name]].sum(),
            "rise_percent": values.mean(),
            "rise_percent_err": values.std(ddof=1) / np.sqrt(repeats),
        }
        for name, values in zip(groups, by_group, strict=True)
    ]
    return pd.DataFrame(lines)


def refit(training: pd.DataFrame, sample: Sample, features: list[str], settings: Settings) -> pd.DataFrame:
    """Return importances to AdaBoosts fitted to bootstrap samples of each sample: rows (sample, refit)."""
    large = {
        name: np.flatnonzero(chosen)
        for name, chosen in by_type_magnitude_redshift(training).items()
        if chosen.sum() >= settings["min_sample"]
    }
    fits = [(name, number) for name in large for number in range(settings["n_refits"])]

    def importances(fit: tuple[str, int]) -> np.ndarray:
        name, number = fit
        drawn = np.random.default_rng([settings["seed"], number]).choice(large[name], len(large[name]))
        return fit_adaboost(Sample(sample.X[drawn], sample.z[drawn]), settings, number).feature_importances_

    table = in_parallel(importances, fits, settings["workers"], "AdaBoost on bootstrap samples")
    index = pd.MultiIndex.from_tuples(fits, names=["sample", "refit"])
    return pd.DataFrame(np.array(table), columns=features, index=index)


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
    enough = len(science) >= settings["min_sample"]  # else the training galaxies must stand for them
    information = mint.information(*train, science if enough else train.X, settings["information_bins"])
    rankings = {names.MINT: mint.greedy(*information), names.MINT_PAIRS: mint.greedy(*mint.without_self(*information))}
    refits = refit(galaxies[galaxies["split"] == "train"], train, features, settings)
    orders = {name: ranking.order for name, ranking in rankings.items()}
    orders |= {names.TREES: np.argsort(-refits.loc["all"].to_numpy().mean(axis=0), kind="stable")}
    searched = random_search(train.X, train.z, settings["search"], settings["seed"], settings["workers"])
    best = best_settings(searched)
    by_learner, seconds = fit_best(best, *train, samples["others"].X, settings["seed"], settings["workers"])
    by_inputs, n_inputs = predict_by_inputs(samples, features, settings)
    predictions = {
        "curve": predict_by_selection(samples, orders, settings),
        "inputs": by_inputs,
        "learners": by_learner,
    }
    choices = {
        "n_unlabelled": len(science) if enough else 0,
        "n_inputs": n_inputs,
        "learners": {name: best[name] | {"cpu_seconds": seconds[name]} for name in best},
    }
    for name, table in {
        names.PERMUTATION: permute(samples, features, settings),
        names.RANKING: _ranked(rankings, features),
        names.SEARCH: searched,
    }.items():
        with replacing(folder / name) as partial:
            table.to_csv(partial, index=False, float_format="%.6g")
    _write_parquet(refits, folder / names.REFITS)
    flat = {f"{part}:{name}": values for part, named in predictions.items() for name, values in named.items()}
    _write_parquet(pd.DataFrame(flat).astype(np.float32), folder / names.PREDICTIONS)
    metrics.write_metrics(folder / names.CHOICES, choices)


def _ranked(rankings: dict[str, mint.Ranking], features: list[str]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"method": name, "feature": np.array(features)[ranking.order], **ranking._asdict()})
        for name, ranking in rankings.items()
    ]
    return pd.concat(tables).drop(columns="order")


def _write_parquet(table: pd.DataFrame, path: Any) -> None:
    with replacing(path) as partial:
        table.to_parquet(partial)
