"""Cross-validated redshifts, and the real tables themselves."""

import json
from argparse import Namespace

import pytest
import yaml

from analysis import paths
from analysis.anchoring import names as anchoring
from analysis.errors import InputError
from analysis.feature_importance import real
from analysis.params import merge


def test_committed_results_were_made_with_the_present_code_and_settings():
    of_tables = {path.parent.name for path in paths.REAL_RESULTS.glob("*/metrics.json")} - {anchoring.NAME}
    assert of_tables == {table.name for table in real.TABLES}
    for table in real.TABLES:
        result = json.loads((paths.REAL_RESULTS / table.name / "metrics.json").read_text())
        advice = f"results/real/{table.name} was made with other code or settings: run `make real`"
        assert result.get("made_with") == real.made_with(table), advice
        assert result.get("simulated", False) == (table.name == "dc2_sim")


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
    assert galaxy_zoo["folds"] == 5
    assert galaxy_zoo["made_with"]["params"]["adaboost"]["n_estimators"] == 15
    assert "simulated" not in galaxy_zoo
    assert "one band" in one_band["not_run"]
