"""Controls of the trees' importances: permutation by kind of feature, and refits to bootstrap samples."""

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd

from analysis.adaboost import AdaBoostR2
from analysis.feature_importance.selection.permutation import columns_by_kind, sigma_rises
from analysis.feature_importance.selection.samples import Sample, by_type_magnitude_redshift
from analysis.feature_importance.train import in_parallel

Settings = dict[str, Any]


def fit_adaboost(sample: Sample, settings: Settings, number: int = 0) -> AdaBoostR2:
    """Fit AdaBoost with the settings of the stage; fits of another number differ in their random draws."""
    return AdaBoostR2(**settings["adaboost"], seed=settings["seed"] + number).fit(*sample)


def permute(samples: dict[str, Sample], features: list[str], settings: Settings) -> pd.DataFrame:
    """Return by how much sigma on validation galaxies rises without each kind of features, and without each one."""
    kinds = columns_by_kind(features)
    groups = kinds | {feature: [column] for column, feature in enumerate(features)}
    model = fit_adaboost(samples["train"], settings)
    repeats = settings["n_permutations"]

    def rises(name: str) -> np.ndarray:
        one = {name: groups[name]}
        # each thread its own copy: in LightGBM, the range of trees that a prediction takes is a state of the booster
        return sigma_rises(deepcopy(model).predict, *samples["validation"], one, repeats, settings["seed"])[name]

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
