"""The stages one after the other, at the smoke scale, on a survey that can be learnt and on lesser ones."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

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
    assert set(result["adaboost"]) == {f"{name}{end}" for name in metrics.PAPER_ERA for end in ("", "_err")}
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
    assert tables["ann_table.csv"]["n_inputs"].is_monotonic_increasing or (
        tables["ann_table.csv"]["n_inputs"].iloc[0] == 15
    )
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
    assert "model magnitudes" in result["note"]


@pytest.mark.parametrize(
    ("without", "objects", "why"),
    [("redshift", 1500, "the survey has no redshifts"), ("nothing", 150, "fewer than 200 galaxies")],
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
    compared = evaluate.compare_with_sdss(z, sdss, ours, n=50, seed=0)
    assert compared["sigma_scaled_sdss"] == pytest.approx(0.06, rel=0.1)
    assert compared["sigma_scaled_adaboost"] == pytest.approx(0.03, rel=0.1)
    assert compared["outliers_percent_adaboost"] == 0


def test_gains_leave_out_what_has_no_meaning():
    z = np.linspace(0.1, 0.5, 100)
    result = evaluate.gains(z, z + 0.02 * np.sin(50 * z), z + 0.01 * np.sin(50 * z), n=20, seed=0)
    assert result["sigma_percent"] == pytest.approx(50)
    assert not any(name.startswith("outliers") for name in result)


def test_ranks_follow_importances_in_every_sample():
    table = evaluate.ranked(pd.DataFrame({"all": [0.2, 0.8], "early_faint": [0.9, 0.1]}, index=["a", "b"]))
    assert table["rank_all"].tolist() == [1, 2]
    assert table["rank_early_faint"].tolist() == [2, 1]


def test_bins_are_counted_at_their_centres():
    table = evaluate.binned(np.array([0.001, 0.019, 0.021]), np.array([0.03, 0.03, 0.03]), 0.02)
    assert table.to_numpy().tolist() == [[0.01, 0.03, 2], [0.03, 0.03, 1]]
