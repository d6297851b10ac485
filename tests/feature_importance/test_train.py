"""Subsamples, ranks and the inputs that follow from them."""

import numpy as np
import pandas as pd

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


def test_depth_is_chosen_on_validation():
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(2000, 3)), columns=list("abc"))
    table["redshift"] = 0.5 + 0.1 * np.sign(table["a"]) + generator.normal(0, 0.1, 2000)  # one split is the truth
    settings = {"seed": 1, "workers": 2, "depths": [1, 9], "adaboost": {"n_estimators": 3}}
    _, depth, sigmas = train.choose_depth(table[:1000], table[1000:], list("abc"), settings)
    assert depth == 1
    assert sigmas["1"] < sigmas["9"]
