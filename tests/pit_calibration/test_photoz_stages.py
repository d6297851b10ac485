"""The stages on redshift PDFs one after the other, at the smoke scale: on a mock survey, and on lesser ones."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_compendium import SMOKE, lay_out

from analysis import paths
from analysis.features import make_features
from analysis.photoz_pdf.sample import read_sample
from analysis.pit_calibration import evaluate as pit
from analysis.pit_calibration.plot import plot_pit_calibration
from analysis.pit_calibration.train import train_photoz_pdf
from analysis.redshift_distributions import evaluate as n_z
from analysis.redshift_distributions.plot import plot_redshift_distributions
from analysis.spectroscopic_completeness import evaluate as completeness
from analysis.spectroscopic_completeness.plot import plot_spectroscopic_completeness
from analysis.spectroscopic_completeness.sample import galaxies_of_the_images
from analysis.spectroscopic_completeness.train import train_spectroscopic_completeness
from analysis.survey.catalogue import read_catalogue, read_provenance, write_survey
from analysis.survey.mock import truth
from analysis.survey.mock.generate import generate

OBJECTS = 3000
STAGES = (
    make_features,
    train_photoz_pdf,
    pit.evaluate_pit_calibration,
    plot_pit_calibration,
    n_z.evaluate_redshift_distributions,
    plot_redshift_distributions,
    train_spectroscopic_completeness,
    completeness.evaluate_spectroscopic_completeness,
    plot_spectroscopic_completeness,
)
RESULTS = {"pit_calibration": pit, "redshift_distributions": n_z, "spectroscopic_completeness": completeness}


@pytest.fixture(scope="module")
def mock(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mock") / "survey"
    generate(OBJECTS, seed=3, out=folder, workers=1)
    return folder


def run() -> dict[str, dict]:
    for stage in STAGES:
        stage(Namespace())
    return {name: json.loads((paths.RESULTS / name / "metrics.json").read_text()) for name in RESULTS}


@pytest.fixture(scope="module")
def results(mock, tmp_path_factory):
    """All stages on the mock; the paths stay until the last test that asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("compendium")
        lay_out(root, patch, SMOKE)
        paths.DATA.symlink_to(mock)
        yield run()


def test_tables_have_their_columns_and_figures_are_drawn(results):
    for name, module in RESULTS.items():
        for table, columns in module.TABLES.items():
            found = pd.read_csv(paths.RESULTS / name / table)
            assert set(columns) <= set(found), table
            assert len(found), table
    assert len(list(paths.FIGURES.glob("fig-*.png"))) == 8


def test_four_panels_have_their_forms(results):
    panels = results["pit_calibration"]["panels"]
    assert panels["underdispersed"]["curvature_low"] > 0
    assert panels["overdispersed"]["curvature_high"] < 0
    assert panels["biased"]["slope_high"] < 0
    assert panels["calibrated"]["ks_ratio"] < min(panels[name]["ks_ratio"] for name in panels if name != "calibrated")


def test_the_control_is_calibrated_and_knows_nothing(results):
    found = results["pit_calibration"]
    assert found["control"]["cde_loss_gap_low"] > 0
    assert found["estimators"]["trainz"]["raw"]["ks_ratio"] < 1.3
    assert found["local"]["trainz"]["raw"]["rms"] > 0.2  # flat for all together, nowhere flat by itself
    worst = max(results["pit_calibration"]["estimators"], key=lambda name: found["estimators"][name]["raw"]["crps"])
    assert worst == "trainz"


def test_calibration_flattens_what_was_least_flat(results):
    ks = {
        name: [variants[way]["ks"] for way in ("raw", "rescaled", "remapped")]
        for name, variants in results["pit_calibration"]["estimators"].items()
    }
    raw, rescaled, remapped = max(ks.values())
    assert rescaled < raw
    assert remapped < raw


def test_histograms_hold_every_galaxy(results):
    table = pd.read_csv(paths.RESULTS / "pit_calibration" / "histograms.csv")
    assert table.groupby(["estimator", "variant"])["density"].mean().to_numpy() == pytest.approx(1, abs=1e-5)
    assert ((table["band_low"] < 1) & (table["band_high"] > 1)).all()


def test_shifts_agree_with_the_truth(results):
    bins = pd.read_csv(paths.RESULTS / "redshift_distributions" / "bins.csv")
    assert len(bins) == 4
    assert (bins["low"].to_numpy()[1:] == bins["high"].to_numpy()[:-1]).all()
    pull = (bins["shift_resampled"] - bins["shift_true"]) / np.hypot(
        bins["shift_resampled_err"], bins["shift_true_err"]
    )
    assert (np.abs(pull[bins["galaxies"] > 20]) < 6).all()
    curves = pd.read_csv(paths.RESULTS / "redshift_distributions" / "n_z.csv")
    width = curves["z"].diff().median()
    areas = curves.groupby("bin")[["stacked", "resampled", "true"]].sum().to_numpy() * width
    assert areas == pytest.approx(np.ones_like(areas), abs=0.02)


def test_science_sample_is_worse_and_better_foreseen_by_weights(results):
    found = results["spectroscopic_completeness"]
    assert found["map"]["spread_low"] > 0.1
    assert found["distance"]["weighted"] < found["distance"]["unweighted"] / 2
    science = found["science"]["unweighted"]
    assert science["science"]["sigma68"] > 1.5 * science["test"]["sigma68"]
    errors = {
        name: abs(science[name]["sigma68"] - science["science"]["sigma68"]) for name in ("test", "test_reweighted")
    }
    assert errors["test_reweighted"] < errors["test"]
    assert found["labels"]["leaf_mates"]["average_precision"] > found["labels"]["isolation_forest"]["average_precision"]


def test_the_truth_drawn_again_is_the_truth(results, mock):
    again, true = truth.draw_truth(read_provenance(paths.DATA), 1)
    pd.testing.assert_frame_equal(true, pd.read_parquet(mock / "truth.parquet"))
    catalogue = read_catalogue(paths.DATA, ["object_id", "dered_r"])
    assert truth.is_same(again, catalogue)
    assert not truth.is_same(again.assign(dered_r=again["dered_r"] + 0.01), catalogue)
    assert not truth.is_same(again, catalogue.iloc[1:])


def test_who_knows_the_truth(results):
    provenance = read_provenance(paths.DATA)
    assert truth.why_unknown(provenance) == ""
    assert "nobody knows" in truth.why_unknown({**provenance, "kind": "ingested"})
    assert "nobody knows" in truth.why_unknown({"kind": "mock", "generator": {}})
    other = {**provenance["generator"], "parameters_sha256": "0"}
    assert "parameters have changed" in truth.why_unknown({**provenance, "generator": other})


def test_science_sample_has_no_star_by_its_form(results):
    galaxies = galaxies_of_the_images()
    assert galaxies["labelled"].sum() == len(read_sample())
    assert (galaxies.loc[galaxies["labelled"], "split"] != "").all()
    true = pd.read_parquet(paths.DATA / "truth.parquet").set_index("object_id")["class"]
    classes = true.loc[galaxies.loc[~galaxies["labelled"], "object_id"]]
    assert (classes == "GALAXY").mean() > 0.95


@pytest.fixture
def lesser(mock, tmp_path, monkeypatch):
    """Return a function that runs all stages on the mock's catalogue, changed."""

    def run_on(change) -> dict[str, dict]:
        lay_out(tmp_path, monkeypatch, SMOKE)
        write_survey(change(read_catalogue(mock)), paths.DATA, {"kind": "ingested"})
        return run()

    return run_on


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: c.drop(columns="redshift"), "no redshifts"),
        (lambda c: c.drop(columns=c.filter(regex="^dered_[ugiz]").columns), "fewer than two bands"),
        (lambda c: c.iloc[:100], "are needed"),
    ],
)
def test_what_a_survey_lacks_is_said(lesser, change, why):
    for result in lesser(change).values():
        assert why in result["not_run"]
    assert len(list(paths.FIGURES.glob("fig-*.png"))) == 8


@pytest.mark.slow
def test_a_survey_of_labelled_galaxies_without_positions_and_errors(lesser):
    """Two bands, no class, nothing without redshift: the PDFs and the flags run, the science sample is not there."""
    kept = ["object_id", "redshift", "dered_g", "dered_i"]
    found = lesser(lambda c: c.loc[(c["class"] == "GALAXY") & (c["redshift_warning"] == 0), kept])
    assert found["pit_calibration"]["control"]["cde_loss_gap"] > 0
    assert found["redshift_distributions"]["sample"]["reference_has_positions"] == 0
    assert "galaxies without redshift; 200 are needed" in found["spectroscopic_completeness"]["no_science"]
    assert "labels" in found["spectroscopic_completeness"]
