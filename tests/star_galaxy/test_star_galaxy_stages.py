"""The stages of star-galaxy separation one after the other, at the smoke scale, on a mock survey and on lesser ones."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from small_compendium import SMOKE, lay_out
from toy_sky import toy_catalogue

from analysis import paths
from analysis.errors import InputError
from analysis.star_galaxy import evaluate, names, plot
from analysis.star_galaxy.deep import objects_without_spectra
from analysis.star_galaxy.train import train_star_galaxy
from analysis.survey.catalogue import read_catalogue, write_survey
from analysis.survey.mock.generate import generate

STAGES = (train_star_galaxy, evaluate.evaluate_star_galaxy, plot.plot_star_galaxy)
SMALLER = {
    "star_galaxy": {"min_objects": 60, "min_in_split": 5},
    "evaluate_star_galaxy": {"sky": {"min_objects": 300}},
}


def run() -> dict:
    for stage in STAGES:
        stage(Namespace())
    return json.loads((paths.RESULTS / names.NAME / paths.METRICS).read_text())


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """All stages on a mock survey; the paths stay until the last test that asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("compendium")
        lay_out(root, patch, SMOKE, SMALLER)
        generate(2500, seed=5, out=paths.DATA, workers=1)
        yield run()


def test_tables_have_their_columns_and_figures_are_drawn(metrics):
    for table, columns in evaluate.TABLES.items():
        found = pd.read_csv(paths.RESULTS / names.NAME / table)
        assert list(found) == list(columns)
        assert len(found) > 0 or table == names.OBJECTS  # this survey has no stamps
    for name in plot.FIGURES:
        assert (paths.FIGURES / name).stat().st_size > 5000


def test_thresholds_are_applied_to_the_classifiers_they_were_chosen_for(metrics):
    samples = {
        table: set(pd.read_csv(paths.RESULTS / names.NAME / table)["sample"]) for table in (names.BINS, names.ROC)
    }
    assert samples == {names.BINS: {names.TEST, names.SPECTRA}, names.ROC: {names.TEST, names.SPECTRA, names.SAME_KIND}}


def test_evaluation_before_training_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    with pytest.raises(InputError, match=r"choices\.json: not there; run `python -m analysis star-galaxy train` first"):
        evaluate.evaluate_star_galaxy(Namespace())


def test_every_classifier_is_judged_and_the_network_says_why_it_is_not(metrics):
    assert metrics["without"] == {names.CONVNET: "the survey has no stamps"}
    assert set(metrics["classifiers"]) == set(names.LABELS) - {names.CONVNET}
    assert metrics["classifiers"][names.TPC_MORPH]["auc"] > 0.99
    assert metrics["auc_difference"].keys() == {
        f"tpc_morph_minus_tpc_phot{end}" for end in ("", "_err", "_low", "_high", "_wrong")
    }


def test_where_no_spectra_are_classes_are_harder_to_tell(metrics):
    deep = metrics["deep"]
    for name in (names.SINGLE, names.TPC_PHOT):
        assert deep[names.SPECTRA][name]["auc"] < metrics["classifiers"][name]["auc"]
    assert deep[names.SPECTRA][names.SINGLE]["auc"] < deep[names.SAME_KIND][names.BOOSTING]["auc"]
    assert deep["gain"].keys() == {"galaxies", "stars", "faint", "n_faint"}


def test_objects_without_spectra_have_their_true_class(metrics):
    objects, why = objects_without_spectra(paths.DATA, n_chunks=1)
    assert why == ""
    truth = pd.read_parquet(paths.DATA / "truth.parquet").set_index("object_id")["class"]
    assert (truth[objects["object_id"]] == np.where(objects["is_galaxy"], "GALAXY", "STAR")).all()
    catalogue = read_catalogue(paths.DATA).set_index("object_id")
    assert catalogue.loc[objects["object_id"], "class"].isna().all()


def test_called_stars_thicken_towards_the_plane(metrics):
    assert metrics["sky"][names.TPC_MORPH]["latitude_slope"] < 0
    assert "latitude_slope" not in metrics["sky"]["no_classifier"]


def test_a_survey_of_galaxies_alone_says_so(tmp_path, monkeypatch):
    lay_out(tmp_path, monkeypatch, SMOKE, SMALLER)
    catalogue = toy_catalogue(400, seed=1)
    write_survey(catalogue[catalogue["is_galaxy"]].drop(columns="is_galaxy"), paths.DATA, {"kind": "ingested"})
    assert run() == {"not_run": "0 stars; 60 of each class are needed"}
    assert pd.read_csv(paths.RESULTS / names.NAME / names.MERIT).empty


def test_an_observed_survey_whose_objects_all_have_spectra_goes_without_the_rest(tmp_path, monkeypatch):
    lay_out(tmp_path, monkeypatch, SMOKE, SMALLER)
    catalogue = toy_catalogue(900, seed=2).drop(columns=["is_galaxy", "psfMag_u", "psfMag_r"])
    write_survey(catalogue, paths.DATA, {"kind": "ingested"})
    metrics = run()
    assert set(metrics["classifiers"]) == {names.SDSS_TYPE, names.TPC_PHOT, names.PCA_NETWORK, names.BOOSTING}
    assert metrics["without"][names.TPC_MORPH] == "no PSF and model magnitudes in r"
    assert "nobody knows" in metrics["deep"]["not_run"]
    assert "fewer than 300 objects without spectra" in metrics["sky"]["not_run"]
