"""Star-galaxy separation on real tables: what is read, what is a baseline only, how well it does."""

import pandas as pd
import pytest
from toy_sky import toy_catalogue

from analysis import params, paths
from analysis.errors import InputError
from analysis.star_galaxy import names, real
from analysis.survey.columns_map import read_map
from analysis.survey.real_tables import ingested

FEW_TREES = {"seed": 1, "forest": {"n_estimators": 40}}


def test_sdss_s_own_answer_is_no_input_of_the_table():
    of_sdss = real.TABLES[0]
    assert sum("_star" in name for name in of_sdss.files) == 5
    assert sum("_galaxy" in name for name in of_sdss.files) == 4
    assert not {"type", "type_r"} & set(read_map(paths.COLUMN_MAPS / of_sdss.map).columns.values())


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="expected the folder of real tables"), ingested(real.TABLES[0], tmp_path):
        pass


@pytest.fixture
def spectra(real_data) -> pd.DataFrame:
    with ingested(real.TABLES[1], real_data) as catalogue:
        return catalogue


@pytest.mark.real
def test_colours_tell_real_stars_from_galaxies(spectra, monkeypatch):
    load = params.load
    monkeypatch.setattr(real.classifiers, "KINDS", {names.TPC_PHOT: real.classifiers.KINDS[names.TPC_PHOT]})
    monkeypatch.setattr(params, "load", lambda block: FEW_TREES if block == "train_star_galaxy" else load(block))
    settings = load("real_star_galaxy") | {"n_bootstrap": 20}
    found = real.measure("sdss_spectro_10k", spectra, None, settings)
    assert found["sample"]["n_galaxies"] + found["sample"]["n_stars"] == pytest.approx(9150, abs=300)
    assert found["classifiers"][names.TPC_PHOT]["auc"] > 0.98
    assert found["classifiers"][names.TPC_PHOT]["mse"] < 0.03
    assert found["three_classes"]["accuracy"] > 0.9
    assert found["three_classes"]["QSO"]["auc"] > 0.97


@pytest.mark.real
def test_sdss_s_types_are_known_by_object(real_data, spectra):
    types = real.sdss_types(real.TABLES[0], real_data)
    assert types is not None and types.index.is_unique and set(types) >= {3, 6}
    assert real.sdss_types(real.TABLES[1], real_data) is None
    with ingested(real.TABLES[0], real_data) as catalogue:
        galaxies = (types[catalogue["object_id"]] == 3).to_numpy()
        assert ((catalogue["class"] == "GALAXY") == galaxies).mean() > 0.98
        assert "type" not in catalogue


def test_a_class_in_one_patch_of_sky_is_not_guessed_by_those_who_never_saw_it():
    objects = toy_catalogue(400, seed=3).drop(columns="is_galaxy")
    quasars = objects.index[:30]
    objects.loc[quasars, "class"] = "QSO"
    settings = {"nside": 8, "n_folds": 4, "seed": 1, "n_bootstrap": 5}
    assert real.three_classes(objects, settings, FEW_TREES)["QSO"]["n"] == 30
    objects.loc[quasars, ["ra", "dec"]] = 150.0, 20.0
    found = real.three_classes(objects, settings, FEW_TREES)
    assert found == {"not_run": "all objects of class QSO are in one of 4 folds of sky patches"}
