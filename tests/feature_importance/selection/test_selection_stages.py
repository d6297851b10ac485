"""The stages one after the other, at the smoke scale; and what they must not use."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from analysis import paths
from analysis.feature_importance.selection import evaluate, names, plot
from analysis.feature_importance.selection.controls import permute
from analysis.feature_importance.selection.learners import LEARNERS
from analysis.feature_importance.selection.samples import Sample, by_type_magnitude_redshift, science_features
from analysis.feature_importance.selection.train import train_feature_selection
from analysis.features import make_features


def run_stages():
    """Run all stages; return the metrics and the tables."""
    for stage in (
        make_features, train_feature_selection, evaluate.evaluate_feature_selection, plot.plot_feature_selection
    ):  # fmt: skip
        stage(Namespace())
    folder = paths.RESULTS / names.NAME
    return json.loads((folder / paths.METRICS).read_text()), {n: pd.read_csv(folder / n) for n in evaluate.TABLES}


def test_whole_result(survey):
    survey()
    result, tables = run_stages()
    assert set(result["learners"]) == set(LEARNERS)
    assert list(result["inputs"]) == ["all", "standard", "pca", "kernel_pca", "random_combinations", "all_and_pca"]
    assert result["sample"]["n_unlabelled"] == 0  # this survey has a redshift for all
    assert "gain" in result["learners"]["network"]
    assert "gain" not in result["learners"]["adaboost"]
    assert {path.name for path in paths.FIGURES.iterdir()} == set(plot.FIGURES)

    curve = tables[names.CURVE]
    assert set(curve["method"]) == {names.MINT, names.MINT_PAIRS, names.TREES, names.RANDOM}
    assert curve.groupby("method")["n_features"].apply(list).map(lambda n: n == [1, 3, 12, 85]).all()
    assert (curve["draws"] == np.where(curve["method"] == names.RANDOM, 2, 1)).all()
    for method in (names.MINT_PAIRS, names.TREES):  # chosen features say more than random ones
        at_three = curve[curve["n_features"] == 3].set_index("method")["sigma"]
        assert at_three[method] < at_three[names.RANDOM]

    importances = tables[names.IMPORTANCES]
    np.testing.assert_allclose(importances.groupby("sample")["importance"].sum(), 1, rtol=1e-4)
    assert importances["sample"].nunique() == 9  # all, 2 types, 3 magnitudes, 3 redshifts
    kinds = tables[names.PERMUTATION].set_index("name")["rise_percent"]
    assert kinds["colours"] > 10 * abs(kinds["Stokes parameters"])


def test_training_does_not_know_the_redshifts_of_test_galaxies(survey):
    survey(objects=900)
    make_features(Namespace())
    train_feature_selection(Namespace())
    folder = paths.MODELS / names.NAME
    kept = (names.PREDICTIONS, names.REFITS)
    before = [pd.read_parquet(folder / name) for name in kept]
    table = pd.read_parquet(paths.FEATURES / "features.parquet")
    table.loc[table["split"] == "test", "redshift"] = 9.0
    table.to_parquet(paths.FEATURES / "features.parquet")
    train_feature_selection(Namespace())
    for name, old in zip(kept, before, strict=True):
        pd.testing.assert_frame_equal(pd.read_parquet(folder / name), old)


def test_permutations_do_not_depend_on_the_number_of_threads():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(2000, 6)).astype(np.float32)
    z = X[:, 0] + 0.5 * X[:, 1] * X[:, 2]
    samples = {"train": Sample(X[:1000], z[:1000]), "validation": Sample(X[1000:], z[1000:])}
    adaboost = {"n_estimators": 20, "max_depth": 8}
    settings = {"seed": 1, "adaboost": adaboost, "n_permutations": 3}
    features = ["dered_u", "dered_g", "dered_g-r", "petroRad_r", "q_r", "u_r"]
    one, many = (permute(samples, features, settings | {"workers": workers}) for workers in (1, 8))
    pd.testing.assert_frame_equal(one, many)
    rises = one.set_index("name")["rise_percent"]
    assert rises["dered_u"] > rises["dered_g"] > 5 * abs(rises["q_r"])


def test_the_fewest_features_within_one_error_are_chosen():
    sigma = {1: 0.2, 3: 0.108, 12: 0.1, 85: 0.103}
    table = pd.DataFrame({"method": "mint", "n_features": list(sigma), "sigma_validation": list(sigma.values())})
    table = table.assign(sigma_validation_err=0.01, sigma=0.3, sigma_err=0.02)
    assert evaluate.chosen_by_validation(table)["mint"]["n_features"] == 3
    assert evaluate.chosen_by_validation(table.assign(sigma_validation_err=0.001))["mint"]["n_features"] == 12


def test_survey_with_model_magnitudes_only(survey):
    survey(without="psfMag|fiberMag|Rad|fracDeV|AB|^[qu]_|^ra$|^dec$")
    result, tables = run_stages()
    assert set(result["permutation"]) == {"magnitudes", "colours"}
    assert set(tables[names.IMPORTANCES]["sample"].str.partition(":")[0]) == {"all", "magnitude", "redshift"}


def test_survey_without_redshifts_says_so(survey):
    survey(without="redshift$")
    result, tables = run_stages()
    assert result == {"not_run": "the survey has no redshifts"}
    assert all(table.empty for table in tables.values())


def test_science_galaxies_are_extended_and_without_redshift():
    catalogue = pd.DataFrame(
        {
            "redshift": [np.nan, 0.1, np.nan, np.nan],
            "class": [None, "GALAXY", None, "STAR"],
            "psfMag_r": [18.0, 18.0, 18.0, 18.0],
            "cModelMag_r": [17.0, 17.0, 17.95, 17.0],
            "dered_r": [1.0, 2.0, 3.0, 4.0],
        }
    )
    assert science_features(catalogue, ["dered_r"]).tolist() == [[1.0]]
    assert science_features(catalogue.drop(columns="class"), ["dered_r"]).tolist() == [[1.0], [4.0]]


@pytest.mark.parametrize("lacking", ["fracDeV_r", "dered_r"])
def test_samples_divide_the_galaxies(lacking):
    generator = np.random.default_rng(0)
    columns = {"fracDeV_r": generator.random(300), "dered_r": generator.normal(18, 1, 300)}
    galaxies = pd.DataFrame(columns | {"redshift": generator.random(300)}).drop(columns=lacking)
    samples = by_type_magnitude_redshift(galaxies)
    assert next(iter(samples)) == "all"
    divisions = {name.partition(":")[0] for name in samples} - {"all"}
    assert divisions == {"redshift", "magnitude" if lacking == "fracDeV_r" else "type"}
    for division in divisions:
        np.testing.assert_array_equal(sum(samples[name].astype(int) for name in samples if division in name), 1)
    z = galaxies["redshift"]
    assert z[samples["redshift: low"]].max() < z[samples["redshift: middle"]].min()
