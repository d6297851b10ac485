"""Subsamples, ranks and the inputs that follow from them."""

import numpy as np
import pandas as pd
import pytest

from analysis.feature_importance import train
from analysis.features import FEATURES


def test_subsamples_by_type_and_magnitude_divide_the_galaxies():
    galaxies = pd.DataFrame({"fracDeV_r": [0.9, 0.1, 0.5, 0.51, np.nan], "dered_r": [16.0, 17.0, 17.5, 20.0, 16.0]})
    chosen = train.subsamples(galaxies, np.array([17.0, 18.0]))
    assert {name: np.flatnonzero(mask).tolist() for name, mask in chosen.items()} == {
        "early_bright": [0],
        "early_middle": [],
        "early_faint": [3],
        "late_bright": [],
        "late_middle": [1, 2],
        "late_faint": [],
    }


def test_fewer_columns_fewer_subsamples():
    galaxies = pd.DataFrame({"dered_r": [16.0, 17.5, 20.0]})
    assert list(train.subsamples(galaxies, np.array([17.0, 18.0]))) == [
        "all_bright",
        "all_middle",
        "all_faint",
    ]
    assert train.subsamples(galaxies[[]], np.empty(0))["all_all"].all()


def test_columns_without_a_value_divide_nothing():
    galaxies = sample_of_one_split(900).assign(dered_r=np.nan, fracDeV_r=np.nan)
    assert list(train.subsamples(galaxies, np.empty(0))) == ["all_all"]
    settings = {"seed": 1, "workers": 2, "min_subsample": 100, "adaboost": {"n_estimators": 2}}
    importances, divided = train.importances_by_subsample(galaxies, list("abc"), 4, settings)
    assert list(importances) == ["all"]
    assert divided == {"magnitude_edges": [], "subsamples": {}}


def test_top_features_are_the_union_over_subsamples():
    importances = pd.DataFrame({"early": [0.5, 0.3, 0.2, 0.0], "late": [0.0, 0.3, 0.2, 0.5]}, index=list("abcd"))
    assert train.top_features(importances, 1) == ["a", "d"]
    assert train.top_features(importances, 2) == ["a", "b", "d"]
    assert train.top_features(importances, 3) == ["a", "b", "c", "d"]


def test_inputs_of_the_rows():
    importances = pd.DataFrame({"all": np.zeros(85)}, index=FEATURES)
    importances.loc[["psfMag_r", "dered_g-r", "petroRad_r"], "all"] = [0.5, 0.3, 0.2]
    rows = train.network_inputs(FEATURES, importances)
    assert {row: len(inputs) for row, inputs in rows.items()} == {
        train.STANDARD: 15,
        train.TOP_1_2: 2,
        train.STANDARD_TOP_1_2: 16,
        train.STANDARD_TOP_1_2_3: 17,
    }
    assert set(rows[train.TOP_1_2]) == {"psfMag_r", "dered_g-r"}


def sample_of_one_split(objects):
    """Galaxies of two redshifts, by the sign of `a`, with noise; `b` and `c` say nothing."""
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(objects, 3)), columns=list("abc"))
    table["redshift"] = 0.5 + 0.1 * np.sign(table["a"]) + generator.normal(0, 0.1, objects)
    return table


def choose(table, depths):
    half = len(table) // 2
    settings = {"seed": 1, "workers": 2, "depths": depths, "n_bootstrap": 100, "adaboost": {"n_estimators": 3}}
    model, depth, found = train.choose_depth(table[:half], table[half:], list("abc"), settings)
    assert model.max_depth == depth
    return depth, {int(name): values for name, values in found.items()}


def test_depth_is_chosen_on_validation():
    depth, found = choose(sample_of_one_split(2000), [1, 9])
    assert depth == 1
    assert found[1]["sigma"] < found[9]["sigma"]
    assert found[1]["sigma_err"] == pytest.approx(found[1]["sigma"] / np.sqrt(2 * 1000), rel=0.3)


def test_deeper_trees_must_be_better_than_the_noise_of_validation(monkeypatch):
    def sigma_of(values):
        pairs = iter([{"sigma": value, "sigma_err": 0.002} for value in values])
        monkeypatch.setattr(train.metrics, "with_errors", lambda *_, **__: next(pairs))

    table = sample_of_one_split(200)
    sigma_of([0.0324, 0.0285, 0.0287, 0.0282])
    assert choose(table, [2, 3, 4, 5])[0] == 3
    sigma_of([0.0324, 0.0320, 0.0290, 0.0260])
    assert choose(table, [2, 3, 4, 5])[0] == 5


def test_no_galaxy_is_predicted_by_a_model_that_saw_it():
    # a redshift that only memory can know: trees deep enough to recall their training sample must still fail
    generator = np.random.default_rng(0)
    galaxies = pd.DataFrame({"x": generator.uniform(size=600), "redshift": generator.normal(0.5, 0.1, 600)})
    settings = {"seed": 1, "workers": 2, "adaboost": {"n_estimators": 5}}
    predicted = train.cross_validated(galaxies, ["x"], depth=30, folds=5, settings=settings)
    assert abs(np.corrcoef(predicted, galaxies["redshift"])[0, 1]) < 0.15
    seen = train.fit_adaboost(galaxies, ["x"], 30, settings).predict(galaxies[["x"]].to_numpy())
    assert np.corrcoef(seen, galaxies["redshift"])[0, 1] > 0.5


def test_a_wrong_redshift_does_not_change_the_top_features():
    generator = np.random.default_rng(1)
    galaxies = pd.DataFrame(generator.normal(size=(1500, 6)), columns=list("abcdef"))
    galaxies["redshift"] = 0.4 + 0.05 * galaxies["a"] + 0.02 * galaxies["b"] + generator.normal(0, 0.01, 1500)
    bad = galaxies.iloc[[0]].assign(redshift=3.0, f=6.0)  # f says nothing, but sets this one apart
    names, settings = list("abcdef"), {"seed": 1, "workers": 2, "folds": 3, "min_subsample": 300}
    settings["adaboost"] = {"n_estimators": 20, "min_samples_leaf": 5}

    def top_two(sample):
        return train.top_features(train.importances_by_subsample(sample, names, 10, settings)[0], 2)

    spoilt = pd.concat([galaxies, bad], ignore_index=True)
    assert top_two(galaxies) == ["a", "b"]
    assert top_two(spoilt) != ["a", "b"]  # the trap is real
    kept = train.without_bad_labels(spoilt, names, 10, settings)
    assert 1500 not in kept.index
    assert len(kept) >= 1495  # hardly another one goes with it
    assert top_two(kept) == ["a", "b"]
