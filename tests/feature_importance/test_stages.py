"""The stages one after the other, at the smoke scale, on a survey that can be learnt and on lesser ones."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis import metrics, paths
from analysis.feature_importance import evaluate
from analysis.feature_importance.plot import plot_feature_importance
from analysis.feature_importance.train import ADABOOSTS, ROWS, train_feature_importance
from analysis.features import FEATURES, make_features


def run_stages():
    """Run all stages; return the metrics and the tables."""
    for stage in (
        make_features,
        train_feature_importance,
        evaluate.evaluate_feature_importance,
        plot_feature_importance,
    ):
        stage(Namespace())
    folder = paths.RESULTS / "feature_importance"
    tables = {name: pd.read_csv(folder / name) for name in evaluate.TABLES}
    return json.loads((folder / "metrics.json").read_text()), tables


def test_whole_result(survey):
    survey()
    result, tables = run_stages()
    assert set(result) == {
        "sample", *ADABOOSTS, "ann", "ann_gain", "adaboost_vs_ann", "compute", "lsst"
    }  # fmt: skip
    assert list(result["ann"]) == list(ROWS)
    assert sum(result["sample"][f"n_{split}"] for split in ("train", "validation", "test")) == 1500
    assert result["sample"]["n_features"] == 85
    assert result["sample"]["n_psf_features"] == 15
    assert 0 <= result["sample"]["n_left_out_of_ranking"] < 0.05 * result["sample"]["n_train"]
    merits = {f"{name}{end}" for name in metrics.PAPER_ERA for end in ("", "_err")}
    assert set(result["adaboost"]) == set(result["ann"]["top_1_2"]) == merits | {"n_outliers"}
    rate = 100 * result["adaboost"]["n_outliers"] / result["sample"]["n_test"]
    assert rate == pytest.approx(result["adaboost"]["outliers_percent"], rel=1e-5)
    assert set(result["lsst"]) == {f"{name}{end}" for name in metrics.LSST_ERA for end in ("", "_err")}
    # the redshifts scatter by 0.14: something was learnt, and every estimate is compatible with no bias
    assert result["adaboost"]["sigma"] < 0.05
    assert abs(result["adaboost"]["mu"]) < 4 * result["adaboost"]["mu_err"]

    importances = tables["importances.csv"]
    assert set(importances["feature"]) == set(FEATURES)
    assert importances["rank_all"].tolist() == list(range(1, 86))
    np.testing.assert_allclose(importances.filter(like="importance_").sum(), 1, rtol=1e-4)
    assert len(importances.filter(like="importance_").columns) == 7
    assert tables["zspec_zpred.csv"]["galaxies"].sum() == result["sample"]["n_test"]
    standard = {name for name in FEATURES if name.startswith("psfMag")}
    ranks = importances.set_index("feature").filter(regex="^rank_(?!all)")
    top_2, top_3 = (set(ranks.index[(ranks <= k).any(axis=1)]) for k in (2, 3))
    sizes = [15, len(top_2), len(standard | top_2), len(standard | top_3)]
    assert tables["ann_table.csv"]["n_inputs"].tolist() == sizes
    assert {path.name for path in paths.FIGURES.iterdir()} == {
        "fig-importance.png", "fig-ann-table.png", "fig-redshift.png"
    }  # fmt: skip
    assert not list(paths.MODELS.rglob("checkpoint*.safetensors"))


def test_same_seed_same_result(survey):
    survey()
    first, _ = run_stages()
    second, _ = run_stages()
    assert {**first, "compute": 0} == {**second, "compute": 0}


def test_survey_with_model_magnitudes_only(survey):
    survey(without="psfMag|fiberMag|Rad|fracDeV|AB|^[qu]_|^ra$|^dec$")
    result, _ = run_stages()
    assert result["sample"]["n_features"] == 15
    assert result["sample"]["n_psf_features"] == 0


def test_survey_with_empty_columns(survey):
    survey(empty="^psfMag|^dered_r$|^fracDeV_r$")
    result, tables = run_stages()
    assert result["sample"]["n_psf_features"] == 0
    assert result["sample"]["n_features"] == 85 - 15 - 1 - 5  # PSF ones; fracDeV_r; dered_r and its four colours
    assert tables["importances.csv"].columns.tolist() == ["feature", "importance_all", "rank_all"]


def test_compute_counts_every_network_of_the_mean(survey):
    survey()
    settings = yaml.safe_load(paths.PARAMS.read_text())
    settings["train_feature_importance"]["n_networks"] = 2
    paths.PARAMS.write_text(yaml.safe_dump(settings))
    result, _ = run_stages()
    logs = list((paths.MODELS / "feature_importance" / "standard_and_top_1_2_3").glob("log_*.csv"))
    assert len(logs) == 2
    seconds = sum(pd.read_csv(log)["cpu_seconds"].sum() for log in logs)
    assert result["compute"]["ann_cpu_seconds"] == pytest.approx(seconds, rel=1e-4)


@pytest.mark.parametrize(
    ("without", "objects", "why"),
    [("redshift", 1500, "the survey has no redshifts"), ("nothing", 150, "200 are needed")],
)
def test_what_cannot_run_says_so_and_the_rest_goes_on(survey, without, objects, why):
    survey(without, objects)
    result, tables = run_stages()
    assert list(result) == ["not_run"]
    assert why in result["not_run"]
    assert all(table.empty for table in tables.values())
    assert len(list(paths.FIGURES.glob("*.png"))) == 3


def test_comparison_with_sdss_uses_only_galaxies_that_have_its_estimate():
    generator = np.random.default_rng(0)
    z = generator.uniform(0.1, 0.5, 1000)
    sdss, ours = (z + (1 + z) * generator.normal(0, width, 1000) for width in (0.06, 0.03))
    sdss[:500], ours[:500] = np.nan, 9
    compared = evaluate.compare_with_sdss(z, sdss, ours, n=50, seed=0, min_outliers=1)
    assert compared["sigma_scaled_sdss"] == pytest.approx(0.06, rel=0.1)
    assert compared["sigma_scaled_adaboost"] == pytest.approx(0.03, rel=0.1)
    assert compared["outliers_percent_adaboost"] == 0
    # the ratio of two widths of 500 galaxies each: error 50% x sqrt(2 / 1000)
    assert compared["sigma_scaled_percent"] == pytest.approx(50, abs=7)
    assert compared["sigma_scaled_percent_err"] == pytest.approx(2.2, rel=0.4)
    assert compared["outliers_percent"] == compared["outliers_percent_low"] == 100


def test_comparison_with_sdss_is_paired():
    # both err in the same way, by more than the difference between them: only pairs show the difference
    generator = np.random.default_rng(0)
    z = np.full(400, 0.3)
    common = generator.normal(0, 0.05, 400)
    compared = evaluate.compare_with_sdss(z, z + common, z + 0.97 * common, n=100, seed=0, min_outliers=20)
    assert compared["sigma_scaled_percent_low"] > 0
    difference = compared["sigma_scaled_sdss"] - compared["sigma_scaled_adaboost"]
    assert difference < compared["sigma_scaled_sdss_err"]


def test_gain_in_outliers_needs_enough_of_them():
    z = np.linspace(0.1, 0.5, 100)
    baseline, better = z + 0.02 * np.sin(50 * z), z + 0.01 * np.sin(50 * z)
    baseline[:19] += 1
    few = evaluate.gains(z, baseline, better, n=20, seed=0, min_outliers=20)
    assert "sigma_percent" in few
    assert not any(name.startswith("outliers") for name in few)
    baseline[19] += 1
    enough = evaluate.gains(z, baseline, better, n=20, seed=0, min_outliers=20)
    assert enough["outliers_percent"] == 100


def test_ranks_follow_importances_in_every_sample():
    table = evaluate.ranked(pd.DataFrame({"all": [0.2, 0.8], "early_faint": [0.9, 0.1]}, index=["a", "b"]))
    assert table["rank_all"].tolist() == [1, 2]
    assert table["rank_early_faint"].tolist() == [2, 1]


def test_bins_are_counted_at_their_centres():
    table = evaluate.binned(np.array([0.001, 0.019, 0.021]), np.array([0.03, 0.03, 0.03]), 0.02)
    assert list(table) == evaluate.TABLES["zspec_zpred.csv"]
    assert table.to_numpy().tolist() == [[0.01, 0.03, 0.02, 2], [0.03, 0.03, 0.02, 1]]
