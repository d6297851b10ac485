"""Cross-validated redshifts, and the real tables themselves."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis import paths
from analysis.errors import InputError
from analysis.feature_importance import real
from analysis.params import merge

SETTINGS = {"seed": 1, "workers": 2, "adaboost": {"n_estimators": 5}}


def test_no_galaxy_is_predicted_by_a_model_that_saw_it():
    # a redshift that only memory can know: trees deep enough to recall their training sample must still fail
    generator = np.random.default_rng(0)
    galaxies = pd.DataFrame({"x": generator.uniform(size=600), "redshift": generator.normal(0.5, 0.1, 600)})
    predicted = real.cross_validated(galaxies, ["x"], depth=30, folds=5, settings=SETTINGS)
    assert abs(np.corrcoef(predicted, galaxies["redshift"])[0, 1]) < 0.15
    seen = real.fit_adaboost(galaxies, ["x"], 30, SETTINGS).predict(galaxies[["x"]].to_numpy())
    assert np.corrcoef(seen, galaxies["redshift"])[0, 1] > 0.5


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"train_boss_dr10_0\.csv: no such file"):
        real.run_on_real_tables(Namespace(real_data=tmp_path))


@pytest.mark.real
def test_shapes_lower_sigma_of_real_galaxies(real_data, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REAL_RESULTS", tmp_path)
    few_trees = {"train_feature_importance": {"adaboost": {"n_estimators": 15}}}
    settings = merge(yaml.safe_load(paths.PARAMS.read_text()), few_trees, "test")
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    paths.PARAMS.write_text(yaml.safe_dump(settings))
    names = ("galaxyzoo1_table", "star_galaxy_sdss")
    monkeypatch.setattr(real, "TABLES", [table for table in real.TABLES if table.name in names])
    real.run_on_real_tables(Namespace(real_data=real_data))
    galaxy_zoo, one_band = (json.loads((paths.REAL_RESULTS / name / "metrics.json").read_text()) for name in names)
    assert galaxy_zoo["sample"]["n_features"] == 19  # 15 of model magnitudes, two radii, two axis ratios
    assert galaxy_zoo["gain"]["sigma_percent_low"] > 0
    assert galaxy_zoo["magnitudes_and_colours"]["sigma"] == pytest.approx(0.021, abs=0.002)
    assert len(galaxy_zoo["provenance"]["files"]["galaxies.csv"]) == 64
    assert galaxy_zoo["provenance"]["source"].startswith("github.com/")
    assert "one band" in one_band["not_run"]
