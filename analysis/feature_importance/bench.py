"""`bench feature-importance`: AdaBoost.R2 on histogram trees against scikit-learn's, on a mock survey drawn for it."""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import track

from analysis import metrics, params
from analysis.adaboost import AdaBoostR2
from analysis.errors import InputError
from analysis.features import feature_names, sample_with_features
from analysis.survey.catalogue import read_catalogue

DEPTHS = (6, 10, 16)
MOST_SECONDS = 60.0  # for fit and importances of our whole fit
LEAST_RATIO = 3.0  # of scikit-learn's time to ours
MOST_RISE = 0.02  # of our sigma above scikit-learn's, for a comparison at equal sigma
MIN_SAMPLES_LEAF = 5

_VALIDATION = 0.25  # validation galaxies for each training galaxy
_LABELLED = 0.58  # of the objects of a mock survey, at least, become galaxies of the sample


class Sample(NamedTuple):
    """Training and validation galaxies: features (objects, features) and redshifts (objects,)."""

    X: np.ndarray
    z: np.ndarray
    X_validation: np.ndarray
    z_validation: np.ndarray


def fit_scikit_learn(X: np.ndarray, z: np.ndarray, depth: int, trees: int, seed: int) -> Any:
    """Fit the baseline: scikit-learn's AdaBoost.R2 on its own trees. It adds round to round, so has one thread."""
    from sklearn.ensemble import AdaBoostRegressor
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=MIN_SAMPLES_LEAF)
    model = AdaBoostRegressor(tree, n_estimators=trees, random_state=seed)
    return model.fit(X, z)


def fit_ours(X: np.ndarray, z: np.ndarray, depth: int, trees: int, seed: int) -> AdaBoostR2:
    """Fit AdaBoost as the stages do, on one thread like the baseline."""
    bins = params.load("train_feature_importance")["adaboost"]["max_bins"]
    model = AdaBoostR2(trees, depth, min_samples_leaf=MIN_SAMPLES_LEAF, max_bins=bins, seed=seed, num_threads=1)
    return model.fit(X, z)


def draw_sample(galaxies: int, seed: int) -> Sample:
    """Draw a mock survey into a temporary folder, and divide its galaxies with redshift at random.

    Missing values become the feature's median, for both: scikit-learn's AdaBoost takes none.

    Raises
    ------
    InputError
        If the survey has too few such galaxies.
    """
    from analysis.survey.mock.generate import generate

    n_validation = int(_VALIDATION * galaxies)
    with tempfile.TemporaryDirectory() as folder:
        survey = Path(folder) / "survey"
        generate(int((galaxies + n_validation) / _LABELLED) + 1000, seed, survey)
        sample = sample_with_features(read_catalogue(survey), params.load("features")["z_max"])
    if len(sample) < galaxies + n_validation:
        raise InputError(f"{galaxies} galaxies: the mock survey has {len(sample)} with redshift, too few for these")
    sample = sample.sample(galaxies + n_validation, random_state=seed)
    features = sample[feature_names(sample)]
    X, z = features.fillna(features.median()).to_numpy(), sample["redshift"].to_numpy()
    return Sample(X[:galaxies], z[:galaxies], X[galaxies:], z[galaxies:])


def measure(fit: Callable[..., Any], sample: Sample, depth: int, trees: int, seed: int) -> dict[str, float]:
    """Return the seconds that fit and importances take, and sigma on the validation galaxies."""
    started = time.perf_counter()
    model = fit(sample.X, sample.z, depth, trees, seed)
    model.feature_importances_  # noqa: B018  (computed when asked for)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "sigma": metrics.sigma(sample.z_validation, model.predict(sample.X_validation))}


def compare(sample: Sample, trees: int, compared_trees: int, seed: int) -> dict[str, Any]:
    """Time both learners.

    Parameters
    ----------
    sample : Sample
    trees : int
        Of our whole fit, by which validation chooses the depth.
    compared_trees : int
        Of the fits that are compared, the same for both: the baseline takes minutes for a few trees.
    seed : int

    Returns
    -------
    dict
        `depth` (lowest sigma of our whole fits), `seconds` and `sigma` of the whole fit there, and for each depth
        `by_depth`: seconds and sigma of both, their ratio, and by how much our sigma is higher.
    """
    whole = {d: measure(fit_ours, sample, d, trees, seed) for d in track(DEPTHS, f"ours, {trees} trees")}
    best = min(whole, key=lambda depth: whole[depth]["sigma"])
    by_depth = {}
    for depth in track(DEPTHS, f"ours and scikit-learn's, {compared_trees} trees"):
        ours, theirs = (measure(fit, sample, depth, compared_trees, seed) for fit in (fit_ours, fit_scikit_learn))
        by_depth[str(depth)] = {
            "ratio": theirs["seconds"] / ours["seconds"],
            "sigma_rise": ours["sigma"] / theirs["sigma"] - 1,
            "ours": ours,
            "scikit_learn": theirs,
            "ours_whole": whole[depth],
        }
    return {"depth": best, **whole[best], "by_depth": by_depth}


def reached(result: dict[str, Any]) -> bool:
    """Tell whether the figures are reached: time of our whole fit, ratio at equal sigma at the chosen depth."""
    chosen = result["by_depth"][str(result["depth"])]
    equal = chosen["sigma_rise"] <= MOST_RISE
    return bool(equal and chosen["ratio"] >= LEAST_RATIO and result["seconds"] <= MOST_SECONDS)


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, compare; return the figures, and whether they are reached."""
    sample = draw_sample(options.objects, options.seed)
    result = compare(sample, options.trees, options.compared_trees, options.seed)
    about = {"galaxies": options.objects, "features": sample.X.shape[1]}
    about |= {"trees": options.trees, "compared_trees": options.compared_trees, "threads": 1}
    return about | {"reached": reached(result)} | result
